# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A vault that answers anything, and tags with anything in them: read, or refused with a sentence."""

from __future__ import annotations

import base64
import datetime as dt
import functools

from ansible_collections.evercert.entra.plugins.module_utils._core.errors import KeyStoreError
from ansible_collections.evercert.entra.plugins.module_utils._core.model import Record
from ansible_collections.evercert.entra.plugins.module_utils._keys.key_pair import generate_key_pair
from ansible_collections.evercert.entra.plugins.module_utils._keys.vault import VaultStore
from ansible_collections.evercert.entra.plugins.module_utils._keys.vault_tags import Marks, tags_for
from fuzzing import TEXTS, VALUES, bent_text, fuzz
from hypothesis import given
from hypothesis import strategies as st

START = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
LOCATION = "https://payroll.vault.azure.net/certificates/payroll"


@functools.lru_cache(None)
def honest():
    """One current version, as a vault lists it."""
    made = generate_key_pair(
        key_size=2048, subject="CN=x", not_before=START, not_after=START + dt.timedelta(days=90)
    ).certificate
    record = Record(app_id="a", promoted=START, accepted=START)
    tags = tags_for(made.thumbprint, Marks(record, current=1, sign_ins=(1795342500,)), {"team": "payroll"})
    item = {"id": f"{LOCATION}/v1", "attributes": {"enabled": True, "created": 1795342500}, "tags": tags}
    return item, base64.b64encode(made.der).decode()


class Answers:
    """A vault with one version, and whatever operation."""

    location = LOCATION

    def __init__(self, item, cer, operation=None):
        self._item, self._cer, self._operation = item, cer, operation

    def versions(self):
        return [self._item]

    def certificate(self, version):
        return {"cer": self._cer, "tags": self._item.get("tags")}

    def pending(self):
        return self._operation

    def wait_until_made(self):
        return None

    def update(self, version, tags, enabled):
        assert all(isinstance(text, str) for pair in tags.items() for text in pair)


def used_or_refused(answers):
    """Everything that reads; None after a refusal."""
    store = VaultStore(answers)
    try:
        contents = store.read()
        store.history(10)
        store.sign_ins_since(START)
        store.signing_request()
        with store.lock(0, None):
            store.clear_debris()
    except KeyStoreError as refused:
        assert refused.message
        return None
    return contents


@fuzz(120)
@given(st.sampled_from(["id", "attributes", "tags"]), VALUES)
def test_any_version_in_a_list_is_read_or_refused(name, value):
    item, cer = honest()
    used_or_refused(Answers({**item, name: value}, cer))


@fuzz(120)
@given(st.data(), VALUES | TEXTS)
def test_any_tag_and_any_attribute_is_read_or_refused(data, value):
    item, cer = honest()
    part = data.draw(st.sampled_from(["attributes", "tags"]))
    name = data.draw(st.sampled_from(sorted(item[part])))
    bent = bent_text(item[part][name]) if isinstance(item[part][name], str) else st.just(value)
    found = data.draw(st.just(value) | bent)
    used_or_refused(Answers({**item, part: {**item[part], name: found}}, cer))


@fuzz(80)
@given(VALUES | TEXTS | bent_text("MIIC"))
def test_any_certificate_is_read_or_refused(cer):
    used_or_refused(Answers(honest()[0], cer))


@fuzz(80)
@given(st.dictionaries(st.sampled_from(["status", "issuer", "csr", "error"]), VALUES | st.just("inProgress")))
def test_any_operation_is_read_or_refused(operation):
    item, cer = honest()
    used_or_refused(Answers(item, cer, operation))


def test_the_true_answers_are_read():
    item, cer = honest()
    contents = used_or_refused(Answers(item, cer))

    assert contents.current.record.app_id == "a"
