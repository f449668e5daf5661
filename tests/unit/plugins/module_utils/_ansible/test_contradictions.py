# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._ansible import contradictions

HEX = "9F2C0B7E51D84A3C6E0FA1B2C3D4E5F60718293A"


def test_renew_before_must_be_less_than_validity(options):
    assert contradictions.problems_of_renewal(options(renew_before=200.0)) == [
        "renew_before (200 days) must be less than validity (180 days), else every run would renew again."
    ]


@pytest.mark.parametrize(
    "given, problem",
    [
        ({"private_key_path": "/k"}, "private_key_path needs certificate_content (or certificate_path)."),
        ({"csr": True}, "csr needs stop_after 'generated'"),
        ({"private_key_passphrase": "p"}, "private_key_passphrase needs private_key_path (or adopt_path)."),
    ],
)
def test_options_of_a_renewal_that_need_each_other(options, given, problem):
    (found,) = contradictions.problems_of_renewal(options(**given))

    assert found.startswith(problem)


@pytest.mark.parametrize(
    "given, problem",
    [
        ({"filter": "x", "app_id": "a"}, "filter cannot be combined with one application"),
        ({"filter": "x", "key_store": "/s"}, "filter cannot be combined with one application"),
        ({"expected_thumbprint": HEX}, "expected_thumbprint needs an application"),
        ({"rotation_period": 60.0}, "rotation_period needs an application"),
        ({"sign_in": True, "app_id": "a"}, "sign_in needs key_store."),
        ({"history": 5, "app_id": "a"}, "history needs key_store."),
    ],
)
def test_options_of_a_report_that_contradict_each_other(options, given, problem):
    (found,) = contradictions.problems_of_report(options("info", **given))

    assert found.startswith(problem)


@pytest.mark.parametrize(
    "given, is_fine",
    [
        ({"certificate_content": "x"}, True),
        ({"certificate_path": "/c"}, True),
        ({}, False),
        ({"certificate_content": "x", "certificate_path": "/c"}, False),
        ({"certificate_content": "x", "key_id": "k"}, False),
        ({"state": "absent", "key_id": "k"}, True),
        ({"state": "absent", "thumbprint": HEX}, True),
        ({"state": "absent", "certificate_path": "/c"}, True),
        ({"state": "absent"}, False),
        ({"state": "absent", "key_id": "k", "thumbprint": HEX}, False),
    ],
)
def test_one_certificate_is_named_in_exactly_one_way(options, given, is_fine):
    found = contradictions.problems_of_certificate(options("certificate", **given))

    assert (found == []) is is_fine
    assert all("needs exactly one of certificate_content" in problem for problem in found)


def test_a_verification_needs_something_to_verify(options):
    assert contradictions.problems_of_verification(options("verify")) == [
        "Nothing to verify: give key_store, or client_certificate_path."
    ]
    assert contradictions.problems_of_verification(options("verify", key_store="/s")) == []
