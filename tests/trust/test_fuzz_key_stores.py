# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Key stores with anything in their files and odd names beside them: read, or refused; and what travels in a wait."""

from __future__ import annotations

import datetime as dt
import functools
import json
import shutil
import tempfile
from pathlib import Path

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import InvalidInput, KeyStoreError
from ansible_collections.evercert.entra.plugins.module_utils._core.model import Record
from ansible_collections.evercert.entra.plugins.module_utils._core.plan import Step
from ansible_collections.evercert.entra.plugins.module_utils._keys import reading, records, versions
from ansible_collections.evercert.entra.plugins.module_utils._keys.directory import DirectoryStore
from ansible_collections.evercert.entra.plugins.module_utils._keys.key_pair import generate_key_pair
from ansible_collections.evercert.entra.plugins.module_utils._steps.run import Progress
from fuzzing import VALUES, bent_bytes, bent_json, fuzz
from hostility import ODD_VALUES, places, replaced
from hypothesis import given
from hypothesis import strategies as st
from judge import QUICK, a_scene

pytestmark = pytest.mark.usefixtures("quick_disk")

NOW = dt.datetime(2026, 11, 22, 10, tzinfo=dt.timezone.utc)
RECORD = {"app_id": "a", "object_id": "o", "key_id": "k", "promoted": "2026-11-22T10:00:00Z", "predecessor": "AB" * 20}
PROGRESS = {**Progress(steps=(Step("register", "adds", "AB" * 20),)).to_values(), "finding": None}
NAMES = ["current", "successor", "versions", "history.jsonl", "sign_ins.jsonl", ".lock", "AB" * 20, "ab" * 20, "\udcff"]


@functools.lru_cache(None)
def honest_store():
    """A current version and a successor, made once and copied for each input."""
    root = Path(tempfile.mkdtemp()) / "store"
    store = DirectoryStore(str(root))
    store.prepare()
    for number in range(2):
        start = NOW - dt.timedelta(days=60 - 30 * number)
        pair = generate_key_pair(key_size=2048, subject="x", not_before=start, not_after=start + dt.timedelta(days=90))
        store.keep_successor(pair, Record(app_id="a", generated=NOW, intent=NOW))
        if number == 0:
            store.promote_successor(NOW)
    store.append_history({"at": "2026-11-22T10:00:00Z", "event": "promoted"})
    store.note_sign_in(NOW, "AB" * 20, "prove")
    return root


def files_of(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and not path.is_symlink())


@st.composite
def damages(draw):
    """What somebody does to the store: bends a file, exchanges two, or puts something odd beside them."""
    root = honest_store()
    files = files_of(root)
    kind = draw(st.sampled_from(["bend", "bend JSON", "exchange", "remove", "odd name", "odd link"]))
    if kind == "bend":
        name = draw(st.sampled_from(files))
        return kind, name, draw(bent_bytes((root / name).read_bytes()) | st.binary(max_size=100))
    if kind == "bend JSON":
        name = draw(st.sampled_from([name for name in files if name.endswith("record.json")]))
        return kind, name, json.dumps(draw(bent_json(json.loads((root / name).read_bytes())))).encode()
    if kind == "odd name":
        folder = draw(st.sampled_from(["", "versions/", str(Path(files[-1]).parent) + "/"]))
        return kind, folder + draw(st.sampled_from(NAMES)), draw(st.binary(max_size=20))
    if kind == "odd link":
        return (
            kind,
            draw(st.sampled_from(["current", "successor"])),
            draw(st.sampled_from(["/etc", "versions/x", "..", "."])),
        )
    return kind, draw(st.sampled_from(files)), draw(st.sampled_from(files))


def damage(root, kind, name, content):
    path = root / name
    if kind.startswith("bend"):
        path.write_bytes(content)
    elif kind == "exchange":
        other = root / content
        ours, theirs = path.read_bytes(), other.read_bytes()
        path.write_bytes(theirs)
        other.write_bytes(ours)
    elif kind == "remove":
        path.unlink()
    elif kind == "odd link":
        path.unlink(missing_ok=True)
        path.symlink_to(content)
    elif not path.exists() and not path.is_symlink():
        path.write_bytes(content)


@fuzz(150)
@given(damages())
def test_a_damaged_store_is_read_or_refused(change):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "store"
        shutil.copytree(honest_store(), root, symlinks=True)
        damage(root, *change)
        store = DirectoryStore(str(root))
        for act in (
            store.read,
            store.look,
            lambda: [store.signer(name) for name in reading.list_names(root / "versions")],
            lambda: store.history(10),
            lambda: store.sign_ins_since(NOW - dt.timedelta(days=1)),
            lambda: versions.read_layout(root),
        ):
            try:
                act()
            except KeyStoreError as refused:
                assert str(root) in refused.message and "PRIVATE KEY" not in refused.message


@fuzz(400)
@given(bent_json(RECORD) | VALUES, bent_bytes(json.dumps(RECORD).encode()), st.booleans())
def test_any_record_is_read_or_refused(value, content, as_json):
    content = json.dumps(value).encode() if as_json else content
    try:
        found = records.parse_record(content, Path("record.json"))
    except KeyStoreError as refused:
        assert "record.json" in refused.message and len(refused.message) < 1000
        return
    assert records.parse_record(records.format_record(found), Path("record.json")) == found


@fuzz(400)
@given(bent_bytes(json.dumps(RECORD).encode()))
def test_any_line_is_an_object_or_a_value_error(line):
    try:
        assert isinstance(records.parse_object(line), dict)
    except ValueError:
        return


@fuzz(300)
@given(bent_json(PROGRESS))
def test_what_a_wait_carries_is_a_progress_or_refused(values):
    try:
        found = Progress.from_values(json.loads(json.dumps(values)))
    except InvalidInput as refused:
        assert "_waiting" in refused.message
        return
    assert isinstance(found, Progress)


def test_an_odd_record_ends_a_renewal_with_a_sentence(tmp_path):
    """Every value of a record in turn: what it says is part of addresses and decisions."""
    scene = a_scene(tmp_path / "honest", as_itself=True)
    path = Path(scene.world.store.location) / "current" / "record.json"
    record = json.loads(path.read_bytes())
    for number, (place, odd) in enumerate((place, odd) for place in places(record) if place for odd in ODD_VALUES):
        if number % 5:
            continue
        scene = a_scene(tmp_path / str(number), as_itself=True)
        path = Path(scene.world.store.location) / "current" / "record.json"
        path.write_text(json.dumps(replaced(record, place, ODD_VALUES[odd])))
        scene.turn_hostile(lambda request: False, None)
        try:
            scene.outcome(lambda scene: scene.world.renew(**{**scene.options, **QUICK}))
        except Exception as error:
            error.add_note(f"{odd} at {place}")
            raise
