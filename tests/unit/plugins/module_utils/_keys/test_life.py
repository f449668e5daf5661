# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The life of a key in a third place, which is one class: what is refused, and in which order what is done is done."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import KeyStoreError
from ansible_collections.evercert.entra.plugins.module_utils._core.model import Record, StoreContents, Version
from ansible_collections.evercert.entra.plugins.module_utils._keys.life import KeyStore

NOW = dt.datetime(2026, 11, 22, 10, 0, tzinfo=dt.timezone.utc)
SENT = Record(app_id="app", generated=NOW, intent=NOW)
ONE, TWO, THREE = range(3)


class Stop(Exception):
    """The process dies before its next effect."""


class Drawer(KeyStore):
    """A place in memory. `effects` says what was done; `left` how many more there are before a stop."""

    location = "drawer"

    def __init__(self, names):
        self.names, self.kept, self.links = names, {}, {}
        self.effects, self.left = [], 99

    def _do(self, *effect):
        if self.left == len(self.effects):
            raise Stop
        self.effects.append(" ".join(self.names.get(part, part) for part in effect))

    def read(self):
        current, successor = self.linked()
        others = [version for name, version in self.kept.items() if name not in (current, successor)]
        return StoreContents(self.kept.get(current), self.kept.get(successor), tuple(others))

    def signer(self, thumbprint):
        if thumbprint not in self.kept:
            raise KeyStoreError("no key")

    def linked(self):
        return self.links.get("current"), self.links.get("successor")

    def known(self, thumbprint):
        return self.kept.get(thumbprint)

    def put(self, link, key_pair, record, pfx_passphrase=None):
        name = key_pair.certificate.thumbprint
        self._do("keep", name, "as", link)
        self.kept[name], self.links[link] = Version(key_pair.certificate, record, ""), name
        return self.kept[name]

    def write_record(self, thumbprint, record):
        self._do("record", thumbprint)
        self.kept[thumbprint] = replace(self.kept[thumbprint], record=record)

    def point(self, link, thumbprint, record=None):
        if record:
            self.write_record(thumbprint, record)
        self._do(link, thumbprint)
        self.links[link] = thumbprint

    def unlink_successor(self):
        self._do("unlink")
        self.links.pop("successor")

    def remove(self, thumbprint):
        self._do("remove", thumbprint)
        self.kept.pop(thumbprint)


@pytest.fixture
def names(key_pairs):
    return [pair.certificate.thumbprint for pair in key_pairs]


@pytest.fixture
def drawer(names):
    return Drawer(dict(zip(names, ("one", "two", "three"))))


def effects(drawer, act, *arguments):
    since = len(drawer.effects)
    act(*arguments)
    return drawer.effects[since:]


def refusal(act, *arguments):
    with pytest.raises(KeyStoreError) as caught:
        act(*arguments)
    return caught.value.message


def test_a_life_from_the_first_day_to_the_last(drawer, key_pairs, names):
    adopted = drawer.adopt_current(key_pairs[ONE], Record())
    assert adopted.record.origin == "adopted" and drawer.effects == ["keep one as current"]

    assert effects(drawer, drawer.keep_successor, key_pairs[TWO], SENT) == ["keep two as successor"]
    assert effects(drawer, drawer.promote_successor, NOW) == ["record one", "record two", "current two", "unlink"]
    assert drawer.known(names[TWO]).record.predecessor == names[ONE]
    assert drawer.known(names[ONE]).record.promoted == key_pairs[ONE].certificate.not_before

    assert effects(drawer, drawer.roll_back, names[ONE]) == ["successor two", "current one"]
    assert effects(drawer, drawer.roll_back, names[ONE]) == []
    assert effects(drawer, drawer.release_successor) == ["unlink"]
    assert effects(drawer, drawer.release_successor) == []
    assert effects(drawer, drawer.delete_version, names[TWO]) == ["remove two"]


def test_nothing_is_done_where_something_speaks_against_it(drawer, key_pairs, names):
    assert "has no successor to promote" in refusal(drawer.promote_successor, NOW)
    drawer.adopt_current(key_pairs[ONE], SENT)
    drawer.keep_successor(key_pairs[TWO], SENT)
    before = list(drawer.effects)

    assert "is already the current one in drawer" in refusal(drawer.keep_successor, key_pairs[ONE], SENT)
    assert "already holds a key pair" in refusal(drawer.adopt_current, key_pairs[THREE], SENT)
    assert "is in use, so it is not deleted" in refusal(drawer.delete_version, names[ONE])
    assert "is in use, so it is not deleted" in refusal(drawer.delete_version, names[TWO])
    assert refusal(drawer.roll_back, names[THREE]) == "no key"
    drawer.kept.pop(names[TWO])
    assert refusal(drawer.promote_successor, NOW) == "no key"
    assert drawer.effects == before


def test_what_is_known_of_a_pair_that_comes_again_is_not_forgotten(drawer, key_pairs, names):
    drawer.keep_successor(key_pairs[ONE], SENT)
    drawer.release_successor()

    again = drawer.keep_successor(key_pairs[ONE], Record(generated=NOW, origin="provided"))

    assert (again.record.intent, again.record.origin) == (NOW, "provided")


def test_a_current_version_that_was_lost_is_told(drawer, key_pairs, names):
    drawer.keep_successor(key_pairs[TWO], SENT)
    drawer.links["current"] = names[ONE]

    assert "drawer holds no version" in refusal(drawer.promote_successor, NOW)


def act_out(drawer, key_pairs, stop):
    """A renewal and a roll back, stopped once before that effect and then run again as a run goes on."""
    acts = (
        lambda: drawer.read().current or drawer.adopt_current(key_pairs[ONE], SENT),
        lambda: drawer.keep_successor(key_pairs[TWO], SENT),
        lambda: drawer.promote_successor(NOW),
        lambda: drawer.roll_back(key_pairs[ONE].certificate.thumbprint),
        drawer.release_successor,
    )
    drawer.left = stop
    for act in acts:
        try:
            act()
        except Stop:
            assert drawer.links.get("current") in (None, *drawer.kept), "consumers always read a key that is there"
            drawer.left = -1
            act()
    return drawer.left == -1


def test_a_stop_between_any_two_effects_is_gone_on_from(names, key_pairs):
    for stop in range(20):
        drawer = Drawer(dict(zip(names, ("one", "two", "three"))))
        was_stopped = act_out(drawer, key_pairs, stop)

        contents = drawer.read()
        assert contents.current.thumbprint == names[ONE] and contents.successor is None
        assert contents.find(names[TWO]).record.promoted == NOW
        if not was_stopped:
            return
    raise AssertionError("there are more effects than this test has stops")
