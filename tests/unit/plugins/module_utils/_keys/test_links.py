# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Links that are missing or wrong, as in a store that was copied: what is said of them, and what the command does."""

from __future__ import annotations

import datetime as dt
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import KeyStoreError
from ansible_collections.evercert.entra.plugins.module_utils._core.model import Record
from ansible_collections.evercert.entra.plugins.module_utils._keys.directory import DirectoryStore

NOW = dt.datetime(2026, 11, 22, 10, 0, tzinfo=dt.timezone.utc)
LATER = NOW + dt.timedelta(hours=1)


@pytest.fixture(params=["store", "my $store"])
def busy(tmp_path, request, key_pairs):
    """The second key pair is current, the third one was sent; paths may be such that a shell takes offence."""
    made = DirectoryStore(str(tmp_path / request.param))
    made.prepare()
    for number, key_pair in enumerate(key_pairs):
        moment = NOW + dt.timedelta(days=number)
        made.keep_successor(key_pair, Record(app_id="app", generated=moment, intent=moment))
        made.promote_successor(moment) if number < 2 else None
    return made


def folder(store, name):
    return Path(store.location, name).resolve()


def unlink(path):
    path.unlink()


def follow(path):
    """What `cp -rL`, COPY of a container build and many archives make of it."""
    target = path.resolve()
    path.unlink()
    shutil.copytree(target, path)


def spell_out(path):
    """What archives and version control make of a link on a system without them."""
    target = path.readlink()
    path.unlink()
    path.write_text(f"{target}\n")


def point_elsewhere(path):
    name = path.resolve().name
    path.unlink()
    path.symlink_to(f"/old/place/versions/{name}")


def point_to_nothing(path):
    path.unlink()
    path.symlink_to("versions/" + "A" * 40)


def fill_otherwise(path):
    """Somebody has put something else there."""
    follow(path)
    (path / "key.pem").write_text("another one")


BREAK = [unlink, follow, spell_out, point_elsewhere, point_to_nothing, fill_otherwise]


def command_in(text):
    return re.search(r"[Rr]un '(.+?)'\.", text).group(1)


@pytest.mark.parametrize("link", ["current", "successor"])
@pytest.mark.parametrize("harm", BREAK)
def test_the_command_that_is_told_mends_it(busy, link, harm):
    before, path = busy.read(), Path(busy.location, link)
    harm(path)

    [wrong] = busy.look().wrong_links
    done = subprocess.run(["sh", "-c", command_in(wrong.remedy)], check=False, capture_output=True)

    assert (done.returncode, done.stderr) == (0, b"") and busy.read() == before
    assert wrong.problem.startswith(f"{path} ") and path.is_symlink()


@pytest.mark.parametrize("harm", BREAK)
def test_a_report_goes_by_what_the_link_should_name(busy, harm):
    before = busy.read()
    harm(Path(busy.location, "current"))

    assert replace(busy.look(), wrong_links=()) == before


@pytest.mark.parametrize("link", ["current", "successor"])
@pytest.mark.parametrize("harm", [follow, spell_out, point_elsewhere, fill_otherwise])
def test_nothing_is_written_over_what_stands_in_the_place_of_a_link(busy, link, harm):
    harm(Path(busy.location, link))
    [wrong] = busy.look().wrong_links

    for act in (busy.read, busy.clear_debris, busy.release_successor, lambda: busy.promote_successor(LATER)):
        with pytest.raises(KeyStoreError) as refused:
            act()
        assert refused.value.message == wrong.sentence


def test_a_copy_that_is_all_that_is_left_becomes_the_version_again(busy):
    before, path = busy.read(), Path(busy.location, "current")
    name = folder(busy, "current").name
    follow(path)
    shutil.rmtree(path.parent / "versions" / name)

    [wrong] = busy.look().wrong_links
    subprocess.run(["sh", "-c", command_in(wrong.remedy)], check=True)

    assert busy.read() == before and busy.signer(name)


