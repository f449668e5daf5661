# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each part that is private to ansible-core, altered in turn: the task succeeds, through the ordinary door."""

from __future__ import annotations

import dataclasses

import pytest
import scale
from ansible.executor import module_common
from ansible.plugins.action import ActionBase
from ansible_collections.evercert.entra.plugins.plugin_utils import _core_parts
from ansible_collections.evercert.entra.tests.unit.plugins.plugin_utils.altered_core import (
    USERS,
    changed,
    on_altered_core,
    renamed,
    set_to,
)

BASIC = "ansible.module_utils.basic"
BUILT = "ansible.executor.module_common._BuiltModule"
LOADER = "ansible.module_utils._internal._ansiballz._loader"
JSON = "ansible.module_utils.common.json"
WITH_JSON = (JSON, *USERS)
METHOD = "ansible.plugins.action.ActionBase."
OVERRIDDEN = ("_configure_module", "_is_pipelining_enabled", "_low_level_execute_command")
FIELDS = ("b_module_data", "module_style", "shebang", "serialization_profile")


def one_more(name, parameter, given=""):
    """A method with one more parameter, and `given` for it in every call."""
    return changed(
        (rf"def {name}\(\s*self,", f"def {name}(self, {parameter},"), (rf"self\.{name}\(", f"self.{name}({given}")
    )


def one_more_optional(name):
    """Given in every call, as whoever adds one does."""
    return changed(
        (rf"(def {name}\([^)]*?)(,?\s*)\)", r"\1, more=None\2)"),
        (rf"(self\.{name}\()(?=\S)", r"\1more=1, ") if name == "_configure_module" else (rf"(def {name}\()", r"\1"),
    )


def of_methods():
    for name in (*OVERRIDDEN, "_compute_environment_string"):
        yield METHOD + name, "renamed", renamed(name)
        yield METHOD + name, "one more needed", one_more(name, "more", "1, ")
    given = (
        r"(def _configure_module\(self, module_name, )module_args(.*:\n)",
        r"\1given\2        module_args = given\n",
    )
    yield (
        METHOD + "_configure_module",
        "another name",
        changed(given, (r"(self\._configure_module\([^)]*?)module_args=", r"\1given=")),
    )
    yield (
        METHOD + "_low_level_execute_command",
        "another name",
        changed(
            (r"\bin_data(: bytes \| None = None|=None)", r"data\1"),
            (r"exec_command\(cmd, in_data=in_data", "exec_command(cmd, in_data=data"),
            (r"(level_execute_command\([^)]*?)\bin_data=", r"\1data="),
        ),
    )


def of_state():
    for module, name, _held, _make in _core_parts.STATE:
        yield f"{module}.{name}", "renamed", set_to(module, name, None)
        yield f"{module}.{name}", "another type", set_to(module, name, ["list"])


def of_functions():
    yield BUILT, "renamed", renamed("_BuiltModule")
    yield (
        BUILT,
        "one more needed",
        changed((r"(class _BuiltModule:\n.*\n)", r"\1    more: int\n"), (r"\b_BuiltModule\(", "_BuiltModule(more=1, ")),
    )
    yield f"{JSON}.get_module_encoder", "renamed", renamed("get_module_encoder", WITH_JSON)
    yield (
        f"{JSON}.get_module_encoder",
        "one more needed",
        changed(
            (r"(def get_module_encoder\(name: str, direction: Direction)", r"\1, more: int"),
            (r"((?<!def )get_module_encoder\([^()]*)\)", r"\1, 1)"),
            modules=WITH_JSON,
        ),
    )
    yield f"{JSON}.get_module_encoder", "another type", set_to(JSON, "get_module_encoder", lambda name, direction: name)
    yield f"{JSON}.Direction", "renamed", renamed("Direction", WITH_JSON)
    yield f"{JSON}.Direction", "a member renamed", renamed("CONTROLLER_TO_MODULE", WITH_JSON)
    yield f"{LOADER}._handle_exception", "renamed", set_to(LOADER, "_handle_exception", None)
    yield (
        f"{LOADER}._handle_exception",
        "one more needed",
        set_to(LOADER, "_handle_exception", lambda error, profile, more: None),
    )


ALTERATIONS = [*of_state(), *of_functions(), *of_methods()]


# What no name and no signature shows.
ANOTHER = (
    r"def _configure_module(\1):\n        return self._anew(module_name, module_args, task_vars)\n\n    def _anew(\1)"
)
UNSEEN = [
    (
        "gives one more",
        changed(
            (r"return module_bits, module_path\n", "return module_bits, module_path, None\n"),
            (
                r"(module_bits, (?:async_)?module_path)(\)?) = self\._configure_module",
                r"\1, _more\2 = self._configure_module",
            ),
        ),
    ),
    (
        "hands on a copy of another type",
        changed((r"in_data=module_in_data,", "in_data=module_in_data and bytearray(module_in_data),")),
    ),
    (
        "calls another method",
        changed(
            (r"def _configure_module\((self, module_name, module_args, task_vars)\)", ANOTHER),
            (r"= self\._configure_module\(", "= self._anew("),
        ),
    ),
]


def test_this_ansible_core_has_every_part_as_it_is_known():
    """Else every task would be slow."""
    assert _core_parts.MISFITS == []


@scale.sampled
@pytest.mark.parametrize(("part", "how", "alteration"), scale.one_of(8, ALTERATIONS))
def test_an_altered_part_takes_the_ordinary_door(part, how, alteration):
    told = on_altered_core(alteration)

    assert part in told["misfits"], told
    assert told["result"]["ping"] == "of this task" and not told["here"], told
    assert len(told["warned"]) == 1 and part in told["warned"][0]


@scale.sampled
@pytest.mark.parametrize(("how", "alteration"), scale.one_of(3, UNSEEN))
def test_what_could_not_be_seen_before_takes_it_as_well(how, alteration):
    told = on_altered_core(alteration)

    assert told["result"]["ping"] == "of this task" and not told["here"], told
    assert len(told["warned"]) == 1 and "calls modules in another way" in told["warned"][0]


@scale.sampled
@pytest.mark.parametrize("name", scale.one_of(3, OVERRIDDEN))
def test_one_more_parameter_that_nobody_has_to_give_fits(name):
    told = on_altered_core(one_more_optional(name))

    assert told["result"]["ping"] == "of this task" and told["here"] == 1, told
    assert not told["misfits"] and not told["warned"]


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_of_another_name_is_seen(monkeypatch, field):
    names = [f"{name}_anew" if name == field else name for name in FIELDS]
    monkeypatch.setattr(module_common, "_BuiltModule", dataclasses.make_dataclass("_BuiltModule", names))

    assert _core_parts.misfits() == [BUILT]


def test_one_more_field_that_nobody_has_to_give_fits(monkeypatch):
    fields = [*FIELDS, ("more", int, 1)]
    monkeypatch.setattr(module_common, "_BuiltModule", dataclasses.make_dataclass("_BuiltModule", fields))

    assert _core_parts.misfits() == []


def test_a_parameter_that_every_action_has_to_give_is_seen(monkeypatch):
    monkeypatch.setattr(ActionBase, "_execute_module", lambda self, more, **named: None)

    assert _core_parts.misfits() == [METHOD + "_execute_module"]
