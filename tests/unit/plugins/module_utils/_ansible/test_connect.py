# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._ansible import results
from ansible_collections.evercert.entra.plugins.module_utils._ansible.call import Call
from ansible_collections.evercert.entra.plugins.module_utils._ansible.connect import open_connection
from ansible_collections.evercert.entra.plugins.module_utils._ansible.files import read_file
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import EvercertError, InvalidInput
from ansible_collections.evercert.entra.plugins.module_utils._entra.transport import Response
from ansible_collections.evercert.entra.plugins.module_utils._steps.connection import Choice, Selector
from ansible_collections.evercert.entra.tests.unit.builders import APP_ID, OBJECT_ID

NONE = {"client_id": None, "client_secret": None, "tenant_id": None}


class Silence:
    """A transport that nobody may use: opening a connection sends nothing."""

    def send(self, request):
        raise AssertionError(f"{request.url} was asked")


def opened(options, **facts):
    return open_connection(options, Call(transport=Silence(), **facts))


def problems(options, **facts):
    with pytest.raises(InvalidInput) as failure:
        opened(options, **facts)
    return list(failure.value.problems)


def test_a_sound_connection_is_opened_without_sending_anything(options):
    connection = opened(options(app_id=APP_ID))

    assert connection.identity.name == "client_secret"
    assert connection.selector == Selector(app_id=APP_ID)
    assert connection.service.authority.startswith("https://login.microsoftonline.com/")


@pytest.mark.parametrize(("is_audit", "priority"), [(True, "Low"), (False, None)])
def test_an_audit_gives_way_where_limits_are_near(options, is_audit, priority):
    asked = []

    class Listening:
        def send(self, request):
            asked.append(request.headers)
            return Response(200, {}, b"{}")

    given = options(auth_source="access_token", access_token="eyJ", app_id=APP_ID)
    open_connection(given, Call(transport=Listening(), is_audit=is_audit)).graph.get("/organization")

    assert [headers.get("x-ms-throttle-priority") for headers in asked] == [priority]


def test_secrets_stay_out_of_a_repr(options):
    assert "s3cret" not in repr(opened(options(app_id=APP_ID)))


@pytest.mark.parametrize(
    "given, source",
    [
        ({"access_token": "t", "client_secret": "s", "client_certificate_path": "/c"}, "access_token"),
        ({"client_certificate_path": "/c"}, "client_secret"),
        ({"client_secret": None, "client_certificate_path": "/c"}, "certificate"),
    ],
)
def test_auto_goes_by_the_first_option_that_is_set(options, given, source):
    assert opened(options(app_id=APP_ID, **given)).identity.name == source


def test_auto_ends_at_the_key_store(options, store):
    connection = opened(options(client_secret=None, key_store=store.location))

    assert (connection.identity.name, connection.is_own_identity) == ("key_store", True)


