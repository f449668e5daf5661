# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bad variables of a remediation: each named once, with its hosts and what is accepted."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.evercert.entra.plugins.module_utils._report.formats import FORMATS
from ansible_collections.evercert.entra.plugins.plugin_utils import _remediation_problems as remediation_problems

ROOT = Path(__file__).resolve().parents[4]
APPLICATION = {"entra_app_id": "1f", "entra_key_store": "/var/lib/payroll"}
CONSUMER = {"entra_key_store_host": "payroll", "remediate_copy_path": "/etc/payroll.pem"}


def problems(**hosts):
    hostvars = {"payroll": APPLICATION, **hosts}
    return remediation_problems.remediation_problems(list(hostvars), hostvars)


def test_an_application_with_its_consumer_has_no_problem():
    assert problems(web=CONSUMER, billing={**APPLICATION, "remediate_copy_owner": None}) == []


def test_every_default_of_the_role_is_accepted():
    defaults = yaml.safe_load((ROOT / "roles/remediate/defaults/main.yml").read_text(encoding="utf-8"))

    assert problems(payroll={**APPLICATION, **defaults}) == []
    assert defaults.keys() | {"remediate_serial"} == remediation_problems.KNOWN.keys()


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("remediate_serial", [3, "25%", [1, "10%", "100%"], "100%"], [0, "0%", "101%", "half", [], [1, "x"], "-1"]),
        ("remediate_max_fail_percentage", [0, "5", 2.5, 100], [-1, 101, "some", [], True]),
        ("remediate_canary", [[], ["web1", "group"]], ["web1", [1], {}]),
        ("remediate_pause", [0, "30", 1.5], [-1, "soon"]),
        ("remediate_throttle", [0, 5], [-1, "few"]),
        ("remediate_report_formats", [[], ["html", "csv"]], ["html", ["pdf"]]),
        ("remediate_notify", ["", __file__], [[], 1]),
        ("remediate_copy_mode", ["0600", "600", "0640", "0440"], ["0644", "777", "u=rw", "06000", 384.5]),
    ],
)
def test_values_are_held_against_what_is_accepted(name, good, bad):
    for value in good:
        assert problems(payroll={**APPLICATION, name: value}) == [], value
    for value in bad:
        [told] = problems(payroll={**APPLICATION, name: value})
        assert told.startswith(f"{name} must be ") and told.endswith("(payroll)"), value


def test_the_formats_are_those_of_the_report():
    assert list(remediation_problems.FORMATS) == list(FORMATS)


def test_a_word_that_is_not_known_is_named_with_those_that_are():
    [told] = problems(payroll={**APPLICATION, "remediate_serail": 3})

    assert told.startswith("remediate_serail is not known. Is remediate_serial meant?")


def test_all_problems_of_all_hosts_come_at_once_and_each_only_once():
    told = problems(**{f"host{n}": {"remediate_pause": "x"} for n in range(7)})

    assert len(told) == 3
    assert told[0].endswith("(host0, host1, host2, host3, host4 and 2 more)")


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, "entra_key_store is not set"),
        ({"entra_key_store": "/x"}, "entra_app_id is not set"),
        ({**APPLICATION, "renew_applications": []}, "renew_applications is for the playbook renew"),
        ({**APPLICATION, "renew_register_from": "localhost"}, "renew_register_from is for the playbook renew_split"),
        ({**APPLICATION, "renew_before_retire": "/x.yml"}, "renew_before_retire is for the playbook renew"),
        ({**APPLICATION, "renew_stop_after": "proven"}, "renew_stop_after must be promoted or retired, not 'proven'"),
        ({**CONSUMER, "entra_key_store_host": "nobody"}, "is nobody, which is no host of the inventory"),
        ({"entra_key_store_host": "payroll"}, "remediate_copy_path must be the absolute path"),
        ({**CONSUMER, "remediate_copy_path": "payroll.pem"}, "remediate_copy_path must be the absolute path"),
        (
            {**CONSUMER, "entra_app_id": "2e"},
            "entra_app_id is 2e, and that of payroll, which holds the key store, is 1f",
        ),
        ({**CONSUMER, "entra_key_store_host": "web"}, "which holds no key store but is a consumer too"),
        ({**CONSUMER, "entra_key_store_host": "vaulted"}, "a key never leaves its vault"),
    ],
)
def test_where_the_key_is_has_to_be_clear(variables, words):
    others = {
        "web": CONSUMER,
        "vaulted": {**APPLICATION, "entra_key_store": "https://one.vault.azure.net/certificates/x"},
    }

    assert any(words in told for told in problems(host=variables, **others))


@pytest.mark.parametrize(
    "name", ["remediate_notify", "remediate_on_consumer", "remediate_confirm", "renew_after_promote"]
)
def test_a_task_file_that_is_not_there_is_found_before_anything_is_begun(name):
    """A relative one is beside the playbook."""
    told = f"{name} is gone.yml, and /plays/gone.yml is no file on the control node. Give its absolute path. (web1)"

    assert problems(web1={**APPLICATION, name: "gone.yml", "playbook_dir": "/plays"}) == [told]
    assert problems(web1={**APPLICATION, name: __file__}) == []
