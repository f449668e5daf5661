# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""meta/options.yml → every place that an option stands in: no tool writes Ansible's specs and documentation from one.

options.py            writes what differs, and names it
options.py --check    fails when something does
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
import typing as t
from pathlib import Path

import yaml

import guide

ROOT = Path(__file__).resolve().parents[1]
Entry = dict[str, t.Any]
DESCRIBED: Entry = yaml.safe_load((ROOT / "meta" / "options.yml").read_text(encoding="utf-8"))
GROUPS: dict[str, dict[str, Entry]] = {name: group["options"] for name, group in DESCRIBED["groups"].items()}
LICENCE = """# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""
ORIGIN = "Made from meta/options.yml by `make options`: change it there."
# What Ansible takes for a secret by its name, and is none.
LOOKS_SECRET = re.compile(r"key|token|pass|secret")
WIDTH = 120
LONGEST = {"days": 36500, "seconds": 7 * 86400}
OUTSIDE = {"applications": "plugins/inventory/applications.py"}
EVENT_SOURCE = "extensions/eda/plugins/event_source/certificate_expiry.py"


def options_of(plugin: str) -> dict[str, Entry]:
    return {name: entry for group in DESCRIBED["plugins"][plugin]["takes"] for name, entry in GROUPS[group].items()}


def files() -> dict[str, str]:
    """Each file that is made, by its path below the root, with its content."""
    made = {"plugins/module_utils/_ansible/specs.py": specs(), "playbooks/vars/connection.yml": playbook_variables()}
    made.update({f"plugins/doc_fragments/_{name}.py": fragment(name) for name in GROUPS if name != "events"})
    for name, plugin in DESCRIBED["plugins"].items():
        if name == "certificate_expiry":
            made[EVENT_SOURCE] = event_source((ROOT / EVENT_SOURCE).read_text(encoding="utf-8"))
        else:
            path = OUTSIDE.get(name, f"plugins/modules/{name}.py")
            made[path] = plugin_page((ROOT / path).read_text(encoding="utf-8"), plugin)
    made["plugins/plugin_utils/_role_specs.py"] = role_specs()
    made[GUIDE] = table_of_events((ROOT / GUIDE).read_text(encoding="utf-8"))
    for name, role in DESCRIBED["roles"].items():
        made[f"roles/{name}/meta/argument_specs.yml"] = role_spec(name, role)
        made[f"roles/{name}/defaults/main.yml"] = role_defaults(name, role)
        readme = f"roles/{name}/README.md"
        made[readme] = role_readme((ROOT / readme).read_text(encoding="utf-8"), name, main_of(role))
        if "entry" in main_of(role):
            made[f"roles/{name}/vars/main/options.yml"] = role_variables(name, main_of(role))
    return made


# Python ------------------------------------------------------------------------------------------------------------


def specs() -> str:
    lines = [LICENCE, f'"""Argument specifications. {ORIGIN}"""', "", "from __future__ import annotations", ""]
    lines += ["import typing as t", "", "from .environment import from_environment", ""]
    lines += ["Spec = dict[str, dict[str, t.Any]]", ""]
    for name, options in GROUPS.items():
        lines += [f"{name.upper()}: Spec = {{"]
        lines += [f'    "{option}": {python(spec_of(option, entry), 4)},' for option, entry in options.items()]
        lines += ["}", ""]
    for name, plugin in DESCRIBED["plugins"].items():
        lines += [f"OF_{name.upper()}: Spec = {{", *(f"    **{group.upper()}," for group in plugin["takes"]), "}", ""]
    every = {name: entry for options in GROUPS.values() for name, entry in options.items()}
    lines += ["# name → the least, whether more than that is needed, the most, and the unit", ""]
    lines[-1:] = ["BOUNDS: dict[str, tuple[float, bool, float | None, str]] = {"]
    lines += [f'    "{name}": {bounds(entry)},' for name, entry in sorted(every.items()) if bounds(entry)]
    lines += ["}", ""]
    for title, key, form in (
        ("GUIDS", "form", "guid"),
        ("THUMBPRINTS", "form", "thumbprint"),
        ("PATHS", "type", "path"),
    ):
        named = [name for name, entry in every.items() if form in (entry.get(key), entry.get("elements"))]
        lines += [f"{title} = (", *(f'    "{name}",' for name in named), ")"]
    return "\n".join(lines) + "\n"


def spec_of(name: str, entry: Entry) -> Entry:
    """As AnsibleModule takes it; the fallback is a call that is written as it is."""
    spec: Entry = {
        key: entry[key] for key in ("type", "elements", "required", "aliases", "default", "choices") if key in entry
    }
    if entry.get("secret"):
        spec["no_log"] = True
    elif LOOKS_SECRET.search(name) and entry["type"] in ("str", "path"):
        spec["no_log"] = False
    if "environment" in entry:
        spec["fallback"] = Call("from_environment", entry["environment"])
    if "suboptions" in entry:
        spec["options"] = {key: spec_of(key, value) for key, value in entry["suboptions"].items()}
    return spec


class Call(t.NamedTuple):
    function: str
    arguments: list[str]


def python(value: t.Any, indent: int) -> str:
    """A value in the layout that ruff leaves alone."""
    if isinstance(value, Call):
        return f"{value.function}({', '.join(map(quoted, value.arguments))})"
    if isinstance(value, dict) and value:
        inner = "".join(
            f"\n{' ' * (indent + 4)}{quoted(key)}: {python(one, indent + 4)}," for key, one in value.items()
        )
        return f"{{{inner}\n{' ' * indent}}}"
    if isinstance(value, list):
        if len(flat := f"[{', '.join(map(quoted, value))}]") + indent < 90:
            return flat
        return "[" + "".join(f"\n{' ' * (indent + 4)}{quoted(one)}," for one in value) + f"\n{' ' * indent}]"
    return quoted(value)


def quoted(value: t.Any) -> str:
    return json.dumps(value) if isinstance(value, str) else repr(value)


def bounds(entry: Entry) -> str | None:
    if not {"least", "above"} & entry.keys():
        return None
    unit, is_above = entry.get("unit", ""), "above" in entry
    least, most = entry["above" if is_above else "least"], entry.get("most", LONGEST.get(unit))
    return f"({least}, {is_above}, {most}, {quoted(unit)})"


# Documentation -----------------------------------------------------------------------------------------------------


def fragment(name: str) -> str:
    title = DESCRIBED["groups"][name]["title"]
    needed = required() if name == "connection" else ""
    return (
        f'{LICENCE}\n# {ORIGIN}\n"""{title}"""\n\nfrom __future__ import annotations\n\n\nclass ModuleDocFragment:\n'
        f'    DOCUMENTATION = r"""\n{needed}options:\n{documented(GROUPS[name], 2)}\n"""\n'
    )


def required() -> str:
    """What every plugin needs where it runs, with the bounds that are tested."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    listed = "".join(f"  - {line.replace('>=', ' >= ')}\n" for line in lines if line and not line.startswith("#"))
    return f"requirements:\n  - python >= 3.9\n{listed}"