def test_what_is_moved_away_is_not_lost(busy):
    path = Path(busy.location, "current")
    fill_otherwise(path)

    subprocess.run(["sh", "-c", command_in(busy.look().wrong_links[0].remedy)], check=True)

    assert (path.parent / "current.copy" / "key.pem").read_text() == "another one"


def test_of_a_store_without_links_the_one_promoted_last_was_in_use(renewed, old, new):
    """One whose key is gone, that was retired or refused was not, as far as another one is there."""
    Path(renewed.location, "current").unlink()
    assert renewed.look().current.thumbprint == new

    for change in ({"retired": NOW}, {"refused": NOW}):
        record = renewed.read().find(new).record
        renewed.write_record(new, replace(record, **change))
        assert renewed.look().current.thumbprint == old
        renewed.write_record(new, record)
    for name in ("key.pem", "bundle.pem"):
        Path(renewed.location, "versions", new, name).unlink()
    assert renewed.look().current.thumbprint == old


def test_a_store_in_which_nothing_was_ever_current_lacks_no_link(store, key_pairs):
    for key_pair in key_pairs[:2]:
        store.keep_successor(key_pair, Record(generated=NOW, intent=NOW, refused=NOW))
    store.release_successor()

    assert store.look().wrong_links == () and store.read().wrong_links == ()


def test_a_first_version_whose_promotion_was_cut_short_was_not_in_use(store, key_pair):
    """Its note is written before the link: replaced after that, it would pass for one whose link was lost."""
    store.keep_successor(key_pair, Record(generated=NOW, intent=NOW, promoted=NOW))
    assert store.read().wrong_links == ()

    store.release_successor()

    assert store.read().obstacle is None and store.read().others[0].record.promoted is None


@pytest.mark.parametrize(
    ("record", "is_told"),
    [
        ({"intent": LATER}, True),
        ({"stop_after": "generated"}, True),
        ({"intent": NOW - dt.timedelta(days=1)}, False),
        ({"intent": LATER, "refused": LATER}, False),
        ({"intent": LATER, "retired": LATER}, False),
    ],
)
def test_a_successor_is_missed_where_a_version_was_sent_after_the_last_promotion(renewed, key_pairs, record, is_told):
    """What an earlier renewal had to replace waits for its retirement, and no link is missing."""
    renewed.keep_successor(key_pairs[2], Record(generated=LATER, **record))
    renewed.release_successor()
    thumbprint = key_pairs[2].certificate.thumbprint

    found = renewed.look()

    assert [link.thumbprint for link in found.wrong_links] == ([thumbprint] if is_told else [])
    assert found.obstacle is None and (found.successor is not None) is is_told
    assert renewed.read().wrong_links == () and renewed.read().find(thumbprint) in renewed.read().others


def test_an_adopted_pair_without_its_link_is_told_and_made_up_for(store, key_pair):
    """An adoption that was stopped leaves the same, so renewals go on; consumers find nothing until then."""
    store.adopt_current(key_pair, Record(promoted=NOW))
    Path(store.location, "current").unlink()

    [wrong] = store.look().wrong_links

    assert store.read().obstacle is None and "The next renewal does it too." in wrong.remedy
    subprocess.run(["sh", "-c", command_in(wrong.remedy)], check=True)
    assert store.look().wrong_links == ()


def test_a_link_to_a_version_that_is_gone_asks_for_a_backup_first(renewed, old, new):
    shutil.rmtree(Path(renewed.location, "versions", new))

    with pytest.raises(KeyStoreError) as refused:
        renewed.read()

    assert refused.value.message == (
        f"Key store: {renewed.location}/current points to {renewed.location}/versions/{new}, which does not exist. "
        f"Restore that folder from a backup. Without one: Run 'ln -sfn versions/{old} {renewed.location}/current'."
    )


def test_where_nothing_is_left_the_link_goes(renewed, old, new):
    for name in (old, new):
        shutil.rmtree(Path(renewed.location, "versions", name))

    [wrong] = renewed.look().wrong_links
    subprocess.run(["sh", "-c", command_in(wrong.remedy)], check=True)

    assert renewed.read().is_empty
