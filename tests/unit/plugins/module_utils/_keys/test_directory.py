# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime as dt
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import KeyStoreError
from ansible_collections.evercert.entra.plugins.module_utils._core.model import Record, StoreContents
from ansible_collections.evercert.entra.plugins.module_utils._keys import durable
from ansible_collections.evercert.entra.plugins.module_utils._keys.directory import DirectoryStore
from ansible_collections.evercert.entra.plugins.module_utils._keys.key_pair import KeyPair, load_key_pair

NOW = dt.datetime(2026, 11, 22, 10, 0, tzinfo=dt.timezone.utc)
SENT = Record(app_id="app", generated=NOW, intent=NOW)
is_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


def file_in(store, *names):
    return Path(store.location, *names)


def refusal(function, *arguments):
    with pytest.raises(KeyStoreError) as caught:
        function(*arguments)
    return caught.value.message


def tree(path):
    return sorted(
        (str(entry), entry.lstat().st_mode, entry.lstat().st_mtime_ns) for entry in [path, *Path(path).rglob("*")]
    )


# Reading


def test_a_store_that_does_not_exist_is_empty(tmp_path):
    store = DirectoryStore(str(tmp_path / "nowhere" / "store"))

    assert store.read() == StoreContents()
    assert store.clear_debris() == []
    assert store.history(5) == []
    assert store.sign_ins_since(NOW) == []
    assert list(tmp_path.iterdir()) == []


def test_a_new_store_is_empty(store):
    assert store.read() == StoreContents()


def test_reading_has_no_effect(renewed, key_pairs, old, effects):
    renewed.keep_successor(key_pairs[2], Record(generated=NOW))
    renewed.release_successor()
    file_in(renewed, ".evercert-left").write_text("left by a stopped run")
    effects.clear()
    before = tree(Path(renewed.location))

    contents = renewed.read()
    renewed.signer(old)

    assert effects == []
    assert tree(Path(renewed.location)) == before
    assert contents.successor.thumbprint == key_pairs[2].certificate.thumbprint


def test_versions_are_told_apart(renewed, key_pairs, old, new):
    renewed.keep_successor(key_pairs[2], SENT)

    contents = renewed.read()

    assert contents.current.certificate == key_pairs[1].certificate
    assert contents.successor.certificate == key_pairs[2].certificate
    assert [version.thumbprint for version in contents.others] == [old]
    assert contents.predecessor.path == str(file_in(renewed, "versions", old))


def test_others_are_listed_from_the_oldest(store, key_pairs):
    for key_pair in reversed(key_pairs):
        store.keep_successor(key_pair, SENT)
    store.release_successor()

    assert [version.certificate.subject for version in store.read().others] == [
        "CN=payroll 0",
        "CN=payroll 1",
        "CN=payroll 2",
    ]


def test_a_relative_location_is_made_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert DirectoryStore("store").location == str(tmp_path / "store")


@pytest.mark.parametrize("link", ["current", "successor"])
@pytest.mark.parametrize("target", ["/etc", "../elsewhere", "versions/../../x", "versions/abc", "versions"])
def test_a_link_out_of_the_store_is_refused(renewed, new, link, target):
    path = file_in(renewed, link)
    path.unlink(missing_ok=True)
    path.symlink_to(target)
    command = f"ln -sfn versions/{new} {path}" if link == "current" else f"rm {path}"

    for function in (renewed.read, renewed.clear_debris, renewed.release_successor):
        assert refusal(function) == (
            f"Key store: {path} points to {target}, not to one of this store's versions. Run '{command}'."
        )


def test_a_directory_where_a_link_belongs_is_refused(renewed, new):
    path = file_in(renewed, "current")
    path.unlink()
    path.mkdir()

    assert refusal(renewed.read) == (
        f"Key store: {path} is not a symbolic link. Run 'rm -r {path} && ln -s versions/{new} {path}'."
    )


@pytest.mark.parametrize("name", ["versions", "version"])
def test_a_link_where_a_directory_belongs_is_refused(renewed, old, name):
    path = file_in(renewed, "versions") if name == "versions" else file_in(renewed, "versions", old)
    path.rename(file_in(renewed, "moved"))
    path.symlink_to(file_in(renewed, "moved"))

    assert refusal(renewed.read) == (
        f"Key store: {path} is a symbolic link. Replace it by the directory it stands for."
    )