def documented(options: dict[str, Entry], indent: int, told: t.Callable[[str], str] = str) -> str:
    return "\n".join(line for name, entry in options.items() for line in option_page(name, entry, indent, told))


def option_page(name: str, entry: Entry, indent: int, told: t.Callable[[str], str]) -> t.Iterator[str]:
    pad = " " * indent
    yield f"{pad}{name}:"
    yield f"{pad}  description:"
    for text in (*entry["description"], *environment_sentence(entry)):
        yield paragraph(told(" ".join(text.split())), indent + 4)
    for key in ("type", "elements", "required", "default", "choices", "aliases"):
        if key in entry:
            yield from flow_or_block(f"{pad}  {key}: ", entry[key])
    if "suboptions" in entry:
        yield f"{pad}  suboptions:" if told is str else f"{pad}  options:"
        yield documented(entry["suboptions"], indent + 4, told)


def flow_or_block(start: str, value: t.Any) -> t.Iterator[str]:
    if len(line := start + flow(value)) <= WIDTH:
        yield line
        return
    yield start.rstrip()
    yield from (f"{' ' * len(start.split(':')[0].rstrip())}- {flow(one)}" for one in value)


def environment_sentence(entry: Entry) -> list[str]:
    names = [f"E({name})" for name in entry.get("environment", ())]
    if not names:
        return []
    many = len(names) > 1
    listed = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    verb = "variables {} are" if many else "variable {} is"
    return [f"Without it, the environment {verb.format(listed)} read where the module runs."]


