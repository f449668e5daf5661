# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Links of a directory that are missing or wrong, each with the command that mends it. Reads only.

A key store that was copied by what follows links, or leaves them out, holds every key and says of none that it is in
use. Which one was is in the records; making it current is left to a person, as consumers read it at once.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import typing as t
from dataclasses import replace
from pathlib import Path

from .._core.errors import KeyStoreError
from .._core.model import StoreContents, Version, WrongLink
from . import reading, versions
from .store import CURRENT, SUCCESSOR
from .versions import CERTIFICATE, VERSIONS, Layout


def refuse_astray(layout: Layout) -> None:
    """What stands in the place of a link is nothing to write over."""
    if layout.astray:
        read_contents(layout)


def read_contents(layout: Layout) -> StoreContents:
    """What a step goes by. Links that lead nowhere are refused here, and a `current` that is missing is told."""
    sound = _sound(layout)
    contents = versions.read_contents(sound)
    wrong = _find_wrong(layout, contents)
    # Refused and not mended: which one consumers should read is for a person to say.
    if sound != layout:
        raise KeyStoreError(wrong[0].sentence)
    return replace(contents, wrong_links=tuple(link for link in wrong if link.stops))


def read_as_mended(layout: Layout) -> StoreContents:
    """What a report goes by: the same as after the commands in `wrong_links`."""
    sound = _sound(layout)
    contents = versions.read_contents(sound)
    wrong = (*_unfinished(layout, contents), *_find_wrong(layout, contents))
    named = {link.name: link.thumbprint for link in wrong}
    if named:
        current, successor = named.get(CURRENT, sound.current), named.get(SUCCESSOR, sound.successor)
        contents = versions.read_contents(replace(sound, current=current, successor=successor))
    return replace(contents, wrong_links=wrong)


def _sound(layout: Layout) -> Layout:
    """Without what leads nowhere; a successor that names nothing is removed by the next clean-up."""
    current = layout.current if layout.current in layout.names else None
    return replace(layout, current=current, astray={})


def _find_wrong(layout: Layout, contents: StoreContents) -> tuple[WrongLink, ...]:
    """`contents`: what was read without the links that lead nowhere."""
    current = _wrong_current(layout, contents)
    in_use = contents.find(current.thumbprint or "") if current else contents.current
    found = (current, _wrong_successor(layout, contents, in_use))
    return tuple(link for link in found if link)


def _unfinished(layout: Layout, contents: StoreContents) -> t.Iterator[WrongLink]:
    """The one key pair that was adopted, without its link: renewals make it themselves; consumers miss it so far."""
    if contents.current and layout.current is None and CURRENT not in layout.astray:
        path, known = f"{layout.location}/{CURRENT}", contents.current.thumbprint
        problem = f"{path} is missing, and certificate {known} was taken over."
        remedy = f"{_mending(layout, path, known)} The next renewal does it too."
        yield WrongLink(CURRENT, problem, remedy, known, stops=False)


def _wrong_current(layout: Layout, contents: StoreContents) -> WrongLink | None:
    path = f"{layout.location}/{CURRENT}"
    is_dangling = layout.current is not None and layout.current not in layout.names
    if contents.current and not is_dangling and CURRENT not in layout.astray:
        return None
    known = _named_by(layout, CURRENT) or _last_in_use(contents)
    mending = _mending(layout, path, known)
    if is_dangling:
        problem = f"points to {layout.folder(str(layout.current))}, which does not exist"
        return WrongLink(
            CURRENT, f"{path} {problem}.", f"Restore that folder from a backup. Without one: {mending}", known
        )
    if CURRENT in layout.astray:
        return WrongLink(CURRENT, f"{path} {layout.astray[CURRENT]}.", mending, known)
    problem = f"is missing, and certificate {known} was in use"
    return WrongLink(CURRENT, f"{path} {problem}.", mending, known) if known else None


