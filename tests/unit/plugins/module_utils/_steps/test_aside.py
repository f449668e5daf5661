# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A restored store: its records do not know what was sent since, so no key is destroyed on their word alone."""

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import KeyStoreError
from ansible_collections.evercert.entra.plugins.module_utils._core.model import Record
from ansible_collections.evercert.entra.plugins.module_utils._keys import place
from ansible_collections.evercert.entra.plugins.module_utils._steps.aside import clear_asides
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import ours


def half_made(world, *, linked=True, registered=True):
    """A key pair that by its record was not sent; and what the lost time did with it."""
    pair = world.tenant.issue("payroll", 0, 180)
    record = Record(world.payroll.app_id, world.payroll.object_id, generated=world.tenant.clock.now())
    world.store.keep_successor(ours(pair), record)
    if not linked:
        world.store.release_successor()
    if registered:
        world.tenant.add_credential(world.payroll, pair)
    world.settle()
    return pair.thumbprint


@pytest.fixture
def on_its_own(world):
    """Renewed by itself, without any permission; the old certificate is gone from the application."""

    def begin(**details):
        world.adopt(**world.as_itself)
        world.settle()
        name = half_made(world, **details)
        world.lose(world.old.thumbprint)
        world.settle()
        return name

    return begin


@pytest.mark.parametrize("linked", [True, False])
def test_an_application_on_its_own_tries_the_key_that_by_its_record_was_not_sent(world, on_its_own, linked):
    """It is the only key of this store that signs in: without it the application would be locked out."""
    name = on_its_own(linked=linked)

    check = world.renew(check=True, **world.as_itself)
    result = world.renew(**world.as_itself)

    assert result.steps == check.steps == ["prove", "promote"]
    assert world.current == name and world.made == []
    assert world.usable() == [name]


@pytest.mark.parametrize("linked", [True, False])
def test_an_administrator_goes_on_with_it_and_makes_no_second_one(adopted, linked):
    name = half_made(adopted, linked=linked)

    assert adopted.renew(overlap=0).steps == ["prove", "promote", "retire"]
    assert adopted.current == name and adopted.made == [] and adopted.registered == [name]


def test_one_that_does_not_suit_and_that_the_directory_shows_is_retired_and_its_key_kept(adopted):
    name = half_made(adopted)

    assert adopted.renew(key_size=3072, overlap=0).steps[0] == "replace_successor"

    assert adopted.registered == [adopted.current] == adopted.made
    assert adopted.contents.find(name).record.retired and adopted.store.signer(name)


@pytest.mark.parametrize("linked", [True, False])
def test_one_that_does_not_suit_and_that_nobody_knows_is_destroyed(adopted, linked):
    name = half_made(adopted, linked=linked, registered=False)

    adopted.renew(key_size=3072, overlap=0)

    assert adopted.contents.find(name) is None and "key_deleted" in adopted.events()
    assert adopted.registered == [adopted.current] == adopted.made


def test_where_nobody_may_read_one_sign_in_says_whether_it_is_known(world):
    world.adopt(**world.as_itself)
    world.settle()
    known, unknown = half_made(world), half_made(world, registered=False)
    for name in (known, unknown):
        record = world.contents.find(name).record
        world.store.write_record(name, Record(world.payroll.app_id, record.object_id, generated=record.generated))
        version = world.contents.find(name)
        world.store.release_successor()
        world.store.write_record(name, type(record)(**{**vars(version.record), "aside": record.generated}))

    result = world.renew(renew_before=5, **world.as_itself)

    assert (result.steps, result.changed) == ([], False)
    assert world.contents.find(unknown) is None
    assert world.contents.find(known).record.intent and world.store.signer(known)
    assert world.purposes().count("settle") == 2
    world.settle()
    world.renew(renew_before=5, **world.as_itself)
    assert any("cannot be retired: its key ID is not recorded" in said for said in world.warnings)


def test_what_another_read_of_the_run_has_shown_is_not_destroyed(adopted):
    """The read that counted was answered by a replica that does not know it yet."""
    run = adopted.run()
    pair, now = adopted.tenant.issue("payroll", 0, 180), adopted.tenant.clock.now()
    record = Record(adopted.payroll.app_id, adopted.payroll.object_id, generated=now, aside=now)
    adopted.store.keep_successor(ours(pair), record)
    adopted.store.release_successor()
    adopted.tenant.add_credential(adopted.payroll, pair)
    run.connection.find_application()

    clear_asides(run)

    assert adopted.contents.find(pair.thumbprint).record.intent and adopted.store.signer(pair.thumbprint)


def test_what_could_not_be_asked_stays_for_the_next_run(world):
    world.adopt(**world.as_itself)
    world.settle()
    name = half_made(world, registered=False)
    version = world.contents.find(name)
    world.store.release_successor()
    world.store.write_record(name, type(version.record)(**{**vars(version.record), "aside": version.record.generated}))
    world.tenant.faults.add("error", match="token", skip=1, status=503, times=None)

    world.renew(renew_before=5, **world.as_itself)

    assert world.store.signer(name)
    world.tenant.faults.clear()
    world.renew(renew_before=5, **world.as_itself)
    assert world.contents.find(name) is None


def test_before_giving_up_every_key_of_the_store_is_tried(world):
    """The newer key was lost with the time after the backup; an older one was registered again meanwhile."""
    world.adopt()
    world.settle()
    for _twice in range(2):
        world.renew(force=True, overlap=30, validity=300)
        world.settle()
    world.lose(world.current)
    world.lose(world.contents.predecessor.thumbprint)
    world.settle()

    result = world.renew(renew_before=5, **{**world.as_itself, "add_method": "add_key"})

    assert result.steps[0] == "roll_back"
    assert world.current in world.usable()


def test_a_newer_certificate_whose_key_is_not_here_is_told(adopted):
    """Nobody else says that a backup of last week was restored: what was renewed since looks like somebody else's."""
    adopted.foreign("payroll")
    adopted.foreign("somebody")

    for act in (adopted.info, lambda: adopted.renew(check=True, renew_before=5), lambda: adopted.renew(renew_before=5)):
        adopted.warnings.clear()
        act()
        [said] = adopted.warnings
        assert "is newer than the current one in the key store" in said and "restored from a backup" in said
        assert str(adopted.key_store) in said


def test_an_older_certificate_of_the_same_name_is_no_news(adopted):
    adopted.tenant.add_credential(adopted.payroll, adopted.tenant.issue("payroll", -200, 100))
    adopted.renew(overlap=7)
    adopted.settle()

    adopted.renew()

    assert adopted.warnings == []


def test_a_link_is_made_only_to_what_is_there(adopted, monkeypatch):
    """Where locks do not reach another host, its run may have taken the folder away."""
    from ansible_collections.evercert.entra.plugins.module_utils._keys.directory import DirectoryStore

    def keep_and_lose(store, *given):
        version = kept(store, *given)
        store.delete_version(version.thumbprint)
        return version

    kept = DirectoryStore._keep
    monkeypatch.setattr(DirectoryStore, "_keep", keep_and_lose)

    with pytest.raises(KeyStoreError, match="holds no version"):
        adopted.renew()
    assert adopted.contents.successor is None and adopted.usable()


@pytest.mark.xfail(strict=True, reason="F7: a file system whose locks may end at this host is not told from others")
def test_a_file_system_whose_locks_may_end_at_this_host_is_warned_of(adopted, monkeypatch):
    monkeypatch.setattr(place, "type_of", lambda path: "nfs4")

    adopted.renew(renew_before=5)

    assert any("nfs4" in said for said in adopted.warnings)
