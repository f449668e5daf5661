# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Anything in every option, in times and addresses: understood, or refused with a sentence before anything is sent."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._ansible import (
    arguments,
    checking,
    connect,
    contradictions,
    files,
    inputs,
    specs,
)
from ansible_collections.evercert.entra.plugins.module_utils._ansible.call import Call
from ansible_collections.evercert.entra.plugins.module_utils._core import times
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import EvercertError, InvalidInput
from ansible_collections.evercert.entra.plugins.module_utils._core.verdict import normal_thumbprint
from ansible_collections.evercert.entra.plugins.module_utils._entra import clouds
from ansible_collections.evercert.entra.plugins.module_utils._events import options as event_options
from ansible_collections.evercert.entra.plugins.module_utils._keys import protection
from fuzzing import TEXTS, bent_text, fuzz
from hypothesis import example, given
from hypothesis import strategies as st

GUID = "11111111-2222-4333-8444-555555555555"
SPEC = {
    **specs.OF_APPLICATION_CERTIFICATE_RENEW,
    **specs.OF_APPLICATION_CERTIFICATE_INFO,
    **specs.OF_APPLICATION_CERTIFICATE_VERIFY,
    **specs.OF_APPLICATION_CERTIFICATE,
    **specs.OF_APPLICATION_ACCESS,
    **specs.OF_APPLICATION_REPORT,
    "state": {"type": "str", "default": "present"},
}
HONEST = {
    "tenant_id": GUID,
    "client_id": GUID,
    "client_secret": "s3cret",
    "app_id": GUID,
    "authority_host": "https://login.example:8443",
    "graph_url": "https://graph.example/v1.0",
    "now": "2026-11-22T10:00:00Z",
    "thumbprint": "AB" * 20,
    "key_store": "https://payroll.vault.azure.net/certificates/payroll",
    "expected_thumbprint": "AB:" * 19 + "AB",
    "directory": "/var/lib/evercert/report",
}
PLAIN = {**{name: entry.get("default") for name, entry in SPEC.items()}, **HONEST}
READERS = (
    arguments.problems_of,
    contradictions.problems_of_report,
    contradictions.problems_of_certificate,
    contradictions.problems_of_verification,
    contradictions.problems_of_renewal,
    lambda options: contradictions.problems_of_vault(options, options["auth_source"]),
    contradictions.problems_of_access,
    contradictions.problems_of_recovery,
    contradictions.problems_of_page,
    arguments.problems_of_numbers,
    lambda options: checking.problems_of_lists(SPEC, options),
)
RESULT_WORDS = TEXTS | st.sampled_from(["applications", "status", "finding", "steps", "certificate", "failed"])
# Whatever YAML can hold.
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)
# As the specification of a result lets through.
RESULTS = st.fixed_dictionaries(
    {
        "tenant_id": TEXTS,
        "result": st.dictionaries(RESULT_WORDS, ANYTHING, max_size=3),
        "planned": st.booleans(),
        **dict.fromkeys(("host", "name", "app_id", "object_id"), st.none() | TEXTS),
    }
)
INTEGERS = st.integers() | st.sampled_from([10**400, -(10**400), 0])


def texts_for(name):
    return TEXTS | bent_text(HONEST.get(name, "payroll"))


# As Ansible hands them over: each of the type that its specification has.
VALUES = {
    "str": lambda name: st.sampled_from(SPEC[name]["choices"]) if "choices" in SPEC[name] else texts_for(name),
    "path": texts_for,
    "raw": lambda name: TEXTS | bent_text("u=rw,g=r") | st.integers() | st.booleans() | st.floats() | st.none(),
    "float": lambda name: st.floats(),
    "int": lambda name: st.sampled_from(SPEC[name]["choices"]) if "choices" in SPEC[name] else INTEGERS,
    "bool": lambda name: st.booleans(),
    "list": lambda name: (
        st.lists(
            st.fixed_dictionaries({"url": TEXTS | bent_text("/organization"), "status": st.integers()}), max_size=2
        )
        if name == "probes"
        else st.lists(st.fixed_dictionaries({"resource": TEXTS, "roles": st.lists(TEXTS, max_size=2)}), max_size=2)
        if name == "permissions"
        else st.lists(RESULTS, max_size=2)
        if name == "results"
        else st.lists(TEXTS, max_size=2)
    ),
}


@st.composite
def options(draw):
    """The options of a module with one to three of them replaced by anything of their type."""
    values = dict(PLAIN)
    for _change in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(sorted(SPEC)))
        values[name] = draw(VALUES[SPEC[name]["type"]](name))
    return values


