# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every module on every path, while Ansible tells as much as it can: nothing secret is found anywhere."""

from __future__ import annotations

import os

import pytest
import scale
from secrecy import acts
from secrecy.stage import HERE

DOORS = pytest.mark.parametrize("door", scale.either(["never"], soak=["always", "never"], short=["always"]))


@DOORS
def test_no_module_shows_a_secret_on_any_path(door, stage, server, connection, cast, variables, canary):
    played = acts.renewals(cast)
    if door == "always" or scale.SOAK:  # a process for each task takes many times as long
        played += [
            *acts.in_a_vault(cast, stage.folder),
            *acts.verifications(cast, stage.folder),
            *acts.reports(cast, stage.folder),
            *acts.certificates(cast),
            *acts.without_a_secret(cast),
            *acts.repairs(cast),
            *acts.troubles(cast),
        ]
    tasks = []
    for number, act in enumerate(played):
        tasks.append({**act.task, "register": f"result_{number}"})
    everything = "{{ [" + ", ".join(f"result_{number}" for number in range(len(played))) + "] }}"
    tasks.append({"name": "Keep", "ansible.builtin.set_fact": {"cacheable": True, "everything": everything}})
    tasks.append({"name": "Show", "ansible.builtin.debug": {"var": "everything"}})

    inherited = os.fsdecode(canary("environment").encode() + b"\xff")  # such bytes no request can carry
    job = {
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{server.url}/_platforms/github/token?api-version=2.0",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": canary("request_token"),
    }
    chosen = {**variables, "entra_in_process": door}
    code = stage.play_tasks(tasks, chosen, connection, AZURE_CLIENT_SECRET=inherited, **job)

    stage.learn_keys()
    assert code == 0, stage.printed[-3000:].decode()
    assert list(filter(None, (difference(act, stage.results[act.title]) for act in played))) == []
    sent = any(b"AnsiballZ_application_certificate_renew" in line for line in stage.arguments)
    assert sent is (door == "never")  # arguments were looked at
    assert min(stage.heard("syslog"), stage.heard("journal")) > len(played) / 2
    assert stage.findings() == {"(environments)": ["environment", "request_token"]}  # where the user has put it
    scale.note("secrecy", paths_of_modules=len(played), secrets=len(stage.hunt.names))


@DOORS
def test_no_traceback_shows_a_secret(door, stage, connection, cast, variables):
    """A library that raises what nobody expects ends a module with a traceback."""
    library = stage.folder / "library" / "msal"
    library.mkdir(parents=True)
    (library / "__init__.py").write_text(BROKEN_LIBRARY)
    (library / "exceptions.py").write_text("class MsalServiceError(Exception): pass\n")
    path = os.pathsep.join([str(library.parent), str(HERE / "ears"), os.environ.get("PYTHONPATH", "")])
    crash = [
        acts.Act(f"application_certificate{one}", "crash", acts.of(cast["forbidden"])) for one in ("_renew", "_info")
    ]

    chosen = {**variables, "entra_in_process": door}
    code = stage.play_tasks([act.task for act in crash], chosen, connection, PYTHONPATH=path)

    assert code == 0, stage.printed[-3000:].decode()
    assert stage.printed.count(b"RuntimeError: the library is broken") >= len(crash)
    assert stage.findings() == {}


BROKEN_LIBRARY = """
class TokenCache: pass
def ConfidentialClientApplication(*arguments, **options): raise RuntimeError("the library is broken")
"""


def difference(act, result):
    """Where a task ended otherwise than meant: a path that was not taken shows nothing."""
    failed, said = result["failed"], str(result.get("msg"))
    as_meant = failed and act.told in said if act.told is not None else not failed
    return None if as_meant or act.told == acts.ANY else f"{act.title}: failed {failed}: {said}"
