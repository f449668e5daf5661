# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Key pairs are slow to make, so they are made once; every test has a store of its own and no observer."""

from __future__ import annotations

import datetime as dt

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.model import Record
from ansible_collections.evercert.entra.plugins.module_utils._keys import durable
from ansible_collections.evercert.entra.plugins.module_utils._keys.directory import DirectoryStore
from ansible_collections.evercert.entra.plugins.module_utils._keys.key_pair import generate_key_pair

NOW = dt.datetime(2026, 11, 22, 10, 0, tzinfo=dt.timezone.utc)


@pytest.fixture(scope="session")
def now():
    return NOW


@pytest.fixture(scope="session")
def key_pairs():
    """Three, each a month younger than the one before."""
    return [_made(months) for months in range(3)]


def _made(months):
    start = NOW + dt.timedelta(days=30 * (months - 2))
    return generate_key_pair(
        key_size=2048, subject=f"CN=payroll {months}", not_before=start, not_after=start + dt.timedelta(days=180)
    )


@pytest.fixture(scope="session")
def key_pair(key_pairs):
    return key_pairs[0]


@pytest.fixture
def store(tmp_path):
    made = DirectoryStore(str(tmp_path / "store"))
    made.prepare()
    return made


@pytest.fixture
def renewed(store, key_pairs):
    """A store whose first key pair was replaced by the second."""
    for key_pair in key_pairs[:2]:
        store.keep_successor(key_pair, Record(app_id="app", generated=NOW, intent=NOW))
        store.promote_successor(NOW)
    return store


@pytest.fixture
def old(key_pairs):
    return key_pairs[0].certificate.thumbprint


@pytest.fixture
def new(key_pairs):
    return key_pairs[1].certificate.thumbprint


@pytest.fixture
def effects():
    """The effects that happened, in order."""
    happened = []
    durable.observe = lambda moment, effect: happened.append(effect) if moment == "after" else None
    yield happened
    durable.observe = durable._ignore