def test_a_store_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "store").write_text("")
    store = DirectoryStore(str(tmp_path / "store"))

    assert refusal(store.prepare) == (
        f"Key store: {tmp_path}/store is not a directory. Remove it or choose another path."
    )
    assert "Not a directory" in refusal(store.read)


def test_an_exchanged_certificate_is_found(renewed, old, new):
    content = file_in(renewed, "versions", old, "certificate.pem").read_bytes()
    file_in(renewed, "versions", new, "certificate.pem").write_bytes(content)

    assert f"has the thumbprint {old}, not the one of its folder" in refusal(renewed.read)


@pytest.mark.parametrize("content", [b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_damaged_certificate_is_named(renewed, new, content):
    path = file_in(renewed, "versions", new, "certificate.pem")
    path.write_bytes(content)

    assert refusal(renewed.read).startswith(f"Key store: {path} is missing or not a certificate.")


def test_a_damaged_record_is_named_and_nothing_is_cleared(renewed, old):
    path = file_in(renewed, "versions", old, "record.json")
    path.write_text("{")

    assert refusal(renewed.read).startswith(f"Key store: {path} is not a readable record")
    assert refusal(renewed.clear_debris).startswith(f"Key store: {path} is not a readable record")
    assert file_in(renewed, "versions", old, "key.pem").exists()


def test_a_reader_looks_again_when_a_writer_is_at_work(renewed, key_pairs, monkeypatch):
    """The predecessor is deleted and another renewal promoted between two looks of the reader."""
    from ansible_collections.evercert.entra.plugins.module_utils._keys import versions

    looks, read = [], versions.read_contents

    def read_slowly(layout):
        if not looks:
            renewed.keep_successor(key_pairs[2], SENT)
            renewed.promote_successor(NOW)
            looks.append(layout)
            renewed.delete_version(layout.current)
        return read(layout)

    monkeypatch.setattr(versions, "read_contents", read_slowly)

    assert renewed.read().current.certificate == key_pairs[2].certificate


# Keeping


def test_a_version_is_private_and_whole_whatever_the_umask(tmp_path, key_pair):
    umask = os.umask(0o000)
    try:
        store = DirectoryStore(str(tmp_path / "new" / "store"))
        store.prepare()
        store.keep_successor(key_pair, SENT, "pw")
        store.append_history({"event": "x"})
        store.note_sign_in(NOW, "A", "proof")
    finally:
        os.umask(umask)

    for path in [tmp_path / "new", *(tmp_path / "new").rglob("*")]:
        mode = path.lstat().st_mode
        if not stat.S_ISLNK(mode):
            assert stat.S_IMODE(mode) == (0o700 if stat.S_ISDIR(mode) else 0o600), path


def test_a_strict_umask_does_no_harm(tmp_path, key_pair):
    umask = os.umask(0o777)
    try:
        store = DirectoryStore(str(tmp_path / "store"))
        store.prepare()
        store.keep_successor(key_pair, SENT)
        store.append_history({"event": "x"})
    finally:
        os.umask(umask)

    assert stat.S_IMODE(file_in(store, "versions").stat().st_mode) == 0o700
    assert stat.S_IMODE(file_in(store, "history.jsonl").stat().st_mode) == 0o600
    assert stat.S_IMODE(file_in(store, "successor", "key.pem").stat().st_mode) == 0o600


def test_consumers_find_every_form_they_may_want(store, key_pair):
    store.adopt_current(key_pair, SENT, "pw")
    current = file_in(store, "current")

    assert (current / "key.pem").read_bytes() == key_pair.private_key_pem()
    assert (current / "certificate.pem").read_bytes() == key_pair.certificate_pem()
    assert (current / "bundle.pem").read_bytes() == key_pair.private_key_pem() + key_pair.certificate_pem()
    assert load_key_pair((current / "bundle.pfx").read_bytes(), "pw", "bundle.pfx") == key_pair


def test_a_chain_is_kept_in_the_bundle(store, key_pairs):
    chained = replace(key_pairs[0], chain=(key_pairs[1].certificate.der,))

    store.keep_successor(chained, SENT)

    bundle = file_in(store, "successor", "bundle.pem").read_bytes()
    assert bundle.endswith(key_pairs[0].certificate_pem() + key_pairs[1].certificate_pem())
    assert store.signer(chained.certificate.thumbprint) == chained


def test_links_are_relative_so_that_a_store_can_be_moved(renewed, tmp_path, new):
    moved = tmp_path / "moved"
    Path(renewed.location).rename(moved)

    assert str((moved / "current").readlink()) == f"versions/{new}"
    assert DirectoryStore(str(moved)).read().current.thumbprint == new


def test_the_certificate_in_use_cannot_be_its_own_successor(renewed, key_pairs):
    assert "is already the current one" in refusal(renewed.keep_successor, key_pairs[1], SENT)


def test_a_key_pair_kept_again_keeps_what_is_known_of_it(renewed, key_pairs, old):
    renewed.keep_successor(key_pairs[0], Record(generated=NOW, origin="brought"))

    version = renewed.read().successor
    assert version.thumbprint == old
    assert (version.record.intent, version.record.app_id, version.record.origin) == (NOW, "app", "brought")
    assert version.record.promoted is None


def test_only_an_empty_store_adopts(renewed, key_pairs):
    assert "already holds a key pair" in refusal(renewed.adopt_current, key_pairs[2], SENT)


def test_what_is_adopted_is_marked(store, key_pair):
    assert store.adopt_current(key_pair, SENT).record.origin == "adopted"
    assert store.read().current.record == replace(SENT, origin="adopted")


def test_a_record_is_replaced(renewed, new):
    record = replace(renewed.read().current.record, seen=NOW, key_id="k")

    renewed.write_record(new, record)

    assert renewed.read().current.record == record


def test_a_version_that_is_not_there_has_no_record(renewed):
    assert refusal(renewed.write_record, "0" * 40, Record()) == (
        f"The key store {renewed.location} holds no version {'0' * 40}."
    )


# The private key


def test_the_signer_is_the_key_pair_that_was_kept(renewed, key_pairs, old):
    signer = renewed.signer(old)

    assert isinstance(signer, KeyPair)
    assert signer == key_pairs[0]
    assert signer.private_key.private_numbers() == key_pairs[0].private_key.private_numbers()


@pytest.mark.parametrize("name", ["key.pem", "bundle.pem", "bundle.pfx"])
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_may_read_is_refused(store, key_pair, name, mode):
    store.adopt_current(key_pair, SENT, "pw")
    path = Path(store.read().current.path, name)
    path.chmod(mode)

    assert refusal(store.signer, key_pair.certificate.thumbprint) == (
        f"Key store: {path} has mode 0{mode:o}, so others may read the private key. Run 'chmod 0600 {path}', "
        "and renew the certificate if somebody may have copied the key."
    )


@is_root
def test_a_key_of_another_user_is_refused(renewed, new):
    path = file_in(renewed, "versions", new, "key.pem")
    os.chown(path, 54321, -1)

    assert f"{path} belongs to user ID 54321, but this runs as user 'root'" in refusal(renewed.signer, new)


@pytest.mark.parametrize("name", ["key.pem", "bundle.pem"])
def test_a_missing_key_is_named(renewed, new, name):
    path = file_in(renewed, "versions", new, name)
    path.unlink()

    assert refusal(renewed.signer, new).startswith(f"Key store: could not read {path}: No such file or directory.")


def test_a_key_behind_a_link_is_refused(renewed, old, new):
    path = file_in(renewed, "versions", new, "key.pem")
    path.unlink()
    path.symlink_to(file_in(renewed, "versions", old, "key.pem"))

    assert refusal(renewed.signer, new).startswith(f"Key store: could not read {path}: ")


def test_a_pipe_in_place_of_a_key_does_not_make_us_wait(renewed, new):
    path = file_in(renewed, "versions", new, "key.pem")
    path.unlink()
    os.mkfifo(path, 0o600)

    assert f"{path} is not an ordinary file" in refusal(renewed.signer, new)


def test_a_damaged_key_is_told_without_its_content(renewed, new):
    for name in ("key.pem", "bundle.pem"):
        path = file_in(renewed, "versions", new, name)
        path.write_bytes(path.read_bytes()[:200] + path.read_bytes()[300:])

    said = refusal(renewed.signer, new)

    assert "holds a private key that cannot be read" in said
    assert "MII" not in said


def test_files_of_two_key_pairs_are_not_mixed(renewed, old, new):
    other = file_in(renewed, "versions", old, "key.pem").read_bytes()
    file_in(renewed, "versions", new, "key.pem").write_bytes(other)

    assert f"{renewed.location}/versions/{new}/key.pem holds a private key and a certificate that do not" in refusal(
        renewed.signer, new
    )


def test_an_exchanged_bundle_is_found(renewed, old, new):
    for name in ("key.pem", "bundle.pem"):
        file_in(renewed, "versions", new, name).write_bytes(file_in(renewed, "versions", old, name).read_bytes())

    assert f"{new}/bundle.pem was exchanged" in refusal(renewed.signer, new)


def test_a_version_with_a_broken_key_is_never_promoted(renewed, key_pairs, new):
    renewed.keep_successor(key_pairs[2], SENT)
    file_in(renewed, "successor", "key.pem").write_text("")

    refusal(renewed.promote_successor, NOW)

    assert renewed.read().current.thumbprint == new


def test_a_version_with_a_broken_key_is_never_rolled_back_to(renewed, old, new):
    file_in(renewed, "versions", old, "bundle.pem").unlink()

    refusal(renewed.roll_back, old)

    assert renewed.read().current.thumbprint == new
    assert renewed.read().successor is None


# Promotion and the way back


def test_promotion_is_recorded(renewed, key_pairs, new):
    renewed.keep_successor(key_pairs[2], replace(SENT, stop_after="generated", finding="near_expiry"))
    later = NOW + dt.timedelta(hours=1)

    version = renewed.promote_successor(later)

    assert version == renewed.read().current
    assert version.record == replace(SENT, promoted=later, predecessor=new)


def test_without_a_successor_there_is_nothing_to_promote(renewed):
    assert refusal(renewed.promote_successor, NOW) == (f"The key store {renewed.location} has no successor to promote.")


def test_a_replaced_version_never_passes_for_debris(store, key_pairs):
    """Somebody may have lost or emptied the record of the certificate in use."""
    store.adopt_current(key_pairs[0], Record())
    store.write_record(key_pairs[0].certificate.thumbprint, Record())
    store.keep_successor(key_pairs[1], SENT)

    store.promote_successor(NOW)

    assert store.clear_debris() == []
    assert store.read().predecessor.certificate == key_pairs[0].certificate
    assert store.read().predecessors == (store.read().predecessor,)


def test_after_a_rollback_the_refused_version_is_the_successor(renewed, old, new):
    renewed.roll_back(old)

    assert (renewed.read().current.thumbprint, renewed.read().successor.thumbprint) == (old, new)


def test_the_refused_version_is_the_successor_before_the_links_are_switched(renewed, old, new, effects):
    renewed.roll_back(old)

    switched = [effect.path.name for effect in effects if effect.name in ("rename", "sync")]
    assert switched == ["successor", "store", "current", "store"]


def test_a_rollback_to_what_is_current_has_no_effect(renewed, new, effects):
    renewed.roll_back(new)

    assert effects == []


def test_a_rollback_to_what_is_not_there_is_refused(renewed):
    assert "holds no version" in refusal(renewed.roll_back, "A" * 40)


def test_an_earlier_version_is_made_current(renewed, old, new):
    renewed.roll_back(old)

    assert (renewed.read().current.thumbprint, renewed.read().successor.thumbprint) == (old, new)


def test_a_version_is_made_current_where_there_is_none(renewed, old, new):
    file_in(renewed, "current").unlink()

    renewed.roll_back(new)

    assert renewed.read().current.thumbprint == new
    assert renewed.read().successor is None


def test_a_released_successor_waits_among_the_others(renewed, key_pairs):
    renewed.keep_successor(key_pairs[2], SENT)

    renewed.release_successor()
    renewed.release_successor()

    assert renewed.read().successor is None
    assert renewed.read().find(key_pairs[2].certificate.thumbprint)


# Removing


def test_a_deleted_version_is_gone_with_its_key(renewed, old):
    renewed.delete_version(old)
    renewed.delete_version(old)

    assert renewed.read().find(old) is None
    assert [path.name for path in file_in(renewed, "versions").iterdir()] == [renewed.read().current.thumbprint]


def test_the_versions_in_use_are_never_deleted(renewed, key_pairs, new):
    renewed.keep_successor(key_pairs[2], SENT)

    for thumbprint in (new, key_pairs[2].certificate.thumbprint):
        assert "is in use, so it is not deleted" in refusal(renewed.delete_version, thumbprint)


# Preparing


def test_preparing_twice_changes_nothing(store, effects):
    before = tree(Path(store.location))

    store.prepare()

    assert tree(Path(store.location)) == before
    assert {effect.name for effect in effects} <= {"sync"}


def test_several_processes_may_make_one_store_at_once(tmp_path):
    store = DirectoryStore(str(tmp_path / "a" / "store"))

    def be_faster(moment, effect):
        if (moment, effect.name) == ("before", "make_directory"):
            effect.path.mkdir(mode=0o700)

    durable.observe = be_faster
    try:
        store.prepare()
    finally:
        durable.observe = durable._ignore

    assert store.read() == StoreContents()


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o720, 0o1777])
def test_a_store_that_others_may_change_is_refused(store, mode):
    Path(store.location).chmod(mode)

    assert refusal(store.prepare) == (
        f"Key store: {store.location} has mode {mode:04o}, so others could replace the keys in it. "
        f"Run 'chmod 0700 {store.location}'."
    )


