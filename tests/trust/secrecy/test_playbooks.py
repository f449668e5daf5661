# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks and the role, with inventory variables that hold secrets: nothing secret is found anywhere."""

from __future__ import annotations

from pathlib import Path

import scale
from secrecy import acts
from secrecy.stage import HOST

ROOT = Path(__file__).resolve().parents[3]


def hosts_of(cast, connection):
    """One application for each host; `careless` puts secrets where they do not belong."""
    renewal = {f"renew_{name}": value for name, value in acts.QUICK.items()}
    common = {
        **HOST,
        **{f"entra_{name}": value for name, value in connection.items()},
        **renewal,
    }
    itself = cast["itself"]
    key_store = {"app_id": cast["brought"].app_id, "key_store": cast["brought"].key_store}
    careless = {"app_id": itself.app_id, "key_store": itself.key_store, "client_secret": acts.secret("wrong_secret")}
    hosts = {
        "itself": {"entra_app_id": itself.app_id, "entra_key_store": itself.key_store, "renew_adopt_path": itself.path},
        "not_healthy": of(cast["forbidden"], renew_probes=[{"url": "/organization"}]),
        "wrong_secret": of(cast["brought"], entra_client_secret=acts.secret("wrong_secret")),
        "wrong_passphrase": of(
            cast["brought"],
            entra_auth_source="certificate",
            entra_client_certificate_path=cast["on_trial"].path,
            entra_client_certificate_passphrase=acts.secret("wrong_passphrase"),
        ),
        "careless_in_an_entry": {"renew_applications": [careless]},
        "careless_in_a_variable": of(itself, renew_pfx_passphrase=acts.secret("pfx_passphrase")),
        "a_key_in_an_entry": {
            "renew_applications": [{"certificate_content": acts.secret("misplaced_key"), **key_store}]
        },
        "unreachable": {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1, **of(itself)},
    }
    return {name: {**common, **variables} for name, variables in hosts.items()}


def of(actor, **variables):
    return {"entra_app_id": actor.app_id, "entra_key_store": actor.key_store, **variables}


@scale.in_check
def test_no_playbook_shows_a_secret_whether_it_ends_well_or_not(stage, connection, cast, variables):
    hosts = hosts_of(cast, connection)
    few = scale.either(["--limit", "itself:wrong_secret"], [])
    played = [
        ("renew", "--check", *few),
        ("renew",),  # adopts
        ("renew", *few),  # renews
        ("verify", *few),
        ("report", "-e", f"report_directory={stage.folder}/report", *few),
    ]

    for playbook, *options in played:
        stage.play(f"evercert.entra.{playbook}", hosts, variables, *options)

    stage.learn_keys()
    ended = stage.printed.decode()
    for words in ("Secrets do not belong here: client_secret", "renew_pfx_passphrase", "the passphrase is wrong"):
        assert words in ended
    for words in ("AADSTS7000215", "near_expiry (generate, register, prove, promote)", "unreachable=1"):
        assert words in ended
    assert stage.findings() == {}
    scale.note("secrecy", plays_of_playbooks=len(played))


@scale.in_check
def test_no_recovery_shows_a_secret_whoever_signs_in(stage, server, connection, cast, variables, canary):
    """An administrator's application that is refused, one that is not, and a person with a device code."""
    where = {f"entra_{name}": connection[name] for name in ("tenant_id", "authority_host", "graph_url", "ca_path")}
    quick = {f"recover_{name}": value for name, value in acts.QUICK.items()}
    host = {**HOST, **where, **quick, "recover_permissions": [], **of(cast["itself"])}
    application = {"recover_auth_source": "client_secret", "recover_client_id": connection["client_id"]}

    for more, secret in (
        (application, "wrong_secret"),
        (application, "client_secret"),
        ({"recover_force": True}, None),
    ):
        environment = {"AZURE_CLIENT_SECRET": canary(secret)} if secret else {}
        stage.play("evercert.entra.recover", {"itself": {**host, **more}}, variables, **environment)

    stage.learn_keys()
    ended = stage.printed.decode()
    assert "AADSTS7000215" in ended and ended.count("Sign-in and health are proven.") == 2
    assert stage.findings() == {"(environments)": ["client_secret", "wrong_secret"]}  # where the user has put them


# What has no play of its own here, and why that is enough.
WITHOUT_A_PLAY = {
    "renew_application": "finds the hosts of an application, then it is the playbook renew",
    "schedule": "is given the path of a file with secrets, and never reads it",
}


def test_every_playbook_and_role_is_played_or_it_is_said_why_not():
    names = {path.stem for path in (*ROOT.glob("playbooks/*.yml"), *ROOT.glob("roles/*"))}
    plays = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))

    played = {name for name in names if f'evercert.entra.{name}"' in plays or f'("{name}"' in plays}
    assert names - played == set(WITHOUT_A_PLAY)