def test_no_way_to_sign_in_names_every_way_and_why_it_was_skipped(options, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    for name in ("ACTIONS_ID_TOKEN_REQUEST_URL", "SYSTEM_OIDCREQUESTURI", "IDENTITY_ENDPOINT", "MSI_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)

    (nothing, tenant, application) = problems(options(**NONE))

    assert nothing == (
        "No way to sign in. access_token: access_token (ENTRA_ACCESS_TOKEN) is not set. "
        "client_secret: client_secret (AZURE_CLIENT_SECRET) is not set. "
        "certificate: client_certificate_path (AZURE_CLIENT_CERTIFICATE_PATH) is not set. "
        "key_store: key_store is not set. "
        "workload_identity: Neither AZURE_FEDERATED_TOKEN_FILE nor the variables of GitHub Actions or Azure "
        "Pipelines are set. "
        "managed_identity: IDENTITY_ENDPOINT is not set. On a virtual machine set auth_source to managed_identity. "
        "azure_cli: 'az' is not on the PATH. device_code: It needs a person, so it has to be asked for."
    )
    assert tenant == "tenant_id is needed (AZURE_TENANT_ID): the tenant's GUID or domain."
    assert application == "Name the application: app_id, object_id or display_name."


def test_auto_says_what_it_took_and_what_it_passed_over(options):
    choice = opened(options(app_id=APP_ID)).choice

    assert choice == Choice(
        "client_secret", (("access_token", "access_token (ENTRA_ACCESS_TOKEN) is not set."),), is_automatic=True
    )
    assert results.with_auth(opened(options(app_id=APP_ID)), {"changed": False}) == {
        "changed": False,
        "auth": {
            "source": "client_secret",
            "skipped": [{"source": "access_token", "why": "access_token (ENTRA_ACCESS_TOKEN) is not set."}],
        },
    }


def test_what_was_asked_for_needs_no_explanation(options):
    connection = opened(options(app_id=APP_ID, auth_source="client_secret"))

    assert results.with_auth(connection, {}) == {}


@pytest.mark.parametrize(
    "source, needs",
    [
        (
            "client_secret",
            ["client_id (AZURE_CLIENT_ID)", "client_secret (AZURE_CLIENT_SECRET)", "tenant_id is needed"],
        ),
        ("certificate", ["client_id (AZURE_CLIENT_ID)", "client_certificate_path (AZURE_CLIENT_CERTIFICATE_PATH)"]),
        ("access_token", ["access_token (ENTRA_ACCESS_TOKEN)"]),
        ("key_store", ["needs key_store, the directory"]),
    ],
)
def test_what_a_way_to_sign_in_lacks_is_named_at_once(options, source, needs):
    found = " ".join(problems(options(**NONE, app_id=APP_ID, auth_source=source)))

    assert all(need in found for need in needs)
    assert ("tenant_id is needed" in found) is (source != "access_token")


@pytest.mark.parametrize("source", ["auto", "access_token"])
def test_a_token_does_not_tell_where_the_application_itself_signs_in(options, source):
    given = options(**NONE, app_id=APP_ID, auth_source=source, access_token="t0ken")

    assert opened(given).identity.name == "access_token"
    assert problems(given, signs_in=True) == [
        "tenant_id is needed (AZURE_TENANT_ID) beside access_token: the application itself signs in there."
    ]
    assert opened({**given, "tenant_id": "contoso.onmicrosoft.com"}, signs_in=True)


def test_a_module_alone_shows_nobody_a_device_code(options):
    (problem,) = problems(options(app_id=APP_ID, auth_source="device_code"))

    assert problem.startswith("auth_source device_code works on the control node only, where somebody sees the code")


def test_bad_options_and_missing_ones_are_named_together(options):
    found = problems(options(**NONE, app_id="payroll", validity=-1.0, cloud="mars"), problems=["And one more."])

    assert len(found) == 6
    assert "And one more." in found


def test_an_unknown_cloud_is_refused_with_the_known_ones(options):
    found = problems(options(app_id=APP_ID, cloud="mars"))

    assert found == [
        "cloud must be one of bleu, china, delos, govsg, public, us_government, us_government_dod, not 'mars'."
    ]


@pytest.mark.parametrize("name", ["AzureUSGovernment", "AZUREUSGOVERNMENT", "usgovernment", "us_government"])
def test_the_names_that_other_tools_use_are_understood(options, name):
    assert opened(options(app_id=APP_ID, cloud=name)).service.cloud.graph_url == "https://graph.microsoft.us"


@pytest.mark.parametrize("option", ["authority_host", "graph_url"])
@pytest.mark.parametrize("url", ["http://login.test", "ftp://x", "https://", "https://x:99999", "https://x\ny", "x y"])
def test_a_host_without_tls_is_refused(options, option, url):
    assert problems(options(app_id=APP_ID, **{option: url})) == [
        f"{option} must be an https URL such as https://host:8443, not '{url}'."
    ]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:pa55word@host", "https://(hidden)@host"),
        ("https://user:pa55@w://rd@host/x", "https://(hidden)@host/x"),
        ("user:pa55word@host", "(hidden)@host"),
        ("https://host/v1.0?sig=pa55word", "https://host/v1.0?(hidden)"),
        ("http://host#pa55word", "http://host?(hidden)"),
    ],
)
@pytest.mark.parametrize("option", ["authority_host", "graph_url", "key_store"])
def test_a_password_in_an_address_is_refused_without_being_repeated(options, option, url, shown):
    if option == "key_store" and "://" not in url:
        return  # a directory may be called like that
    found = " ".join(problems(options(app_id=APP_ID, **{option: url})))

    assert f"not '{shown}'" in found and "pa55" not in found and option in found


def test_a_ca_file_that_is_not_there_is_refused(options):
    assert problems(options(app_id=APP_ID, ca_path="/nowhere/ca.pem")) == ["ca_path: /nowhere/ca.pem does not exist."]


def test_a_store_that_is_a_file_is_refused(options, key_file):
    assert problems(options(app_id=APP_ID, key_store=key_file)) == [
        f"key_store must be a directory, and {key_file} is a file."
    ]


@pytest.mark.parametrize("text", ["https://vault.test/secrets/payroll", "-----BEGIN PRIVATE KEY-----\nMIIE/"])
def test_a_store_that_is_an_address_or_content_is_refused(options, text):
    accepted = "a directory on the host that runs the module, or https://<vault>/certificates/<name>"

    assert problems(options(app_id=APP_ID, key_store=text)) == [f"key_store must be {accepted}, not '{text}'."]


# --- Which application -------------------------------------------------------------------------------------------


def test_the_application_may_come_from_the_stores_record(options, store):
    assert opened(options(client_id=OBJECT_ID, key_store=store.location)).selector == Selector(app_id=APP_ID)


def test_other_problems_do_not_hide_that_the_store_names_it(options, store):
    (problem,) = problems(options(client_secret=None, client_id=None, key_store=store.location, overlap=-1.0))

    assert problem == "overlap must not be negative, and is -1."


