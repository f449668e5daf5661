# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever others put in place of a store's files, nothing outside is written or told, and only the owner may read."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import stat
import tempfile
from pathlib import Path

import pytest
import scale
from ansible_collections.evercert.entra.plugins.module_utils._ansible import bundle
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import EvercertError, KeyStoreError
from ansible_collections.evercert.entra.plugins.module_utils._core.model import Record
from ansible_collections.evercert.entra.plugins.module_utils._keys.directory import DirectoryStore
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import START, World

OTHER = 54321  # a user of whom nothing is known here
is_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")


@pytest.fixture
def world(tmp_path):
    """A store that has adopted one key pair and renewed it, so that every kind of file is in it."""
    made = World(tmp_path)
    made.adopt()
    made.renew(pfx_passphrase="for consumers")
    return made


# Modes


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777], ids=oct)
def test_whatever_the_umask_all_that_is_made_is_for_its_owner_alone(tmp_path, umask):
    world = World(tmp_path)
    before = os.umask(umask)
    try:
        world.adopt()
        world.renew(pfx_passphrase="for consumers")
        world.settle()
        world.renew(force=True, overlap=0, keep_retired=0, pfx_passphrase="for consumers")
        world.verify()
        bundle.write(str(tmp_path / "bundle.json"), {})
    finally:
        os.umask(before)

    made = [path for path in tmp_path.rglob("*") if not path.is_symlink()]
    wrong = {str(path): oct(path.stat().st_mode) for path in made if not is_for_its_owner_alone(path)}
    assert {"history.jsonl", "sign_ins.jsonl", "bundle.pfx", "record.json", "bundle.json"} <= {one.name for one in made}
    assert wrong == {}


def is_for_its_owner_alone(path):
    found = path.stat()
    return stat.S_IMODE(found.st_mode) == (0o700 if path.is_dir() else 0o600) and found.st_uid == os.geteuid()


# Tricks


def symbolic_link(path, victim):
    path.symlink_to(victim)


def dangling_link(path, victim):
    victim.unlink()
    path.symlink_to(victim)


def hard_link(path, victim):
    os.link(victim, path)


def pipe(path, victim):
    os.mkfifo(path, 0o600)


def device(path, victim):
    try:
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 5))  # endless zeros
    except PermissionError:
        pytest.skip("only root can make a device")


def directory(path, victim):
    path.mkdir()


TRICKS = (symbolic_link, dangling_link, hard_link, pipe, device, directory)
OF_THE_STORE = ("history.jsonl", "sign_ins.jsonl", "lock")
FILES = ("key.pem", "certificate.pem", "bundle.pem", "bundle.pfx", "record.json", *OF_THE_STORE)


def name_of(value):
    return getattr(value, "__name__", str(value))


PLACES = [(name, trick) for name in FILES for trick in TRICKS]
MET = {
    *scale.part_of(PLACES, lambda place: place[0], test=0),
    *scale.part_of(reversed(PLACES), lambda place: place[1], test=0),
}


@pytest.mark.parametrize(("name", "trick"), [place for place in PLACES if place in MET], ids=name_of)
def test_what_others_put_in_place_of_a_file_leads_nowhere(world, tmp_path, name, trick):
    root = Path(world.store.location)
    path = root / name if name in OF_THE_STORE else root / "versions" / world.current / name
    victim = tmp_path / "victim"
    precious = secrets.token_hex(30)
    victim.write_text(precious)
    victim.chmod(0o600)
    path.unlink()
    trick(path, victim)
    had = fingerprint(victim)

    said = [attempted(world, act) for act in ACTS]

    assert fingerprint(victim) == had
    assert precious not in str(said)
    if trick is not hard_link:  # a backup may have made one; it holds what our own file holds
        assert any(isinstance(one, KeyStoreError) and str(path) in one.message for one in said), said
    scale.note("key_files", tricks=1, acts=len(said))


def adds_a_version(world):
    world.renew(force=True, pfx_passphrase="x")


