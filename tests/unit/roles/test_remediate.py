# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command that gives a consumer its copy of a key: all of it in place of the old one, or the old one as it was; and
who of the consumers has confirmed it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import jinja2
import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.evercert.entra.plugins.plugin_utils._markdown_text import markdown_text

VARIABLES = Path(__file__).resolve().parents[3] / "roles" / "remediate" / "vars" / "main.yml"
KEY = b"-----BEGIN PRIVATE KEY-----\n" + b"A" * 2000 + b"\n"


@pytest.fixture
def copy(tmp_path):
    """A consumer's copy of an older key."""
    path = tmp_path / "bundle.pem"
    path.write_bytes(b"old")
    return path


def replace(copy, given):
    command = yaml.safe_load(VARIABLES.read_text(encoding="utf-8"))["__remediate_replace"]
    done = subprocess.run([*command, str(copy), "0600", "", "", str(len(KEY))], input=given, check=False)
    return done.returncode


def test_a_whole_key_takes_the_place_of_the_old_one(copy):
    assert replace(copy, KEY) == 0

    assert copy.read_bytes() == KEY
    assert copy.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in copy.parent.iterdir()] == ["bundle.pem"]


@pytest.mark.parametrize("given", [b"", KEY[:-1]])
def test_a_key_that_was_cut_off_on_its_way_replaces_nothing(copy, given):
    assert replace(copy, given) != 0

    assert copy.read_bytes() == b"old"


@pytest.mark.parametrize(
    ("confirmed", "missing"),
    [
        ({}, ["web1", "web2"]),
        ({"__remediate_confirmed": {"results": [{"item": "web1", "failed": False}]}}, ["web2"]),
        ({"__remediate_confirmed": {"results": [{"item": "web1", "failed": True}]}}, ["web1", "web2"]),
        ({"__remediate_confirmed": {"results": [{"item": f"web{n}", "failed": False} for n in (1, 2)]}}, []),
    ],
    ids=["nobody was asked", "one is missing", "one has failed", "all have"],
)
def test_consumers_that_were_not_asked_have_confirmed_nothing(confirmed, missing):
    unconfirmed = yaml.safe_load(VARIABLES.read_text(encoding="utf-8"))["__remediate_unconfirmed"]
    templar = Templar(loader=DataLoader(), variables={"__remediate_consumers": ["web1", "web2"], **confirmed})

    assert sorted(templar.template(trust_as_template(unconfirmed))) == missing


HOSTILE = "a|b `c` <img src=x> [d](https://e.example) @all \x1b[31mred\r\n::error::boom ##vso[task.complete]"


def report_of(**row):
    """The report of one host, rendered as Ansible does."""
    told = {"steps": [], "certificate": {}, "consumers": [], "failure": None, "vanished": [], "message": None}
    summary = {
        "plan": False,
        "stopped": False,
        "counts": {row["outcome"]: 1},
        "hosts": [{"finding": None, **told, **row}],
    }
    environment = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    environment.filters["evercert.entra.markdown_text"] = markdown_text
    template = (VARIABLES.parents[1] / "templates" / "report.md.j2").read_text(encoding="utf-8")
    return environment.from_string(template).render(remediate_summary=summary)


@pytest.mark.parametrize(
    "row",
    [
        {"host": HOSTILE, "outcome": "planned", "vanished": [{"key_id": HOSTILE}]},
        {"host": "payroll", "outcome": "planned", "finding": HOSTILE, "steps": [{"step": HOSTILE}]},
        {"host": "payroll", "outcome": "renewed", "certificate": {"thumbprint": HOSTILE, "not_after": HOSTILE}},
        {"host": "payroll", "outcome": "renewed", "consumers": [{"host": HOSTILE, "confirmed": False}]},
        {"host": "payroll", "outcome": "completed", "steps": [{"step": "adopt"}], "message": HOSTILE},
        {"host": HOSTILE, "outcome": "failed", "failure": {"message": HOSTILE, "diagnosis": None}},
        {
            "host": "payroll",
            "outcome": "failed",
            "failure": {"message": "no", "diagnosis": {"code": HOSTILE, "remedy": HOSTILE}},
        },
    ],
    ids=["host", "finding", "certificate", "consumer", "message", "failure", "diagnosis"],
)
def test_nothing_that_others_name_acts_in_the_report(row):
    text = report_of(**row)

    assert "c\\`" in text  # it is there
    assert not [bad for bad in ("a|b", " `c`", "<img", "[d]", "@all", "\x1b", "##vso[", "https://e") if bad in text]
    assert not any(line.lstrip().startswith("::") for line in text.splitlines())
    assert all(line.replace("\\|", "").count("|") in (0, 8) for line in text.splitlines())


def test_words_of_ours_are_shown_as_they_are():
    text = report_of(host="web_1", outcome="planned", finding="near_expiry", steps=[{"step": "generate"}])

    assert "| web_1 | planned | near_expiry | generate | - | - | - |" in text