def test_versions_that_others_may_change_are_refused(renewed):
    file_in(renewed, "versions").chmod(0o777)

    assert f"{renewed.location}/versions has mode 0777" in refusal(renewed.prepare)


def test_a_store_that_others_may_only_read_is_accepted(store):
    Path(store.location).chmod(0o755)

    store.prepare()


@is_root
def test_a_store_of_another_user_is_refused(store):
    os.chown(store.location, 54321, -1)

    assert f"{store.location} belongs to user ID 54321, but this runs as user 'root'" in refusal(store.prepare)


def test_a_parent_that_everybody_may_change_is_refused_before_anything_is_made(tmp_path):
    parent = tmp_path / "open"
    parent.mkdir()
    parent.chmod(0o777)
    store = DirectoryStore(str(parent / "deeper" / "store"))

    assert refusal(store.prepare) == (
        f"Key store: everybody may write to {parent}, so others could exchange {store.location}. "
        f"Run 'chmod o-w {parent}' or choose another place."
    )
    assert list(parent.iterdir()) == []
    parent.chmod(0o1777)
    store.prepare()


def test_a_store_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")

    said = refusal(DirectoryStore(str(tmp_path / "file" / "store")).prepare)

    assert f"could not make directory {tmp_path}/file: File exists" in said or "Not a directory" in said


def test_a_store_that_is_a_link_to_a_directory_works(tmp_path, key_pair):
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    store = DirectoryStore(str(tmp_path / "link"))

    store.prepare()
    with store.lock(0, lambda _seconds, _what: None):
        store.adopt_current(key_pair, SENT)

    assert store.signer(key_pair.certificate.thumbprint) == key_pair


def test_a_store_that_is_a_link_to_nowhere_is_refused(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")

    assert f"could not read {tmp_path}/link: No such file" in refusal(DirectoryStore(str(tmp_path / "link")).prepare)


@is_root
def test_a_store_that_may_not_be_entered_is_told(renewed):
    """Seen by a user who has no rights there."""
    child = os.fork()
    if child == 0:
        try:
            os.setuid(54321)
            store = DirectoryStore(renewed.location)
            told = [refusal(function) for function in (store.read, store.clear_debris, store.prepare)]
            os._exit(0 if all("Permission denied" in each for each in told) else 1)
        finally:
            os._exit(2)

    assert os.waitpid(child, 0)[1] == 0
