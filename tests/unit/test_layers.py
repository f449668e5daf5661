# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The architecture as data: what each part of plugins/ may import. Changing it is a change of one line here."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"

# Dependencies point down only.
MAY_IMPORT = {
    "_core": set(),
    "_entra": {"_core"},
    "_keys": {"_core"},
    "_report": {"_core"},
    "_steps": {"_core", "_entra", "_keys"},
    "_ansible": {"_core", "_entra", "_keys", "_report", "_steps", "ansible"},
    "_events": {"_core", "_entra", "_steps", "_ansible"},
    "modules": {"_core", "_steps", "_ansible", "ansible"},
    "plugin_utils": {"_core", "_entra", "_ansible", "_report", "ansible"},
    "action": {"plugin_utils", "_ansible", "_core", "modules", "ansible"},
    "filter": {"plugin_utils"},
    "inventory": {"_core", "_steps", "_ansible", "ansible"},
    "doc_fragments": set(),
}

# A library has one importer; the one place that reports missing libraries can then name them all.
ONE_IMPORTER = {
    "cryptography": "_keys/key_pair.py",
    "msal": "_entra/tokens.py",
    "requests": "_ansible/requests_transport.py",
    "urllib3": "_ansible/requests_transport.py",  # comes with requests
}

# The places for keys, and the one file that tells them apart: whoever uses keys asks the port, never which place it is.
PLACES = {"directory", "vault"}
KNOWS_THE_PLACES = "_ansible/shelf.py"

FILES = sorted(PLUGINS.rglob("*.py"))


def layer_of(path):
    parts = path.relative_to(PLUGINS).parts
    return parts[1] if parts[0] == "module_utils" else parts[0]


def imports_of(path):
    """The full dotted name of everything that a file imports, with relative imports resolved."""
    package = path.relative_to(PLUGINS).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            module = tuple(node.module.split(".")) if node.module else ()
            yield from (("plugins", *base, *module, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield tuple(node.module.split("."))


def layers_imported_by(path):
    """Our own layers, "ansible", and the names of third-party libraries."""
    found = set()
    for name in imports_of(path):
        if name[0] == "plugins":
            found.add(name[2] if name[1] == "module_utils" else name[1])
        elif name[0] == "ansible_collections":
            raise AssertionError(f"{path.name} imports {'.'.join(name)} by its full name; imports here are relative")
        elif name[0] not in sys.stdlib_module_names:
            found.add(name[0])
    return found


def test_there_is_something_to_check():
    assert FILES


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PLUGINS)))
def test_layers_import_only_downwards(path):
    own = layer_of(path)

    assert layers_imported_by(path) - ONE_IMPORTER.keys() <= MAY_IMPORT[own] | {own}


@pytest.mark.parametrize("library", ONE_IMPORTER)
def test_a_library_has_one_importer(library):
    importers = {
        str(path.relative_to(PLUGINS / "module_utils")) for path in FILES if library in layers_imported_by(path)
    }

    assert importers <= {ONE_IMPORTER[library]}


def test_who_uses_keys_does_not_know_which_place_they_are_in():
    importers = {
        str(path.relative_to(PLUGINS / "module_utils"))
        for path in FILES
        for name in imports_of(path)
        if layer_of(path) != "_keys" and name[:3] == ("plugins", "module_utils", "_keys") and name[3] in PLACES
    }

    assert importers == {KNOWS_THE_PLACES}


def test_the_centre_reads_no_clock_and_no_environment():
    """Time comes in as `now`; what the core decides depends on its arguments alone."""
    forbidden = {"os", "socket", "ssl", "subprocess", "time", "pathlib", "random", "secrets", "tempfile"}
    core = [path for path in FILES if layer_of(path) == "_core"]

    assert not {(path.name, name[0]) for path in core for name in imports_of(path) if name[0] in forbidden}