def test_an_application_that_signs_in_as_itself_may_be_named_by_client_id(options, tmp_path):
    given = options(auth_source="key_store", client_id=OBJECT_ID, key_store=str(tmp_path))

    assert opened(given).selector == Selector(app_id=OBJECT_ID)
    assert opened(options(auth_source="key_store", key_store=str(tmp_path), app_id=APP_ID)).selector.app_id == APP_ID


def test_client_id_never_names_the_application_of_another_identity(options, tmp_path):
    assert problems(options(key_store=str(tmp_path))) == ["Name the application: app_id, object_id or display_name."]


def test_an_empty_store_alone_does_not_mean_the_whole_tenant(options, tmp_path):
    found = problems(options("info", key_store=str(tmp_path)), needs_application=False)

    assert found == ["Name the application: app_id, object_id or display_name."]
    assert not opened(options("info"), needs_application=False).selector


def test_signing_in_as_itself_needs_to_know_who(options, tmp_path):
    found = problems(options(auth_source="key_store", client_id=None, key_store=str(tmp_path)))

    assert found[0] == "auth_source key_store needs app_id (or client_id): the application signs in as itself."


def test_a_broken_store_is_named_with_the_other_problems(options, store):
    version = store.read().current.path
    os.remove(os.path.join(version, "certificate.pem"))

    found = problems(options(key_store=store.location, overlap=-1.0))

    assert found[0].startswith("overlap") and store.location in found[1]


def test_a_sign_in_with_an_empty_store_says_so(options, tmp_path):
    connection = opened(options(auth_source="key_store", key_store=str(tmp_path), app_id=APP_ID))

    with pytest.raises(EvercertError, match="holds no current certificate to sign in with"):
        connection.identity.token(connection.service)


def test_a_sign_in_with_the_store_is_noted_before_it_is_made(options, store):
    class Down:
        def send(self, request):
            return Response(503, {}, b"")

    connection = open_connection(options(auth_source="key_store", key_store=store.location), Call(transport=Down()))

    with pytest.raises(EvercertError):
        connection.identity.token(connection.service)
    connection.identity.note(store.read().current.thumbprint)
    assert len(store.sign_ins_since(connection.clock.service_time().replace(year=2000))) == 1


def test_check_mode_notes_nothing(options, store):
    connection = opened(options(auth_source="key_store", key_store=store.location), check_mode=True)

    connection.identity.note(store.read().current.thumbprint)

    assert store.sign_ins_since(connection.clock.service_time().replace(year=2000)) == []


# --- Key files ---------------------------------------------------------------------------------------------------


def load(options, path):
    given = options(app_id=APP_ID, auth_source="certificate", client_certificate_path=path)
    return opened(given).identity.load()


def test_a_key_file_is_read_when_it_is_needed(options, key_file, key_pair):
    assert load(options, key_file).certificate == key_pair.certificate


def test_a_private_key_that_everybody_can_read_is_refused_with_the_command_that_helps(options, key_file):
    os.chmod(key_file, 0o644)

    with pytest.raises(InvalidInput) as failure:
        load(options, key_file)
    assert failure.value.message == (
        f"client_certificate_path: {key_file} is readable by everybody (mode 0644). Run: chmod 600 {key_file}"
    )


def test_a_public_certificate_may_be_readable_by_everybody(write, key_pair):
    path = write(key_pair.certificate_pem(), mode=0o644)

    assert read_file(path, "certificate_path") == key_pair.certificate_pem()


@pytest.mark.parametrize("path, why", [("/nowhere/key.pem", "No such file or directory"), ("/tmp", "Is a directory")])
def test_a_file_that_cannot_be_read_is_named_with_the_reason(options, path, why):
    with pytest.raises(InvalidInput) as failure:
        load(options, path)
    assert failure.value.message == f"client_certificate_path: cannot read {path}: {why}."


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_of_somebody_else_is_refused(options, key_file):
    os.chmod(key_file, 0o000)

    with pytest.raises(InvalidInput, match=f"client_certificate_path: cannot read {key_file}: Permission denied"):
        load(options, key_file)


def test_a_key_and_a_certificate_that_do_not_match_are_refused(options, write, key_pair, other_pair):
    path = write(key_pair.private_key_pem() + other_pair.certificate_pem())

    with pytest.raises(InvalidInput) as failure:
        load(options, path)
    assert failure.value.message.startswith(
        f"client_certificate_path ({path}) holds a private key and a certificate that do not belong together"
    )


def test_an_ec_key_is_refused(options, write, ec_key, key_pair):
    path = write(ec_key + key_pair.certificate_pem())

    with pytest.raises(InvalidInput, match="Microsoft Entra accepts RSA keys only") as failure:
        load(options, path)
    assert f"client_certificate_path ({path}) has a key of the kind EC:" in failure.value.message


@pytest.mark.parametrize("location", ["keys", "./keys", "../keys"])
def test_a_relative_key_store_is_refused(options, location):
    """It would be another directory wherever the module runs, empty each time."""
    [said] = problems(options(app_id=APP_ID, key_store=location))

    assert said.startswith("key_store must be an absolute path, or begin with ~") and said.endswith(
        f"'{location}' is relative."
    )