def retires(world):
    world.settle()
    world.renew(overlap=0, keep_retired=0)


ACTS = (
    lambda world: world.store.read(),
    lambda world: world.store.signer(world.current),
    lambda world: world.store.history(100),
    lambda world: world.store.sign_ins_since(START),
    lambda world: world.store.append_history({"at": START, "event": "x"}),
    lambda world: world.store.note_sign_in(START, "A" * 40, "proof"),
    lambda world: world.info(sign_in=True, history=100),
    lambda world: world.verify(),
    adds_a_version,
    lambda world: world.store.write_record(world.current, Record()),
    retires,
    lambda world: world.store.clear_debris(),
)


def attempted(world, act):
    """What it returned, as text, or our own error; it may neither wait for ever nor fail with anything else."""

    def give_up(_number, _frame):
        raise AssertionError("it waits")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(300)
    try:
        return str(act(world))
    except EvercertError as error:
        return error
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def fingerprint(path):
    """Without the number of links, which the trick itself changes, and the time that follows from it."""
    if not path.exists():
        return None
    found = path.stat()
    return path.read_text(), found.st_mode, found.st_mtime_ns, found.st_uid


def test_a_parent_behind_a_link_is_looked_at_where_it_truly_is(tmp_path):
    everybodys = tmp_path / "everybodys"
    everybodys.mkdir()
    everybodys.chmod(0o777)
    (tmp_path / "mine").symlink_to(everybodys)

    with pytest.raises(KeyStoreError, match=f"everybody may write to {everybodys}"):
        DirectoryStore(str(tmp_path / "mine" / "store")).prepare()

    assert list(everybodys.iterdir()) == []


@is_root
def test_a_store_behind_a_link_must_be_ours_all_the_same(tmp_path):
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o700)
    os.chown(theirs, OTHER, OTHER)
    (tmp_path / "store").symlink_to(theirs)

    with pytest.raises(KeyStoreError, match=f"belongs to user ID {OTHER}"):
        DirectoryStore(str(tmp_path / "store")).prepare()

    assert list(theirs.iterdir()) == []


# Somebody else, as with `become`


@pytest.fixture
def their_home():
    """A directory of another user, which that user can reach."""
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, OTHER, OTHER)
        if as_other(lambda: Path(folder, "file").write_text("")) != 0:
            pytest.skip("another user cannot reach the temporary directory")
        yield Path(folder)


def as_other(act):
    """The exit code of a process of that user that does it; 3 for one of our own sentences."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        os.setgroups([])
        os.setgid(OTHER)
        os.setuid(OTHER)
        act()
        os._exit(0)
    except EvercertError:
        os._exit(3)
    finally:
        os._exit(4)


@is_root
def test_a_store_made_as_another_user_is_that_users_and_nobody_elses(their_home):
    store = DirectoryStore(str(their_home / "store"))

    def make():
        world = World(their_home)
        world.adopt()
        world.renew(pfx_passphrase="for consumers")

    assert as_other(make) == 0

    made = [path for path in (their_home / "store").rglob("*") if not path.is_symlink()]
    assert len(made) > 10
    assert {path.stat().st_uid for path in made} == {OTHER}
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o600, 0o700}
    thumbprint = store.read().current.thumbprint
    for refused in (store.prepare, lambda: store.signer(thumbprint)):
        with pytest.raises(KeyStoreError, match=f"belongs to user ID {OTHER}, but this runs as user 'root'"):
            refused()


@is_root
def test_a_store_of_root_tells_another_user_nothing(their_home):
    """root's store in a place that the other user may enter; only the modes keep the keys."""
    os.chown(their_home, 0, 0)  # a parent of somebody else's is refused
    their_home.chmod(0o755)
    world = World(their_home)
    world.adopt()
    store, thumbprint = world.store, world.current

    for act in (store.read, lambda: store.signer(thumbprint), store.prepare, lambda: store.history(10)):
        assert as_other(act) == 3
    shutil.rmtree(store.location)