def paragraph(text: str, indent: int) -> str:
    """One item of a list of paragraphs, folded where plain YAML would read it otherwise."""
    pad = " " * indent
    lines = textwrap.wrap(text, WIDTH - indent - 2, break_long_words=False, break_on_hyphens=False)
    plain = f"{pad}- " + f"\n{pad}  ".join(lines)
    try:
        if yaml.safe_load(plain) == [text]:
            return plain
    except yaml.YAMLError:
        pass
    return f"{pad}- >-\n" + "\n".join(f"{pad}  {line}" for line in lines)


def flow(value: t.Any) -> str:
    if isinstance(value, (bool, type(None))):
        return json.dumps(value)
    if isinstance(value, list):
        return f"[{', '.join(map(flow, value))}]"
    if isinstance(value, str):
        return value if re.fullmatch(r"[A-Za-z/][\w./ -]*", value) else json.dumps(value)
    return json.dumps(value)


def plugin_page(text: str, plugin: Entry) -> str:
    """A plugin's own file, with the groups that it takes and the options that people need."""
    groups = "".join(f"  - evercert.entra._{name}\n" for name in plugin["takes"])
    text = re.sub(r"(?:  - evercert\.entra\._(?!attributes)\w+\n)+", groups, text, count=1)
    needed = paragraph(f"{NEEDED} {', '.join(f'O({name})' for name in plugin['first'])}. {THE_REST}", 2)
    return re.sub(rf"  - {NEEDED}(?:.+\n)(?:    .+\n)*", needed + "\n", text, count=1)


NEEDED = "What most people give is"
THE_REST = "Every other option has a default that is right for most."


def event_source(text: str) -> str:
    """Its file holds its whole documentation: nothing resolves a fragment there."""
    plugin = DESCRIBED["plugins"]["certificate_expiry"]
    page = documented(options_of("certificate_expiry"), 2)
    text = re.sub(r"\nrequirements:\n(?:  - .*\n)+", f"\n{required()}", text, count=1)
    text = re.sub(r"\noptions:\n(?:  .*\n)+", lambda _old: f"\noptions:\n{page}\n", text, count=1)
    return plugin_page(text, {**plugin, "takes": []})


# Roles -------------------------------------------------------------------------------------------------------------


GUIDE = "docs/docsite/rst/guide_events.rst"


def table_of_events(text: str) -> str:
    """The event source's own options, in their guide."""
    shown = [pair for group in ("filter", "due", "events") for pair in GROUPS[group].items()]
    rows = [
        (f"``{name}``", told_default(entry), " ".join(map(in_guide, entry["description"]))) for name, entry in shown
    ]
    return guide.filled(text, {"options": guide.list_table(("Option", "Default", "Meaning"), rows, "20 15 65")})


def in_guide(text: str) -> str:
    return without_markup(" ".join(text.split())).replace("`", "``")


