# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.evercert.entra.plugins.plugin_utils import _role_problems as role_problems

ROLES = Path(__file__).resolve().parents[4] / "roles"
problems_of = role_problems.role_problems


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
    assert problems_of([name, "renew_overlap"], "renew", {}) == [f"{name} is not known. Is {meant} meant?"]


def test_where_no_name_is_near_all_of_them_are_named():
    (told,) = problems_of(["report_x_y_z"], "report", {})

    assert told.startswith("report_x_y_z is not known. Known are report_directory, report_fail_on,")


def problems(role, playbook_dir="/play", **values):
    return problems_of(list(values), role, values, playbook_dir)


@pytest.mark.parametrize("name", ["renew_after_promote", "renew_before_retire", "recover_after_promote"])
def test_a_task_file_that_is_not_there_is_found(name, tmp_path):
    (tmp_path / "there.yml").write_text("[]")
    role = name.partition("_")[0]
    for there in ("there.yml", str(tmp_path / "there.yml"), ""):
        assert problems(role, str(tmp_path), **{name: there}) == []

    advice = "Give its absolute path, or put it beside the playbook."
    assert problems(role, str(tmp_path), **{name: "gone.yml"}) == [
        f"{name} is gone.yml, and {tmp_path}/gone.yml is no file on the control node. {advice}"
    ]
    assert problems(role, str(tmp_path), **{name: "/gone.yml"}) == [
        f"{name} is /gone.yml, and /gone.yml is no file on the control node."
    ]


@pytest.mark.parametrize("nothing", ["", " ", "\n", "\u200b"])
def test_an_entry_with_an_empty_value_is_refused(nothing):
    (told,) = problems("renew", renew_applications=[{"app_id": nothing, "object_id": None, "key_store": "/keys"}])

    assert told.startswith(
        "renew_applications, entry 1: app_id is given and empty, as where a variable was never filled."
    )


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"renew_overlap": "a week"}, "renew_overlap must be a number, and is a text that is none"),
        ({"renew_overlap": -1}, "renew_overlap must not be negative, and is -1."),
        ({"renew_overlap": None}, "renew_overlap is null. Give it a value, or leave it out."),
        ({"schedule_times": []}, "schedule_times is an empty list. Name something, or leave it out."),
        ({"renew_applications": "a=b"}, "renew_applications must be a list."),
        ({"renew_registrar": "a=b"}, "renew_registrar must be a dictionary."),
        ({"renew_registrar": {"cleint_id": "x"}}, "renew_registrar: cleint_id is no connection option."),
        ({"renew_sign_ins": 9, "renew_sign_in_budget": 5}, "renew_sign_in_budget (5) must be 0 (no limit) or at least"),
        ({"renew_adopt_path": "pair.pem"}, "renew_adopt_path must be an absolute path, or begin with ~"),
        ({"schedule_times": ["3 am"]}, "schedule_times, entry 1 must be a time such as 03:00, not '3 am'."),
        ({"schedule_jitter": -1}, "schedule_jitter must not be negative, and is -1."),
        ({"schedule_user": "root\nExecStart=x"}, "schedule_user holds a character that cannot be seen: root<U+000A>"),
        ({"schedule_environment_file": "~/secrets"}, "schedule_environment_file must be an absolute path, not"),
        ({"schedule_applications": [{"app_id": "x"}]}, "schedule_applications, entry 1 names no key_store."),
        (
            {"recover_auth_source": "nobody"},
            "value of recover_auth_source must be one of: auto, access_token, client_secret, certificate, key_store, ",
        ),
        ({"recover_app_id": "payroll"}, "recover_app_id must be a GUID"),
    ],
    ids=str,
)
def test_a_refusal_names_the_variable_and_what_is_accepted(given, told):
    role = next(iter(given)).partition("_")[0]

    (found,) = problems(role, **given)
    assert found.startswith(told)


@pytest.mark.parametrize(
    "given", [{"renew_adopt_path": "$KEYS/pair.pem"}, {"renew_force": "yes"}, {"report_formats": "html,csv"}]
)
def test_what_the_module_takes_is_taken(given):
    assert problems(next(iter(given)).partition("_")[0], **given) == []


def test_an_ansible_core_that_makes_a_text_of_null_is_refused_with_that_alone(monkeypatch):
    monkeypatch.setattr(role_problems, "CORE", "2.18.12")

    (told,) = problems_of(["renew_x"], "renew", {})

    assert told.startswith("ansible-core 2.18.12 makes a text of every variable that is null") and "need 2.19" in told
