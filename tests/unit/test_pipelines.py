# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The example pipelines name what exists, hold no secret, and renew nothing without approval.

The gate "pipelines" holds them against the schemas of their platforms besides.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml
from ansible.cli.playbook import PlaybookCLI
from ansible_collections.evercert.entra.plugins.module_utils._ansible.arguments import VAULT
from ansible_collections.evercert.entra.plugins.module_utils._ansible.specs import CONNECTION

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs" / "examples" / "pipelines"
PIPELINES = sorted(EXAMPLES.glob("*/*.yml"))
PLATFORMS = ("azure", "github", "gitlab")
PURPOSES = ("audit", "gate", "renew")
FILES = {
    "html": "report.html",
    "junit": "report.xml",
    "json": "report.json",
    "csv": "report.csv",
    "sarif": "report.sarif",
    "prometheus": "report.prom",
    "markdown": "report.md",
}
SCRIPTS = ("run", "script", "inlineScript")


def load(path):
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # "on" stays a word


def dictionaries(value):
    """Every mapping in a document, with those around it, the innermost first."""
    if isinstance(value, dict):
        yield from ((inner, (*around, value)) for one in value.values() for inner, around in dictionaries(one))
        yield value, ()
    elif isinstance(value, list):
        yield from (found for one in value for found in dictionaries(one))


def commands(path):
    """Each call of ansible-playbook, as its arguments, with the mappings that it stands in."""
    for mapping, around in dictionaries(load(path)):
        for script in (mapping[name] for name in SCRIPTS if name in mapping):
            text = "\n".join(script) if isinstance(script, list) else script
            for line in text.replace("\\\n", " ").splitlines():
                if line.lstrip().startswith("ansible-playbook "):
                    yield shlex.split(line.partition(" || ")[0])[1:], (mapping, *around)


CALLS = [
    pytest.param(path, arguments, around, id=f"{path.parent.name}-{path.stem}-{number}")
    for path in PIPELINES
    for number, (arguments, around) in enumerate(commands(path))
]


def parsed(arguments):
    """The arguments as Ansible itself reads them; it ends the program over one that it does not know."""
    cli = PlaybookCLI(["ansible-playbook", *arguments])
    cli.init_parser()
    return cli.parser.parse_args(arguments)


def variables(arguments):
    found = {}
    for text in parsed(arguments).extra_vars:
        found.update(json.loads(text) if text.startswith("{") else [text.split("=", 1)])
    return found


def playbook_of(arguments):
    (name,) = parsed(arguments).args
    return ROOT / "playbooks" / f"{name.removeprefix('evercert.entra.')}.yml"


def taken_by(playbook):
    """What may be set for a playbook: the options of its roles, and what it has a default for itself."""
    text = playbook.read_text(encoding="utf-8")
    options = {name: {} for name in re.findall(r"\b(\w+) \| default\(", text)}
    for role in re.findall(r"evercert\.entra\.(\w+)", text):
        specification = ROOT / "roles" / role / "meta" / "argument_specs.yml"
        if specification.exists():
            options.update(
                yaml.safe_load(specification.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
            )
    return options


def test_each_platform_has_each_purpose():
    assert {(path.parent.name, path.stem) for path in PIPELINES} == {(a, b) for a in PLATFORMS for b in PURPOSES}


def test_each_pipeline_runs_a_playbook():
    assert {call.values[0] for call in CALLS} == set(PIPELINES)


@pytest.mark.parametrize(("path", "arguments", "around"), CALLS)
def test_the_playbook_and_the_files_exist(path, arguments, around):
    assert playbook_of(arguments).exists()
    assert all((EXAMPLES / name).exists() for name in parsed(arguments).inventory)
    assert all((EXAMPLES / name).exists() for name in re.findall(r"-r (\w+\.yml)", path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(("path", "arguments", "around"), CALLS)
def test_the_variables_exist_and_have_values_that_are_taken(path, arguments, around):
    given, playbook = variables(arguments), playbook_of(arguments)
    if playbook.stem == "report" and not (ROOT / "roles" / "report").exists():
        pytest.skip("The role report is not there yet.")
    taken = taken_by(playbook)

    assert given.keys() <= taken.keys()
    for name, value in given.items():
        choices = taken[name].get("choices")
        assert not choices or set(value if isinstance(value, list) else [value]) <= set(choices)


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_report_that_is_shown_is_made(path):
    shown = set(re.findall(r"\breport/(report\.\w+)", path.read_text(encoding="utf-8")))
    made = {
        FILES[name] for arguments, _around in commands(path) for name in variables(arguments).get("report_formats", ())
    }

    assert shown <= made


@pytest.mark.parametrize(("path", "arguments", "around"), CALLS)
def test_nothing_is_renewed_without_approval(path, arguments, around):
    if playbook_of(arguments).stem == "report" or parsed(arguments).check:
        return

    environments = [mapping["environment"] for mapping in around if "environment" in mapping]
    assert environments in (["certificates"], [{"name": "certificates", "action": "start"}])
    if path.parent.name == "gitlab":
        assert [rule["when"] for mapping in around for rule in mapping.get("rules", ())] == ["manual"]


@pytest.mark.parametrize("platform", ["azure", "github"])
def test_reviewers_are_asked_every_monday_even_when_nothing_is_due(platform):
    """A predecessor is retired by a run of the renewal, and the report does not know of any."""
    [plan] = [
        mapping[name]
        for mapping, _around in dictionaries(load(EXAMPLES / platform / "renew.yml"))
        for name in SCRIPTS
        if "due=false" in str(mapping.get(name))
    ]
    decides = "\n".join(line for line in plan.splitlines() if re.match(r"due=|if ", line))

    assert {day: decision(decides, day) for day in range(1, 8)} == {day: str(day == 1).lower() for day in range(1, 8)}


def decision(script, day):
    """What the shell makes of it on a day of the week."""
    command = f"date() {{ echo {day}; }}\n{script}\necho $due"
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_no_secret_is_stored(path):
    text = path.read_text(encoding="utf-8").lower()

    assert not re.search(r"secrets\.|client_secret|password|certificate_path", text)


@pytest.mark.parametrize(
    "path", [path for path in PIPELINES if path.parent.name == "github"], ids=lambda path: path.stem
)
def test_github_jobs_may_do_no_more_than_sign_in(path):
    workflow = load(path)

    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["permissions"] == {"contents": "read", "id-token": "write"}


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_comes_from_elsewhere_has_a_full_version(path):
    text = path.read_text(encoding="utf-8")

    assert not [
        line
        for line in re.findall(r"uses: (.*)", text)
        if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)
    ]
    assert not [
        image for image in re.findall(r" image: (.*)", text) if not re.fullmatch(r"python:\d+\.\d+\.\d+-slim", image)
    ]


def test_the_inventory_sets_what_the_playbooks_read_and_keeps_keys_in_a_vault():
    hosts = [
        mapping for mapping, _around in dictionaries(load(EXAMPLES / "inventory.yml")) if "entra_app_id" in mapping
    ]
    used = set(re.findall(r"\bentra_(\w+):", (EXAMPLES / "inventory.yml").read_text(encoding="utf-8")))

    assert used <= {*CONNECTION, "app_id", "key_store"}
    assert hosts and all(VAULT.fullmatch(host["entra_key_store"]) for host in hosts)


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_guide_names_each_example(path):
    guide = (ROOT / "docs" / "docsite" / "rst" / "guide_pipelines.rst").read_text(encoding="utf-8")

    assert f"``{path.relative_to(EXAMPLES)}``" in guide
