# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The search finds what it shall find, in every form and every place: else to find nothing means nothing."""

from __future__ import annotations

import base64
import datetime as dt
import html
import json
import sys
import textwrap
import urllib.parse

import pytest
import scale
from cryptography.hazmat.primitives import serialization
from emulator import certificates
from secrecy.hunt import Hunt, a_canary


def test_a_secret_is_found_in_every_form_it_may_have_been_written_in():
    secret = a_canary()
    hunt = Hunt()
    hunt.add_text("it", secret)
    once = json.dumps({"told": secret})
    written = {
        "plain": secret,
        "json": once,
        "json in json": json.dumps(once),
        "repr": repr({"told": [secret]}),
        "xml": html.escape(secret),
        "url": urllib.parse.quote(secret),
        "form": urllib.parse.urlencode({"client_secret": secret}),
        "hex": secret.encode().hex(),
        "wrapped": textwrap.fill(secret, 20),
        "a part": secret[20:43],
    }
    for before in ("", "x", "xy"):
        encoded = base64.b64encode((before + secret + "tail").encode())
        written[f"base64 after {before!r}"] = encoded.decode()
        written[f"wrapped base64 after {before!r}"] = textwrap.fill(encoded.decode(), 64)

    assert [form for form, text in written.items() if not hunt.found_in(f"before {text} behind".encode())] == []
    assert not hunt.found_in(a_canary().encode())


def test_a_private_key_is_found_in_every_container_and_its_certificate_is_not_taken_for_it():
    pair = certificates.issue("payroll", *_a_year(), certificates.new_key())
    other = certificates.issue("other", *_a_year(), certificates.new_key())
    hunt = Hunt()
    hunt.add_private_key("it", pair.private_key)
    lines = pair.private_key_pem.splitlines()
    written = {
        "pem": pair.private_key_pem,
        "pem in json": json.dumps({"told": pair.private_key_pem}),
        "pem in one line": "".join(lines),
        "forty characters": lines[-4][:40],
        "pkcs1": _pkcs1(pair.private_key),
    }

    assert [form for form, text in written.items() if not hunt.found_in(text.encode())] == []
    assert hunt.found_in(pair.pfx)
    for innocent in (pair.certificate_pem.encode(), pair.der, other.bundle_pem.encode()):
        assert not hunt.found_in(innocent)


def test_a_token_is_found_by_its_signature():
    hunt = Hunt()
    signature = a_canary().replace('"+/&=<', "_") * 3
    hunt.add_tokens("it", f"Bearer eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.{signature}&more")

    assert hunt.found_in(f"said {signature[50:80]}".encode())
    assert not hunt.found_in(b"eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.")


@scale.in_check
@pytest.mark.parametrize("no_log", scale.either([False], [False, True]))
def test_a_play_that_tells_a_secret_is_caught_wherever_it_tells_it(stage, canary, no_log):
    wait = [sys.executable, "-c", "import time; time.sleep(0.5)", "{{ secrets.argument }}"]
    path = stage.folder / "left behind"
    tasks = [
        {"name": "Tell", "ansible.builtin.debug": {"msg": "{{ secrets.told }}"}, "register": "told"},
        {"name": "Keep", "ansible.builtin.set_fact": {"cacheable": True, "kept": "{{ told }}"}},
        {"name": "Leave", "ansible.builtin.copy": {"dest": str(path), "content": "{{ secrets.left | b64encode }}"}},
        {"name": "Pass", "ansible.builtin.command": {"argv": wait}},
    ]
    tasks = [{**task, "no_log": no_log} for task in tasks]

    code = stage.play_tasks(
        tasks,
        {"secrets": {name: canary(name) for name in ("told", "left", "argument", "inherited")}},
        INHERITED=canary("inherited"),
    )

    found = stage.findings()
    assert code == 0, stage.printed.decode()
    assert found["left behind"] == ["left"]
    assert "argument" in found["(arguments)"]
    assert found["(environments)"] == ["inherited"]
    assert any("told" in names for place, names in found.items() if place.startswith("cache/")), found
    if not no_log:
        assert {"told", "argument"} <= set(found["(printed)"]) & set(found["ansible.log"]) & set(found["results.jsonl"])


def _a_year():
    start = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
    return start, start + dt.timedelta(days=365)


def _pkcs1(private_key):
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return private_key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
