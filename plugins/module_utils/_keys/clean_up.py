# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a stopped run left half-made is brought to an end; `versions.py` says what that is, for readers too."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

from . import durable, reading
from .versions import CURRENT, SUCCESSOR, VERSIONS, Layout, debris_in, unfinished_adoption


def clear_debris(layout: Layout) -> list[str]:
    """Readers see the same before and after it; the names of what was removed."""
    removed = []
    _settle(layout)
    adopted = unfinished_adoption(layout)
    if adopted:
        durable.switch_link(layout.location / CURRENT, f"{VERSIONS}/{adopted}")
    if layout.successor and layout.successor == layout.current:
        durable.remove_link(layout.location / SUCCESSOR)
        removed.append(SUCCESSOR)
    for path in (*_temporaries(layout), *map(layout.path, debris_in(layout))):
        durable.remove_tree(path)
        removed.append(path.name)
    return removed


def _settle(layout: Layout) -> None:
    """What a killed run has done but not synced becomes durable before this one relies on it."""
    for folder in _folders(layout):
        durable.perform("sync", folder)


def _temporaries(layout: Layout) -> t.Iterator[Path]:
    """Beside the links, beside the versions and in them."""
    for folder in _folders(layout):
        yield from (folder / name for name in reading.list_names(folder) if durable.is_temporary(name))


def _folders(layout: Layout) -> list[Path]:
    folders = (layout.location, layout.location / VERSIONS, *map(layout.path, layout.names))
    return [folder for folder in folders if os.path.lexists(folder)]