@fuzz(400)
@given(options())
@example({**PLAIN, "sign_ins": 10**400})
@example({**PLAIN, "display_name": "\ud800"})
@example({**PLAIN, "permissions": [{"resource": "\ud800", "roles": ["x"]}]})
@example({**PLAIN, "permissions": [{"resource": "x", "roles": ["\x00"]}]})
def test_options_are_a_problem_or_a_policy_and_a_connection(values):
    for reader in READERS:
        assert all(isinstance(problem, str) and "s3cret" not in problem for problem in reader(values))
    try:
        connect.open_connection(values, Call(transport=object()))
    except InvalidInput as refused:
        assert refused.problems and "s3cret" not in refused.message
        return
    except EvercertError as refused:
        assert refused.message
        return
    arguments.proof_policy(values)
    arguments.expectation(values)
    if not contradictions.problems_of_access(values):
        for name, roles in arguments.access_wish(values).permissions or ():
            assert "".join([name, *roles]).encode()
    if not contradictions.problems_of_renewal(values):
        arguments.renewal_policy(values)


@fuzz(200)
@given(st.dictionaries(st.sampled_from(sorted(event_options.OF_SOURCE)) | TEXTS, ANYTHING, max_size=3))
@example({"tenants": [{"tenant_id": "contoso.com", "client_secret": "s3cret", "filter": 7}]})
def test_the_arguments_of_an_event_source_are_settings_or_a_problem(given_here):
    known = {"tenant_id": GUID, "client_id": GUID, "client_secret": "s3cret"}
    try:
        settings = event_options.read_settings({**known, **given_here}, {})
    except InvalidInput as refused:
        assert refused.problems and "s3cret" not in refused.message
        return
    assert settings.tenants and "s3cret" not in repr(settings)


@fuzz(200)
@given(TEXTS | st.sampled_from(["/dev/null", "/", "/proc/self/mem", "/nowhere/at/all"]))
def test_any_path_or_content_is_read_or_refused(path):
    reads = [
        lambda: files.read_file(path, "certificate_path"),
        lambda: files.read_key_pair(path, "x", "client_certificate_path"),
        lambda: inputs.public_certificate({"certificate_path": path}),
    ]
    if not arguments.problems_of({"certificate_content": path}):  # open_connection refuses the others before
        reads.append(lambda: inputs.public_certificate({"certificate_content": path}))
    for read in reads:
        try:
            read()
        except InvalidInput as refused:
            assert refused.problems


@fuzz(400)
@given(TEXTS | bent_text("4242") | st.integers())
def test_any_group_is_a_number_that_can_be_given_or_refused(group):
    problems = []
    found = protection.wanted_access(group, problems)

    assert problems or group == "" or 0 <= found.group < 2**32 - 1


def test_a_file_without_an_end_is_not_read_to_the_end():
    with pytest.raises(InvalidInput, match="larger than"):
        files.read_file("/dev/zero", "certificate_path")


@fuzz(400)
@given(TEXTS | bent_text("2026-11-22T10:00:00.1234567+01:00") | bent_text("9999-12-31T23:59:59-01:00"))
def test_any_text_is_a_time_or_a_value_error(text):
    try:
        assert times.parse_iso(text).utcoffset().total_seconds() == 0
    except ValueError:
        assert times.parse_iso_or_none(text) is None


@fuzz(400)
@given(TEXTS | bent_text("Sun, 22 Nov 2026 10:00:00 GMT"))
def test_any_date_header_is_a_time_one_can_count_from_or_none(text):
    found = times.parse_http_date(text)

    assert found is None or 1970 <= found.year < 9000


@fuzz(400)
@given(TEXTS | bent_text("https://user@graph.microsoft.com:443/v1.0?x#y"))
def test_any_address_is_this_host_or_another_and_has_a_name(url):
    assert isinstance(clouds.same_host(url, "https://graph.microsoft.com"), bool)
    assert len(clouds.host_of(url)) < 300
    assert isinstance(clouds.problems_of_url("graph_url", url), list)
    assert isinstance(normal_thumbprint(url), str)


def test_every_secret_survives_a_refusal_unseen():
    with tempfile.TemporaryDirectory() as folder:
        values = dict(PLAIN)
        values.update(client_secret="s3cret\x00", access_token="t0ken\ud800", key_store=str(Path(folder) / "store"))

        problems = " ".join(arguments.problems_of(values))

    assert "client_secret holds" in problems and "access_token holds" in problems
    assert "s3cret" not in problems and "t0ken" not in problems
