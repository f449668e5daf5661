# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a stopped run left half-made is brought to an end; `versions.py` says what that is, for readers too."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

from . import durable, reading, versions
from .records import format_record
from .store import CURRENT, SUCCESSOR
from .versions import RECORD, VERSIONS, Layout, unfinished_adoption


def clear_debris(layout: Layout) -> list[str]:
    """Readers see the same before and after it; the names of what was removed. Never a key pair."""
    # First of all: what is only in memory of the system could vanish after the next step that builds on it.
    _settle(layout)
    layout = _with_names(layout)
    removed = [SUCCESSOR] if _settle_links(layout) else []
    # Their keys stay: in a restored store the record may not know what was sent.
    for name, record in versions.superseded(layout).items():
        durable.replace_file(layout.path(name) / RECORD, format_record(record))
    halves = (path for path in map(layout.path, versions.halves_in(layout)) if not versions.holds_key(path))
    for path in (*_temporaries(layout), *halves):
        durable.remove_tree(path)
        removed.append(path.name)
    return removed


def _settle_links(layout: Layout) -> bool:
    """Links that a stopped run did not come to make are made; whether a link that means nothing was removed."""
    adopted, successor = unfinished_adoption(layout), versions.successor_of(layout)
    if adopted:
        durable.switch_link(layout.location / CURRENT, f"{VERSIONS}/{adopted}")
    if successor and successor != layout.successor:
        durable.switch_link(layout.location / SUCCESSOR, f"{VERSIONS}/{successor}")
    means_nothing = layout.successor is not None and not successor
    if means_nothing:
        durable.remove_link(layout.location / SUCCESSOR)
    return means_nothing


def _with_names(layout: Layout) -> Layout:
    """Folders that were whole when their run was stopped get the name that they lack."""
    for thumbprint, name in layout.unnamed.items():
        folder = layout.location / VERSIONS
        durable.name_folder(folder / name, folder / thumbprint)
    return versions.read_layout(layout.location) if layout.unnamed else layout


def _settle(layout: Layout) -> None:
    """What a killed run has done but not synced becomes durable before this one relies on it."""
    for folder in _folders(layout):
        durable.perform("sync", folder)


def _temporaries(layout: Layout) -> t.Iterator[Path]:
    """Beside the links, beside the versions and in them."""
    for folder in _folders(layout):
        yield from (folder / name for name in reading.list_names(folder) if reading.is_temporary(name))


def _folders(layout: Layout) -> list[Path]:
    folders = (layout.location, layout.location / VERSIONS, *map(layout.path, layout.names))
    return [folder for folder in folders if os.path.lexists(folder)]
