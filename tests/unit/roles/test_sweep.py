# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every variable of every role, given what people give by mistake: it is taken, or a sentence names it.

In one process: Ansible's own check of the role's argument specs comes first, then ours, which the role asks before
anything else. What both take, the module and the role's own expressions take too.
"""

from __future__ import annotations

import functools
import itertools
import os
import re
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.evercert.entra.plugins.module_utils._ansible import arguments
from ansible_collections.evercert.entra.plugins.module_utils._ansible.checking import checked_options
from ansible_collections.evercert.entra.plugins.plugin_utils._remediation_problems import remediation_problems
from ansible_collections.evercert.entra.plugins.plugin_utils._role_problems import role_problems
from ansible_collections.evercert.entra.plugins.plugin_utils._role_specs import MODULES, OF_ROLES
from ansible_collections.evercert.entra.tests.unit.plugins.modules.test_sweep import MISTAKES, PYTHONS

ROLES = Path(__file__).resolve().parents[3] / "roles"
OF_A_HOST = {
    "inventory_hostname": "payroll",
    "playbook_dir": "/play",
    "ansible_check_mode": False,
    "ansible_playbook_python": "/usr/bin/python3",
    "entra_app_id": "11111111-2222-3333-4444-555555555555",
    "entra_key_store": "/keys",
    "__renew_number": 0,
    "groups": {},
    "group_names": [],
    "ansible_facts": {"service_mgr": "systemd"},
}

# What the environment would say.
RIGHT = {"report_directory": "/reports"}
GIVEN = {**MISTAKES, "nothing in it": []}


def yaml_of(path):
    return yaml.safe_load((ROLES / path).read_text(encoding="utf-8")) or {}


def trusted(value):
    if isinstance(value, dict):
        return {key: trusted(one) for key, one in value.items()}
    if isinstance(value, list):
        return [trusted(one) for one in value]
    return trust_as_template(value) if isinstance(value, str) else value


@functools.cache
def variables_of(role):
    """Entry point and options of the only spec that has any."""
    specs = yaml_of(f"{role}/meta/argument_specs.yml")["argument_specs"]
    [options] = [spec["options"] for spec in specs.values() if spec.get("options")]
    return options


def defaults_of(role):
    given = {**yaml_of(f"{role}/defaults/main.yml"), **RIGHT}
    templar = Templar(loader=DataLoader(), variables={**OF_A_HOST, **trusted(given)})
    names = yaml_of(f"{role}/defaults/main.yml")
    return templar.template({name: trust_as_template("{{ " + name + " }}") for name in names})


def expressions_of(role):
    found = {}
    for path in sorted((ROLES / role / "vars").rglob("*.yml")):
        found.update(yaml_of(path.relative_to(ROLES)))
    return found


def asking(expressions, name):
    return [key for key, text in expressions.items() if re.search(rf"\b{name}\b", str(text))]


def failing(expressions, names, variables):
    """The expressions that fail, as those do, too, that need what a task has found."""
    templar = Templar(loader=DataLoader(), variables={**OF_A_HOST, **trusted(expressions), **variables})
    found = set()
    for name in names:
        try:
            templar.template(trust_as_template("{{ " + name + " }}"))
        except AnsibleError:
            found.add(name)
    return found


def refusal(role, values, folder):
    """What Ansible and the role say to these variables, in their order; nothing where they are taken."""
    spec = variables_of(role)
    known = {name: value for name, value in values.items() if name in spec}
    told = ArgumentSpecValidator(spec).validate(known, validate_role_argument_spec=True)
    if told.error_messages:
        return " ".join(told.error_messages)
    if role == "remediate":
        writer = {"entra_app_id": "1", "entra_key_store": "/keys", "playbook_dir": folder, **values}
        return " ".join(remediation_problems(["payroll"], {"payroll": writer}))
    return " ".join(role_problems(list(values), role, known, folder))


def mistaken(name, mistake, names, right, folder):
    value = GIVEN[mistake]
    if value == "{others}":
        return folder
    return right[names[(names.index(name) + 1) % len(names)]] if value == "{neighbour}" else value


def what_the_module_says(role, values):
    """Of options one by one; contradictions name the options themselves."""
    given = {name.removeprefix(f"{role}_"): one for name, one in values.items() if one is not None}
    spec = {name: {**entry, "required": False} for name, entry in MODULES.get(role, {}).items() if name in given}
    options, wrong = checked_options(spec, {name: given[name] for name in spec})
    tidied, empty = arguments.tidied(options)
    return wrong or [*empty, *arguments.problems_of(tidied)]


@pytest.mark.parametrize("role", [*OF_ROLES, "remediate"])
def test_a_variable_is_taken_or_refused_by_its_name(role, tmp_path):
    (tmp_path / "thesis.txt").write_text("Chapter 1\n")
    right, wrong = defaults_of(role), []
    names, expressions = list(variables_of(role)), expressions_of(role)
    usual = failing(expressions, expressions, right)
    assert set(names) == set(right) and not refusal(role, right, str(tmp_path))
    for name, mistake in itertools.product(names, GIVEN):
        value = mistaken(name, mistake, names, right, str(tmp_path))
        values = {**right, name: value}
        try:
            told = refusal(role, values, str(tmp_path))
            lost = [] if told else sorted(failing(expressions, asking(expressions, name), values) - usual)
            said = [] if told else what_the_module_says(role, values)
        except Exception as escaped:
            wrong.append(f"{name}, {mistake}: {escaped!r}")
            continue
        if told and name not in told:
            wrong.append(f"{name}, {mistake}, not named: {told}")
        if PYTHONS.search(told):
            wrong.append(f"{name}, {mistake}, in Python's words: {told}")
        if lost:
            wrong.append(f"{name}, {mistake}, taken, and then fail: {', '.join(lost)}")
        if said:
            wrong.append(f"{name}, {mistake}, taken, and refused by the module: {said}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("role", OF_ROLES)
def test_a_variable_that_nobody_knows_is_refused_with_the_nearest_name(role):
    for name in variables_of(role):
        assert f"{name}x is not known. Is {role}_" in refusal(role, {f"{name}x": 1}, os.sep)
