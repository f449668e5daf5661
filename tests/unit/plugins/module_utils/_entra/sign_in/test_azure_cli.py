# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whoever ran `az login` signs in; the program is a stand-in that answers as az does."""

from __future__ import annotations

import os

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import InvalidInput, SignInRefused
from ansible_collections.evercert.entra.plugins.module_utils._entra.sign_in import azure_cli


@pytest.fixture
def az(tmp_path, monkeypatch):
    """Put an `az` on the PATH; what it was asked stands in `asked`."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def make(script):
        program = folder / "az"
        program.write_text(f'#!/bin/sh\necho "$@" > {folder}/asked\n{script}\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    make.asked = lambda: (folder / "asked").read_text().strip()
    return make


def answers(token):
    body = '{"accessToken": "%s", "expiresOn": "2026-11-22 11:00:00.000000", "tokenType": "Bearer"}'
    return f"echo '{body % token}'"


def test_the_clis_token_reads(world, reading, az):
    connection = world.connect(world.options(**world.as_admin))
    az(answers(connection.identity.token(connection.service).value))

    assert reading("azure_cli").find_application().display_name == "payroll"
    assert az.asked() == (
        f"account get-access-token --output json --resource https://graph.microsoft.com --tenant {world.tenant.id}"
    )


@pytest.mark.parametrize(("said", "seconds"), [('"expires_on": 60', 60), ('"expires_on": "60"', 60), ('"n": 1', None)])
def test_how_long_the_clis_token_is_valid(world, reading, az, said, seconds):
    epoch = round(world.connect(world.options(**world.as_admin)).clock.service_time().timestamp())
    az(f"""echo '{{"accessToken": "a.b.c", {said.replace("60", str(epoch + 60))}}}'""")
    connection = reading("azure_cli")
    token = connection.identity.token(connection.service)

    assert token.seconds == (seconds and pytest.approx(seconds, abs=30))


def test_cli_is_another_name_for_it(reading, az):
    az(answers("a.b.c"))

    assert reading("cli").identity.name == "azure_cli"


@pytest.mark.parametrize(
    "script, code, message",
    [
        ("echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1", "azure_cli_failed", "setup account"),
        ("echo 'ERROR: AADSTS500011: The resource was not found.' >&2; exit 1", "wrong_cloud", "Set the option cloud"),
        ("echo 'ERROR: AADSTS70043: expired.' >&2; exit 1", "azure_cli_failed", "az login"),
        ("echo not json", "azure_cli_failed", "said nothing"),
        ("echo '[]'", "azure_cli_failed", "said nothing"),
        (answers("two words"), "azure_cli_failed", "said nothing"),
        (answers("a.b.c") + "; exit 3", "azure_cli_failed", "ended with 3"),
    ],
)
def test_a_cli_without_a_token_is_diagnosed(reading, az, script, code, message):
    az(script)

    with pytest.raises(SignInRefused, match=message) as refused:
        reading("azure_cli").find_application()
    assert refused.value.diagnosis.code == code


def test_a_refusal_says_what_auto_took(reading, az, monkeypatch, tmp_path):
    az("exit 1")
    monkeypatch.setenv("AZURE_CONFIG_DIR", str(tmp_path))
    (tmp_path / "azureProfile.json").write_text("{}")

    with pytest.raises(SignInRefused, match=r"Run 'az login'.*\(auth_source auto took azure_cli\.\)$"):
        reading("auto").find_application()


def test_a_cli_that_hangs_is_given_up(reading, az, monkeypatch):
    az("exec sleep 30")
    monkeypatch.setattr(azure_cli, "PATIENCE", 0.2)

    with pytest.raises(SignInRefused, match="did not come to an end"):
        reading("azure_cli").find_application()


def test_a_cli_that_cannot_be_started_is_told(reading, az):
    az("exit 0")
    connection = reading("azure_cli")
    os.remove(connection.identity.program)

    with pytest.raises(SignInRefused, match="cannot be started: No such file"):
        connection.find_application()


def test_a_host_without_the_cli_is_told_before_anything_is_asked(reading, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(InvalidInput, match="'az' is not on the PATH of the user who runs the module"):
        reading("azure_cli")


@pytest.mark.parametrize("signed_in", [True, False])
def test_auto_takes_it_where_somebody_has_signed_in(reading, az, monkeypatch, tmp_path, signed_in):
    az(answers("a.b.c"))
    monkeypatch.setenv("AZURE_CONFIG_DIR", str(tmp_path))
    if signed_in:
        (tmp_path / "azureProfile.json").write_text("{}")
        assert reading("auto").choice.source == "azure_cli"
    else:
        with pytest.raises(InvalidInput, match="azure_cli: Nobody has signed in with 'az login'"):
            reading("auto")
