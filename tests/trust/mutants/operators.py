# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may be changed in a source file so that a good test notices: each change is one mutant."""

from __future__ import annotations

import ast
import copy
import itertools
from collections import Counter
from dataclasses import dataclass

BOUNDARIES = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
OPPOSITES = {ast.Eq: ast.NotEq, ast.Is: ast.IsNot, ast.In: ast.NotIn}
COMPARISONS = {**BOUNDARIES, **OPPOSITES, **{after: before for before, after in OPPOSITES.items()}}
ARITHMETIC = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult}
FUNCTIONS = {"min": "max", "max": "min", "any": "all", "all": "any"}
UNITS = {"days": "hours", "hours": "minutes", "minutes": "seconds", "seconds": "minutes"}
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
LONGEST = 100  # characters of a change as a person reads it


@dataclass(frozen=True)
class Mutant:
    """One change to a file: `target` of its tree becomes `replacement`. `name` tells it apart, whatever its line."""

    file: str
    function: str
    change: str
    lines: range
    first_line: int  # of the outermost function, decorators included; 0 outside of any
    tree: ast.Module
    target: ast.AST
    replacement: ast.AST

    @property
    def name(self):
        return f"{self.file}: {self.function}: {self.change}"

    def code(self):
        """The file's code with the change. Only a child process asks: the tree stays changed."""
        replace(self.tree, self.target, self.replacement)
        return self.tree


def mutants_of(file, source):
    """Every mutant of a file, from top to bottom."""
    tree, seen = ast.parse(source), Counter()
    for statement, function, first_line in statements(tree, "", 0):
        for target, replacement, parent in changes(statement):
            change = describe(target, replacement, parent)
            seen[function, change] += 1
            number = seen[function, change]
            name = change if number == 1 else f"{change} (number {number})"
            replacement = ast.fix_missing_locations(ast.copy_location(replacement, target))
            yield Mutant(file, function, name, header(statement), first_line, tree, target, replacement)


def statements(block, function, first_line):
    """Each statement with the function that it is in, but none of what only names, documents or imports."""
    for statement in ast.iter_child_nodes(block):
        inside, first = function, first_line
        if isinstance(statement, (*FUNCTION, ast.ClassDef)):
            inside = f"{function}.{statement.name}" if function else statement.name
            if isinstance(statement, FUNCTION) and not first_line:
                first = min(node.lineno for node in (statement, *statement.decorator_list))
        if isinstance(statement, ast.stmt) and not is_declaration(statement):
            # Decorators and defaults are worked out when the module is imported: they are not in the function.
            yield statement, inside, first_line
        if isinstance(statement, (ast.stmt, ast.ExceptHandler)):
            yield from statements(statement, inside, first)


def is_declaration(statement):
    """Imports, docstrings, and aliases of types."""
    if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Subscript):
        base = statement.value.value
        return (isinstance(base, ast.Attribute) and ast.unparse(base.value) == "t") or ast.unparse(base) == "dict"
    return isinstance(statement, (ast.Import, ast.ImportFrom)) or is_docstring(statement)


def is_docstring(statement):
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def header(statement):
    """The lines of a statement without the statements in it: a test that runs one of them may notice the change."""
    inner = [node.lineno for field in ("body", "handlers") for node in getattr(statement, field, [])]
    return range(statement.lineno, max(statement.lineno + 1, min([*inner, statement.end_lineno + 1])))


def changes(statement):
    """Target, replacement, and the node around the target."""
    if is_removable(statement):
        yield statement, ast.Pass(), None
    if isinstance(statement, ast.Return) and statement.value and not isinstance(statement.value, ast.Constant):
        yield statement.value, ast.Constant(None), statement
    if isinstance(statement, ast.AugAssign) and type(statement.op) in ARITHMETIC:
        yield statement, changed(statement, op=ARITHMETIC[type(statement.op)]()), None
    for parent, node in own_nodes(statement):
        for replacement in itertools.chain(of_condition(parent, node), of_expression(node)):
            yield node, replacement, parent


def is_removable(statement):
    """Statements whose effect somebody must miss. A name that is only not assigned would be missed by Python itself."""
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Call)
    if isinstance(statement, ast.Return):
        return statement.value is None
    if isinstance(statement, ast.Assign):
        return not all(isinstance(target, (ast.Name, ast.Tuple)) for target in statement.targets)
    return isinstance(statement, (ast.Raise, ast.AugAssign, ast.Continue, ast.Break))


