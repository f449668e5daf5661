# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The README's examples run, and it names everything that there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from emulator import actions, cli, faults, routes, scenario

README = (Path(__file__).resolve().parents[2] / "emulator" / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("block", blocks("python"))
def test_the_python_example_runs(block):
    exec(compile(block, "README.md", "exec"), {})


@pytest.mark.parametrize("line", [line for block in blocks("http") for line in block.splitlines()])
def test_every_control_request_is_accepted(client, tenant, line):
    tenant.add_application("night-batch", [tenant.issue("night-batch", -1, 10)])
    tenant.add_user("admin")
    method, path, body = re.fullmatch(r"(\w+) (\S+) ?(.*)", line).groups()

    answer = client.session.request(method, f"https://localhost{path}", data=body)

    assert answer.status_code == 200, answer.text


def test_the_scenario_can_be_built(tmp_path):
    description = yaml.safe_load(blocks("yaml")[0])

    tenant = scenario.build(description, keys_directory=tmp_path)

    assert set(description) <= scenario.KNOWN
    assert len(tenant.directory.applications) == 1 + 7 + 100
    assert (tmp_path / "payroll-sync.pem").exists()


@pytest.mark.parametrize(
    "names",
    [faults.KINDS, routes.OPERATIONS, scenario.KNOWN, actions.ACTIONS],
    ids=["faults", "operations", "scenario", "actions"],
)
def test_everything_is_named(names):
    assert [name for name in names if not re.search(rf"\b{name}\b", README)] == []


def test_every_option_of_the_command_is_named():
    options = re.findall(r"--[a-z]+", cli.parser().format_help())

    assert [option for option in options if option not in README and option != "--help"] == []
