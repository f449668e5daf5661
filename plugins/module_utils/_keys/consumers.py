# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Letting consumers in: the group of what they read and its mode, made so and kept so.

Everything stays the writer's, so that no consumer can exchange a key: the group may read the files for consumers, and
gets no more than a way to them. What was asked for is remembered before anything is changed.
"""

from __future__ import annotations

import json
import os
import stat
import typing as t
from pathlib import Path

from .._core.errors import KeyStoreError
from . import durable, reading
from .protection import Access, group_name
from .versions import FOR_CONSUMERS, VERSIONS, Layout

ACCESS = "access.json"


def remembered(root: Path) -> Access:
    """What an earlier run was asked for."""
    content = reading.read_file(root / ACCESS)
    if content is None:
        return Access()
    try:
        return Access.from_json(content)
    except (ValueError, RecursionError) as error:
        raise KeyStoreError(
            f"Key store: {root / ACCESS} does not say who may read the keys ({error}). Remove it, and give group "
            "to application_certificate_renew again."
        ) from error


def remember(root: Path, access: Access) -> None:
    if access != remembered(root):
        durable.replace_file(root / ACCESS, json.dumps(access.to_values()).encode() + b"\n")


def access_texts(names: t.Iterable[str], access: Access) -> dict[str, str]:
    """How a new folder and its files are to be made, for `durable`; nothing where nothing was asked for."""
    if access.is_default:
        return {}
    files = {name: _of_file(access) for name in names if name in FOR_CONSUMERS}
    return {**files, "": _of_folder(access)}


def open_folder(path: Path, access: Access) -> None:
    if not access.is_default:
        durable.change_access(path, _of_folder(access))


def differences(layout: Layout, access: Access) -> list[dict[str, t.Any]]:
    """What has another group or mode than it should; for people, by name."""
    if access.is_default or not os.path.lexists(layout.location):
        return []
    return [
        {"path": str(path), "before": _described(found, listed=listed), "after": _described(found, wanted)}
        for path, wanted in _all(layout, access)
        for found in [path.lstat()]
        for listed in [stat.S_ISREG(found.st_mode) and bool(reading.lists_of(path))]
        if listed or not _is(found, wanted)
    ]


def correct(layout: Layout, access: Access) -> list[dict[str, t.Any]]:
    """Files before the folders that lead to them."""
    found = differences(layout, access)
    wanted = {str(path): text for path, text in _all(layout, access)}
    for entry in reversed(found):
        durable.change_access(Path(entry["path"]), wanted[entry["path"]])
    return found


def _all(layout: Layout, access: Access) -> t.Iterator[tuple[Path, str]]:
    folders = [layout.location, layout.location / VERSIONS, *map(layout.path, layout.names)]
    for folder in filter(os.path.lexists, folders):
        yield folder, _of_folder(access)
    for name in layout.names:
        for file in FOR_CONSUMERS:
            if os.path.lexists(layout.path(name) / file):
                yield layout.path(name) / file, _of_file(access)


def _of_file(access: Access) -> str:
    return f"{access.group}:{access.file_mode:o}"


def _of_folder(access: Access) -> str:
    return f"{access.group}:{access.folder_mode:o}"


def _is(found: os.stat_result, wanted: str) -> bool:
    return f"{found.st_gid}:{stat.S_IMODE(found.st_mode):o}" == wanted


def _described(found: os.stat_result, wanted: str | None = None, listed: bool = False) -> dict[str, str]:
    """A plus behind the mode, as `ls` has it, for an access control list that lets others in."""
    group, mode = found.st_gid, stat.S_IMODE(found.st_mode)
    if wanted:
        group, mode = int(wanted.split(":")[0]), int(wanted.split(":")[1], 8)
    return {"group": group_name(group), "mode": f"{mode:04o}{'+' * listed}"}