def told_default(entry: Entry) -> str:
    """As it is written in YAML; nothing where there is none."""
    value = entry.get("default", "")
    if isinstance(value, list):
        return ", ".join(f"``{one}``" for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def main_of(role: Entry) -> Entry:
    return t.cast(Entry, next(iter(role.values())))


def variables_of(name: str, entry_point: Entry) -> dict[str, Entry]:
    """A role's variables: its own, then the options of its module under the role's name."""
    made = dict(entry_point.get("variables", {}))
    known = {**(GROUPS["health"]), **(options_of(entry_point["module"]) if "module" in entry_point else {})}
    for option in entry_point.get("offers", ()):
        entry = {**known[option], **entry_point.get("instead", {}).get(option, {})}
        entry = {key: value for key, value in entry.items() if key not in ("aliases", "environment", "required")}
        if entry["type"] == "path":  # a path is one of the host, not of the control node
            entry["type"] = "str"
        if entry.get("elements") == "path":
            entry["elements"] = "str"
        made[f"{name}_{option}"] = entry
    return made


def loosely(entry: Entry) -> Entry:
    """In words what Ansible is not to check: of a wrong type it speaks Python, before the role can say anything."""
    if entry["type"] == "str":
        return entry
    kept = {key: value for key, value in entry.items() if key not in ("elements", "choices")}
    if entry["type"] == "list" and "choices" in entry:
        kept["choices"] = entry["choices"]
    return {**kept, "type": "raw", "description": [*entry["description"], kind_of(entry)]}


def kind_of(entry: Entry) -> str:
    if entry["type"] in ("int", "float"):
        whole = "A whole number" if entry["type"] == "int" else "A number"
        one_of = f", one of {', '.join(map(str, entry['choices']))}" if "choices" in entry else ""
        return whole + (f" of {entry['unit']}" if "unit" in entry else "") + one_of + "."
    kinds = {"bool": "True or false.", "dict": "A dictionary."}
    return kinds.get(entry["type"]) or f"A list of {'dictionaries' if entry.get('elements') == 'dict' else 'texts'}."


def role_specs() -> str:
    """What a role is given, checked before Ansible could: its own words for a wrong type are Python's."""
    mains = {name: main_of(role) for name, role in DESCRIBED["roles"].items() if name != "remediate"}
    every = {key: entry for name, main in mains.items() for key, entry in variables_of(name, main).items()}
    own = {key: entry for main in mains.values() for key, entry in main.get("variables", {}).items()}
    lines = [LICENCE, f'"""The variables of the roles. {ORIGIN}"""', "", "from __future__ import annotations", ""]
    lines += ["from ..module_utils._ansible import specs", "", "OF_ROLES: dict[str, specs.Spec] = {"]
    for name, main in mains.items():
        entries = {key: role_entry(entry) for key, entry in variables_of(name, main).items()}
        lines += [f'    "{name}": {python(entries, 4)},']
    lines += ["}", "", "# Whose options a role hands over.", "MODULES: dict[str, specs.Spec] = {"]
    lines += [f'    "{name}": specs.OF_{main["module"].upper()},' for name, main in mains.items() if "module" in main]
    lines += ["}", "", "# What a role sets itself.", "SETS: dict[str, tuple[str, ...]] = {"]
    for name, main in mains.items():
        one_only = len(main["sets"]) == 1
        listed = (
            [f'("{main["sets"][0]}",),']
            if one_only
            else ["(", *(f'        "{one}",' for one in main["sets"]), "    ),"]
        )
        lines += [f'    "{name}": {listed[0]}', *listed[1:]]
    lines += ["}", "", "# What a text has to match, and how that is said.", "PATTERNS: dict[str, tuple[str, str]] = {"]
    patterns = [(key, quoted(one["pattern"]), quoted(one["told"])) for key, one in own.items() if "pattern" in one]
    lines += [f'    "{key}": ({pattern}, {told}),' for key, pattern, told in patterns]
    lines += ["}", "", "BOUNDS: dict[str, tuple[float, bool, float | None, str]] = {"]
    lines += [f'    "{key}": {bounds(one)},' for key, one in own.items() if bounds(one)]
    lines += ["}"]
    files = [key for key, one in every.items() if one.get("form") == "task_file"]
    never_null = [key for key, one in every.items() if one.get("never_null") or one.get("default") is not None]
    for title, named in (("TASK_FILES", files), ("NEVER_NULL", never_null)):
        lines += ["", f"{title} = (", *(f'    "{key}",' for key in named), ")"]
    return "\n".join(lines) + "\n"


def role_entry(entry: Entry) -> Entry:
    return {key: value for key, value in spec_of("", entry).items() if key not in ("no_log", "fallback")}


def role_spec(name: str, role: Entry) -> str:
    lines = ["---", LICENCE, f"# {ORIGIN}", "argument_specs:"]
    for entry_point, entry in role.items():
        options = variables_of(name, entry)
        lines += [
            f"  {entry_point}:",
            "    version_added: 0.1.0",
            f"    short_description: {entry['short_description']}",
        ]
        lines += ["    description:", *(paragraph(" ".join(one.split()), 6) for one in entry["description"])]
        if "first" in entry:
            needed = ", ".join(f"O({option})" for option in entry["first"])
            lines += [paragraph(f"{NEEDED} {needed}. {THE_REST}", 6)]
        lines += ["    author:", "      - evercert.entra contributors (@evercert)"]
        shown = {key: loosely(one) for key, one in options.items()}
        lines += ["    options:", documented(shown, 6, in_role(name, options))]
        if not options:
            lines[-2:] = ["    options: {}"]
    return "\n".join(lines) + "\n"


def in_role(name: str, options: dict[str, Entry]) -> t.Callable[[str], str]:
    """A sentence about a module's options, told of a role's variables."""

    def reference(found: re.Match[str]) -> str:
        option, rest = found[1], found[2] or ""
        if option in options or option.startswith("evercert."):
            return found[0]
        own = f"{name}_{option.removeprefix('ignore:')}"
        return f"O({own}{rest})" if own in options else f"C({option.removeprefix('ignore:')}{rest})"

    def told(text: str) -> str:
        return re.sub(
            r"RV\((?:ignore:)?([\w.]+)\)", r"C(\1)", re.sub(r"(?<!\w)O\(([\w.:#]+)(=[^)]*)?\)", reference, text)
        )

    return told


def role_defaults(name: str, role: Entry) -> str:
    entry = main_of(role)
    options = variables_of(name, entry)
    first = [option for option in entry.get("first", ()) if option in options]
    lines = ["---", LICENCE, f"# {ORIGIN}"]
    if first:
        lines += ["", "# What most people give."]
        lines += [default_line(option, options[option]) for option in first]
        lines += ["", "# The rest, with defaults that are right for most."]
    lines += [default_line(option, one) for option, one in options.items() if option not in first]
    return "\n".join(lines) + "\n"


def default_line(option: str, entry: Entry) -> str:
    value = entry.get("expression", entry.get("default"))
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, list) and value and isinstance(value[0], dict):
        dumped = yaml.safe_dump(value, sort_keys=False, width=1000, default_style=None)
        return f"{option}:\n" + textwrap.indent(dumped.rstrip(), "  ")
    line = f"{option}: {flow(value)}"
    return line if len(line) <= WIDTH else f"{option}: >-\n  {value}"


