# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report's files: written beside the old ones, and put in their place when all of them are whole.

The rows come once and are not kept. They go to a file of lines first, as what stands before them counts them all; from
there every format is written in one more pass.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import time
import typing as t
from pathlib import Path

from .._core.errors import EvercertError
from .as_json import line_of
from .changes import Comparison
from .formats import FORMATS
from .rows import Row
from .totals import Totals

MODE = 0o640
_DIRECTORY_MODE = 0o750
_TEMPORARY = ".evercert-report-"
_OLD = 86400  # seconds; no report takes a day


class ReportError(EvercertError):
    """Raised when the files of a report cannot be written. Those of the last one are as they were."""


def write_report(
    directory: Path, formats: t.Sequence[str], totals: Totals, rows: t.Iterable[Row], before: Comparison | None
) -> dict[str, str]:
    """All files of a report, or none of them. Returns the path of each format. Raises what `rows` raises, too."""
    try:
        _make(directory)
        with tempfile.TemporaryDirectory(prefix=_TEMPORARY, dir=directory) as folder:
            lines = Path(folder, "lines")
            with _created(lines) as spool:
                for row in counted(rows, totals, before):
                    spool.write(line_of(row))
            _write_all(Path(folder), formats, totals, lines)
            return _put_in_place(Path(folder), directory, formats)
    except OSError as error:
        cause = os.strerror(error.errno) if error.errno else str(error)
        raise ReportError(
            f"The report in {directory} could not be written: {cause}. Make room, or give the directory to the user "
            "who runs this. The files of the last report are as they were, unless some are named in its place already."
        ) from error


def counted(rows: t.Iterable[Row], totals: Totals, before: Comparison | None) -> t.Iterator[Row]:
    """The rows, each with what changed, while the totals grow; after the last one the totals are complete."""
    for row in rows:
        change = before.of(row) if before else None
        if change:
            row["change"] = change
        totals.add(row)
        yield row
    if before:
        totals.changes = before.result(totals.tenants)


def _write_all(folder: Path, formats: t.Sequence[str], totals: Totals, lines: Path) -> None:
    chosen = [FORMATS[name] for name in formats]
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(_created(folder / each.file)) for each in chosen]
        for each, file in zip(chosen, files):
            file.write(each.head(totals))
        with lines.open(encoding="utf-8") as spool:
            for number, line in enumerate(spool):
                row = json.loads(line)
                for each, file in zip(chosen, files):
                    file.write(each.each(row, totals, number))
        for each, file in zip(chosen, files):
            file.write(each.tail(totals))
            file.flush()
            os.fsync(file.fileno())


def _put_in_place(folder: Path, directory: Path, formats: t.Sequence[str]) -> dict[str, str]:
    """JSON last: the next report is compared with it, so it stands for the whole."""
    placed = {}
    for name in sorted(formats, key=lambda name: name == "json"):
        target = directory / FORMATS[name].file
        os.chmod(folder / FORMATS[name].file, MODE)
        os.replace(folder / FORMATS[name].file, target)
        placed[name] = str(target)
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return {name: placed[name] for name in formats}


def _make(directory: Path) -> None:
    """The directory, without what a run that was killed has left there; another run may be under way."""
    if not directory.is_dir():
        directory.mkdir(_DIRECTORY_MODE, parents=True, exist_ok=True)
    for left in directory.glob(f"{_TEMPORARY}*"):
        if time.time() - left.lstat().st_mtime > _OLD:
            shutil.rmtree(left, ignore_errors=True)


def _created(path: Path) -> t.TextIO:
    return path.open("x", encoding="utf-8", newline="")
