# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The examples of hooks, run: what arrives at a chat, a ticket system and a mail module, and nothing secret shown."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import scale

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples" / "remediate"
PROGRAM = Path(sys.executable).parent / "ansible-playbook"
SUMMARY = {
    "plan": False,
    "stopped": True,
    "counts": {"failed": 1, "not_begun": 2, "renewed": 1},
    "hosts": [
        {
            "host": "payroll",
            "app_id": "1f0e",
            "outcome": "failed",
            "failure": {
                "message": "health is not confirmed",
                "diagnosis": {"code": "application_disabled", "remedy": "An administrator enables it."},
            },
        },
        {"host": "billing", "app_id": "2e1d", "outcome": "renewed", "failure": None},
    ],
}
# Stands in for community.general.mail, whose options these are, and keeps what it is given.
MAIL = """\
import json
from ansible.module_utils.basic import AnsibleModule
names = ("host", "secure", "username", "from", "to", "subject", "body")
spec = {name: {"type": "str"} for name in names}
module = AnsibleModule(argument_spec={**spec, "port": {"type": "int"}, "password": {"no_log": True}})
with open(module.params["username"], "w") as file:
    json.dump(module.params, file)
module.exit_json(changed=True)
"""


class Listener(http.server.BaseHTTPRequestHandler):
    """Keeps what is posted. Answers as Jira does, and refuses what is not for it."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.received[self.path] = (self.headers.get("Authorization"), body)
        self.send_response(404 if self.path == "/gone/secret-path" else 201)
        self.end_headers()

    def log_message(self, *_told):
        pass


@pytest.fixture
def listener():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        server.received, server.url = {}, f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def play(folder, hooks, **variables):
    stand_in = folder / "ansible_collections/community/general/plugins/modules"
    stand_in.mkdir(parents=True)
    (stand_in / "mail.py").write_text(MAIL)
    tasks = [{"ansible.builtin.include_tasks": str(EXAMPLES / f"{hook}.yml"), "ignore_errors": True} for hook in hooks]
    (folder / "play.json").write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    (folder / "variables.json").write_text(json.dumps({"remediate_summary": SUMMARY, **variables}))
    command = [PROGRAM, "play.json", "-e", "@variables.json", "-vvv"]
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


@scale.in_check
def test_the_examples_tell_what_was_done_and_keep_their_secrets(listener, tmp_path):
    done = play(
        tmp_path,
        ["chat", "ticket", "mail"],
        chat_webhook_url=f"{listener.url}/services/secret-path",
        ticket_url=listener.url,
        ticket_token="secret-token",
        ticket_project="OPS",
        mail_host="mail.example.com",
        mail_user=str(tmp_path / "mail.json"),
        mail_password="secret-password",
        mail_from="evercert@example.com",
        mail_to="oncall@example.com",
    )

    assert done.returncode == 0, done.stdout
    _nobody, chat = listener.received["/services/secret-path"]
    assert chat["text"].splitlines() == [
        "Certificates of applications: failed 1, not begun 2, renewed 1",
        "payroll: health is not confirmed",
    ]
    bearer, ticket = listener.received["/rest/api/2/issue"]
    assert bearer == "Bearer secret-token" and ticket["fields"]["project"] == {"key": "OPS"}
    assert "payroll (application 1f0e): health is not confirmed" in ticket["fields"]["description"]
    assert "application_disabled: An administrator enables it." in ticket["fields"]["description"]
    mail = json.loads((tmp_path / "mail.json").read_text())
    assert mail["subject"] == "Report: failed 1, not begun 2, renewed 1" and mail["port"] == 587
    assert mail["body"].splitlines() == ["payroll: failed, health is not confirmed", "billing: renewed"]
    assert not [
        word for word in ("secret-path", "secret-token", "secret-password") if word in done.stdout + done.stderr
    ]


@scale.in_check
def test_a_chat_that_refuses_shows_nothing_of_its_address(listener, tmp_path):
    done = play(tmp_path, ["chat"], chat_webhook_url=f"{listener.url}/gone/secret-path")

    assert "/gone/secret-path" in listener.received and "FAILED!" in done.stdout
    assert "secret-path" not in done.stdout + done.stderr