def own_nodes(node, is_top=True):
    """The expressions of a statement, each with the node around it; no annotation, no text for people."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns") or (is_type_of_cast(node) and name == "args"):
            continue
        for child in value if isinstance(value, list) else [value]:
            # The type of a handler belongs to it, its statements are met by themselves.
            if not isinstance(child, ast.AST) or isinstance(child, (ast.stmt, ast.JoinedStr)):
                continue
            if isinstance(child, ast.ExceptHandler):
                yield from ((child, one) for one in [child.type] if isinstance(one, ast.Tuple))
                continue
            yield node, child
            yield from own_nodes(child, False)


def is_type_of_cast(node):
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "t.cast"


def of_condition(parent, node):
    """A condition that always or never holds. A loop that never ends would only cost time."""
    is_test = isinstance(parent, (ast.If, ast.IfExp, ast.While)) and node is parent.test
    is_filter = isinstance(parent, ast.comprehension) and node in parent.ifs
    if (is_test or is_filter) and not isinstance(node, ast.Constant):
        yield ast.Constant(False)
        if not isinstance(parent, ast.While):
            yield ast.Constant(True)


def of_expression(node):
    """What an expression may become."""
    if isinstance(node, ast.Compare):
        for index, operator in enumerate(node.ops):
            ops = list(node.ops)
            ops[index] = COMPARISONS[type(operator)]()
            yield changed(node, ops=ops)
    elif isinstance(node, ast.BoolOp):
        # Harder to survive than `and` for `or`: each operand has to matter by itself.
        for index in range(len(node.values)):
            rest = node.values[:index] + node.values[index + 1 :]
            yield changed(node, values=rest) if len(rest) > 1 else rest[0]
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        yield changed(node, op=ARITHMETIC[type(node.op)]())
    elif isinstance(node, ast.Constant):
        yield from of_constant(node.value)
    elif isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Load):
        for index in range(len(node.elts) if is_of_types(node) else 0):
            yield changed(node, elts=node.elts[:index] + node.elts[index + 1 :])
    elif isinstance(node, ast.Call):
        yield from of_call(node)


def is_of_types(node):
    """A tuple of classes, as `except` and `isinstance` take it."""
    return all(isinstance(each, ast.Name) and each.id[0].isupper() and not each.id.isupper() for each in node.elts)


def of_constant(value):
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, (int, float)):
        yield ast.Constant(value + 1)
    elif isinstance(value, str) and value and " " not in value:
        yield ast.Constant("")


def of_call(node):
    if isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS:
        yield changed(node, func=ast.Name(FUNCTIONS[node.func.id], ast.Load()))
    for index, keyword in enumerate(node.keywords):
        if ast.unparse(node.func).endswith("timedelta"):
            smaller = UNITS[keyword.arg]
            if all(other.arg != smaller for other in node.keywords):
                yield with_keyword(node, index, [ast.keyword(smaller, keyword.value)])
        elif keyword.arg and not is_replaced_anyway(keyword.value):
            yield with_keyword(node, index, [])


def is_replaced_anyway(value):
    return isinstance(value, ast.Constant) and isinstance(value.value, bool)


def with_keyword(node, index, instead):
    return changed(node, keywords=[*node.keywords[:index], *instead, *node.keywords[index + 1 :]])


def changed(node, **fields):
    """A copy of this node alone, with other fields."""
    result = copy.copy(node)
    for name, value in fields.items():
        setattr(result, name, value)
    return result


class _Replacer(ast.NodeTransformer):
    def __init__(self, target, replacement):
        self.target, self.replacement = target, replacement

    def visit(self, node):
        return self.replacement if node is self.target else super().generic_visit(node)


def replace(tree, target, replacement):
    """In place, wherever the target is."""
    return _Replacer(target, replacement).visit(tree)


def describe(target, replacement, parent):
    """The change as a person reads it; a constant says little without what is around it."""
    if isinstance(target, ast.Constant) and parent is not None:
        before, after = ast.unparse(parent), ast.unparse(_shallow(parent, target, replacement))
        if len(before) <= LONGEST:
            return f"{first_line_of(before)} → {first_line_of(after)}"
    return f"{first_line_of(ast.unparse(target))} → {first_line_of(ast.unparse(replacement))}"


def _shallow(parent, target, replacement):
    fields = {
        name: [replacement if each is target else each for each in value] if isinstance(value, list) else value
        for name, value in ast.iter_fields(parent)
    }
    return changed(parent, **{name: replacement if value is target else value for name, value in fields.items()})


def first_line_of(text):
    line = text.splitlines()[0]
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"
