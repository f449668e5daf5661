# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every option is described once, in meta/options.yml; all the rest is made from it."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible_collections.evercert.entra.plugins.module_utils._ansible import specs

ROOT = Path(__file__).resolve().parents[2]
DESCRIBED = yaml.safe_load((ROOT / "meta" / "options.yml").read_text(encoding="utf-8"))
GROUPS = {name: group["options"] for name, group in DESCRIBED["groups"].items()}
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("application_*.py"))
SENTENCE = re.compile(r"[A-Z].*[.:]$|[A-Z].*\.\)$", re.DOTALL)


def taken_by(plugin):
    return [name for group in DESCRIBED["plugins"][plugin]["takes"] for name in GROUPS[group]]


def test_what_is_made_from_the_description_is_as_it_says():
    done = subprocess.run(
        [sys.executable, "tools/options.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (0, ""), f"run tools/options.py: {done.stdout}{done.stderr}"


def test_a_file_that_differs_is_named(monkeypatch):
    spec = importlib.util.spec_from_file_location("options_tool", ROOT / "tools" / "options.py")
    tool = importlib.util.module_from_spec(spec)
    monkeypatch.syspath_prepend(ROOT / "tools")
    spec.loader.exec_module(tool)
    monkeypatch.setitem(tool.GROUPS["due"]["renew_before"], "default", 31.0)
    made = tool.files()

    differing = {path for path, text in made.items() if (ROOT / path).read_text(encoding="utf-8") != text}
    assert {
        "plugins/module_utils/_ansible/specs.py",
        "plugins/doc_fragments/_due.py",
        "extensions/eda/plugins/event_source/certificate_expiry.py",
        "roles/renew/meta/argument_specs.yml",
        "roles/renew/defaults/main.yml",
    } <= differing


@pytest.mark.parametrize("plugin", sorted(DESCRIBED["plugins"]))
def test_a_plugin_takes_no_option_twice_and_names_first_what_it_takes(plugin):
    names = taken_by(plugin)

    assert len(names) == len(set(names))
    assert 0 < len(DESCRIBED["plugins"][plugin]["first"]) <= 10
    assert set(DESCRIBED["plugins"][plugin]["first"]) <= set(names)


def test_every_module_is_there_and_every_group_is_taken():
    assert {*MODULES, "applications", "certificate_expiry"} == DESCRIBED["plugins"].keys()
    assert {group for plugin in DESCRIBED["plugins"].values() for group in plugin["takes"]} == GROUPS.keys()
    fragments = {path.stem.removeprefix("_") for path in (ROOT / "plugins" / "doc_fragments").glob("_*.py")}
    assert fragments == {"attributes", *GROUPS} - {"events"}


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_no_option_of_its_own_besides(module):
    text = (ROOT / "plugins" / "modules" / f"{module}.py").read_text(encoding="utf-8")

    assert "\noptions:" not in text and f"specs.OF_{module.upper()}" in text
    assert list(getattr(specs, f"OF_{module.upper()}")) == taken_by(module)


@pytest.mark.parametrize("group", sorted(GROUPS))
def test_an_option_is_described_in_sentences(group):
    for name, entry in GROUPS[group].items():
        assert entry["description"], name
        for text in entry["description"]:
            assert SENTENCE.match(" ".join(text.split())) or text.startswith(("V(", "M(")), f"{name}: {text}"


def test_one_name_has_one_type_one_unit_and_one_secrecy_everywhere():
    """What stands twice is another option of the same name, as Ansible has `state` in every module."""
    seen = {}
    for options in GROUPS.values():
        for name, entry in options.items():
            bounds = tuple(entry.get(bound) for bound in ("least", "above", "most"))
            facts = (
                bounds,
                entry.get("unit"),
                entry.get("secret", False),
                entry.get("default") if name != "state" else None,
            )
            assert seen.setdefault(name, facts) == facts, name


def test_a_person_can_survey_them():
    """As many as there are, so that one more is a decision."""
    assert len(taken_by("application_certificate_renew")) == 45
    assert len({name for module in MODULES for name in taken_by(module)}) == 68
    entry_points = [next(iter(role.values())) for role in DESCRIBED["roles"].values()]
    assert sum(len(one.get("variables", ())) + len(one.get("offers", ())) for one in entry_points) == 89


@pytest.mark.parametrize("role", ["recover", "report"])
def test_a_role_hands_over_what_it_offers(role):
    """One by one: defaults for the module as a whole would replace those of the play."""
    tasks = (ROOT / "roles" / role / "tasks" / "main.yml").read_text(encoding="utf-8")

    for option in DESCRIBED["roles"][role]["main"]["offers"]:
        assert re.search(rf"^ +{option}: .*\b{role}_{option}\b", tasks, re.MULTILINE), option


def tasks_in(content):
    """Every task of a file, in whatever block it stands: module → arguments."""
    if isinstance(content, list):
        for one in content:
            yield from tasks_in(one)
    elif isinstance(content, dict):
        for key, value in content.items():
            if str(key).startswith("evercert.entra.") and isinstance(value, dict):
                yield str(key).rpartition(".")[2], value
            elif key in ("block", "rescue", "always", "tasks", "pre_tasks", "post_tasks"):
                yield from tasks_in(value)


def test_no_role_and_no_playbook_gives_an_option_that_is_none():
    paths = [path for folder in ("roles", "playbooks") for path in sorted((ROOT / folder).rglob("*.yml"))]
    given = [
        (str(path.relative_to(ROOT)), module, option)
        for path in paths
        for module, arguments in tasks_in(yaml.safe_load(path.read_text(encoding="utf-8")))
        for option in arguments
    ]

    assert len(given) > 50
    assert [one for one in given if one[2] not in taken_by(one[1])] == []
