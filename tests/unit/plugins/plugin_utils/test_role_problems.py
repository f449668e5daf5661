# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.evercert.entra.plugins.plugin_utils import _role_problems as role_problems

ROLES = Path(__file__).resolve().parents[4] / "roles"
problems_of = role_problems.role_problems


def known(role):
    spec = yaml.safe_load((ROLES / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    return list(spec["argument_specs"]["main"]["options"])


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("renew_before", "renew_renew_before"),
        ("renew_sign_in", "renew_sign_ins"),
        ("renew_after_promotion", "renew_after_promote"),
        ("renew_stopafter", "renew_stop_after"),
        ("renew_befor", "renew_renew_before"),
    ],
)
def test_an_unknown_variable_is_refused_with_the_nearest_known_name(name, meant):
    assert problems_of([name, "renew_overlap"], known("renew")) == [f"{name} is not known. Is {meant} meant?"]


def test_where_no_name_is_near_all_of_them_are_named():
    (told,) = problems_of(["report_x_y_z"], known("report"))

    assert told.startswith("report_x_y_z is not known. Known are report_directory, report_fail_on,")


def test_a_task_file_that_is_not_there_is_found(tmp_path):
    (tmp_path / "there.yml").write_text("[]")
    files = {"a": "there.yml", "b": str(tmp_path / "there.yml"), "c": "", "d": None, "e": "gone.yml", "f": "/gone.yml"}

    advice = "Give its absolute path, or put it beside the playbook."
    assert problems_of([], [], files, str(tmp_path)) == [
        f"e is gone.yml, and {tmp_path}/gone.yml is no file on the control node. {advice}",
        "f is /gone.yml, and /gone.yml is no file on the control node.",
    ]


@pytest.mark.parametrize("nothing", ["", " ", "\n", "\u200b"])
def test_an_entry_with_an_empty_value_is_refused(nothing):
    entry = {"app_id": nothing, "object_id": None, "overlap": 0, "key_store": "/keys"}

    assert problems_of([], [], entries={"Entry 1": entry}) == [
        "Entry 1: app_id is given and empty, as where a variable was never filled."
    ]


def test_an_ansible_core_that_makes_a_text_of_null_is_refused_with_that_alone(monkeypatch):
    monkeypatch.setattr(role_problems, "CORE", "2.18.12")

    (told,) = problems_of(["renew_x"], known("renew"))

    assert told.startswith("ansible-core 2.18.12 makes a text of every variable that is null") and "need 2.19" in told