def _wrong_successor(layout: Layout, contents: StoreContents, in_use: Version | None) -> WrongLink | None:
    path = f"{layout.location}/{SUCCESSOR}"
    if contents.successor and SUCCESSOR not in layout.astray:
        return None
    known = _named_by(layout, SUCCESSOR) or _last_sent(contents, in_use)
    mending = _mending(layout, path, known)
    if SUCCESSOR in layout.astray:
        return WrongLink(SUCCESSOR, f"{path} {layout.astray[SUCCESSOR]}.", mending, known)
    problem = f"is missing, and certificate {known} was sent by a renewal that did not end"
    # A run that was stopped while it replaced its successor leaves the same, and the next one makes up for it.
    remedy = f"To go on with it: {mending} Else the next renewal makes another one and retires this one."
    return WrongLink(SUCCESSOR, f"{path} {problem}.", remedy, known, stops=False) if known else None


def _named_by(layout: Layout, name: str) -> str | None:
    """The version that is told by what stands in the place of a link."""
    told = _told_by(f"{layout.location}/{name}") if name in layout.astray else None
    return told if told in layout.names else None


def _told_by(path: str) -> str | None:
    """The version that a link elsewhere, a file in its place, or the certificate in a copy of the folder tells."""
    with contextlib.suppress(KeyStoreError, OSError, IndexError, ValueError):
        if _is_copy(path):
            return versions.first_certificate(reading.read_file(f"{path}/{CERTIFICATE}") or b"").thumbprint
        text = os.readlink(path) if os.path.islink(path) else (reading.read_file(path) or b"").decode("ascii")
        name = text.strip().rpartition("/")[2]
        return name if reading.is_thumbprint(name) else None
    return None


def _last_in_use(contents: StoreContents) -> str | None:
    """The version that was promoted last, rather one whose private key is there."""
    once = [
        (
            versions.holds_key(Path(version.path)),
            version.record.promoted,
            version.certificate.not_before,
            version.thumbprint,
        )
        for version in contents.versions
        if version.record.promoted
        and not version.record.retired
        and not version.record.refused
        # Its promotion may not have come to the link, which the next run makes.
        and version != contents.successor
    ]
    return max(once)[-1] if once else None


def _last_sent(contents: StoreContents, in_use: Version | None) -> str | None:
    """The version that others may know, later than the promotion of the one in use, and that was never promoted."""
    since = in_use.record.promoted if in_use else None
    sent = [
        (str(version.record.intent or version.record.generated), version.thumbprint)
        for version in contents.others
        if (version.record.intent or version.record.stop_after)
        and not _is_over(version)
        and not (since and version.record.intent and version.record.intent < since)
    ]
    return max(sent)[1] if sent else None


def _is_over(version: Version) -> bool:
    record = version.record
    return bool(record.promoted or record.retired or record.refused or record.aside)


def _mending(layout: Layout, path: str, known: str | None) -> str:
    """The command, as a sentence."""
    linking = f"{VERSIONS}/{known} {_quoted(path)}"
    if not _is_copy(path):
        return f"Run 'ln -sfn {linking}'." if known else f"Run 'rm {_quoted(path)}'."
    # The copy may be the only one: then it is moved to where it belongs, never removed.
    told = _told_by(path)
    if told and told not in layout.names and versions.holds_key(Path(path)):
        folder = f"{layout.location}/{VERSIONS}"
        moving = f"mkdir -p -m 0700 {_quoted(folder)} && mv {_quoted(path)} {_quoted(f'{folder}/{told}')}"
        return f"Run '{moving} && ln -s {VERSIONS}/{told} {_quoted(path)}'."
    moving = f"mv {_quoted(path)} {_quoted(path + '.copy')}"
    if not known:
        return f"Run '{moving}'."
    removing = f"rm -r {_quoted(path)}" if _is_same(path, layout.folder(known)) else moving
    return f"Run '{removing} && ln -s {linking}'."


def _is_copy(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)


def _is_same(copy: str, folder: str) -> bool:
    """Whether nothing is lost with the copy."""
    with contextlib.suppress(KeyStoreError):
        names = reading.list_names(copy)
        files = [(reading.read_file(f"{copy}/{name}"), reading.read_file(f"{folder}/{name}")) for name in names]
        return all(ours == theirs for ours, theirs in files)
    return False


def _quoted(path: str) -> str:
    """For a shell, between the single quotes of a sentence."""
    return path if shlex.quote(path) == path else '"' + re.sub(r'(["$`\\])', r"\\\1", path) + '"'