def role_readme(text: str, name: str, entry: Entry) -> str:
    """The variables that most people give, in a table before the line about all of them."""
    options = variables_of(name, entry)
    told = in_role(name, options)
    rows = [
        f"| `{one}` | {without_markup(told(' '.join(options[one]['description'][0].split())))} |"
        for one in entry["first"]
    ]
    table = "\n".join(["| Most people give | |", "| --- | --- |", *rows])
    text = re.sub(r"\| Most people give \|.*\n(?:\|.*\n)+\n", "", text)
    return re.sub(r"(?m)^All variables: ", lambda _found: f"{table}\n\nAll variables: ", text, count=1)


def without_markup(text: str) -> str:
    return re.sub(r"\b[CEVMO]\(([^()]*(?:\([^()]*\))?[^()]*)\)", lambda found: f"`{found[1].split('#')[0]}`", text)


def role_variables(name: str, entry: Entry) -> str:
    """What a role hands to its module, and what an entry of its list may say."""
    known, offered = options_of(entry["module"]), [one for one in entry["offers"] if one in options_of(entry["module"])]
    lines = ["---", LICENCE, f"# {ORIGIN}"]
    secrets = [word for option, one in known.items() if one.get("secret") for word in (option, *one.get("aliases", ()))]
    words = sorted({*offered, *entry["entry"]["takes"]})
    chosen = variables_of(name, entry)
    lines += ["", f"# What must not stand in a list entry or in {name}_<option>: loop items and variables are printed."]
    lines += [f"__{name}_secrets:", *(f"  - {word}" for word in sorted({*secrets, "private_key_content"}))]
    lines += ["", "# What an entry may say.", f"__{name}_known:", *(f"  - {word}" for word in words)]
    lines += ["", "# What the options of an entry that have choices may be set to.", f"__{name}_choices:"]
    lines += [
        f"  - {option}={one}"
        for option in sorted(offered)
        for one in sorted(map(str, chosen[f"{name}_{option}"].get("choices", ())))
    ]
    lines += ["", "# What every call of the module is given.", f"__{name}_options:"]
    item = entry["entry"]["variable"]
    lines += [
        f'  {option}: "{{{{ {item}.{option} | default(none) }}}}"' for option in ("app_id", "object_id", "display_name")
    ]
    lines += [f'  key_store: "{{{{ {item}.key_store }}}}"']
    lines += [
        f'  {option}: "{{{{ {item}.{option} | default({name}_{option}) }}}}"'
        for option in offered
        if option not in entry["entry"]["by_hand"]
    ]
    return "\n".join(lines) + "\n"


def playbook_variables() -> str:
    lines = [
        "---",
        LICENCE,
        f"# Inventory variables entra_<option> of each host become the connection options of every task. {ORIGIN}",
    ]
    lines += ["connection_options:"]
    lines += [f'  {name}: "{{{{ entra_{name} | default(omit) }}}}"' for name in GROUPS["connection"]]
    return "\n".join(lines) + "\n"


def main() -> int:
    differing = [
        path
        for path, text in files().items()
        if not (ROOT / path).exists() or (ROOT / path).read_text(encoding="utf-8") != text
    ]
    for path in differing:
        print(path)
    if "--check" in sys.argv:
        return bool(differing)
    for path, text in files().items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
