# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report.json, read as a stream: one application in memory at a time, whatever its size, however it is formatted."""

from __future__ import annotations

import json
import os
import re
import stat
import typing as t
from contextlib import ExitStack, contextmanager

from .._core.errors import EvercertError
from .._core.times import parse_iso_or_none
from .as_json import FORMAT, VERSION
from .rows import Row, is_moment
from .words import SEVERITIES, severity_of, worst

_PIECE = 1 << 16
# No value of ours, an application least of all, comes near it.
_LARGEST_VALUE = 16 << 20
_SPACE = re.compile(r"[ \t\r\n]*")
_decode = json.JSONDecoder().raw_decode


class NotAReport(EvercertError):
    """Raised when a file cannot be read as a report of this collection."""


class Reader:
    """An open report: first its head, then its applications, one after the other."""

    def __init__(self, path: str, file: t.TextIO) -> None:
        self._path, self._file = path, file
        self._text, self._at, self._read_up = "", 0, False
        self.head: dict[str, t.Any] = {}
        self.tail: dict[str, t.Any] = {}
        self._begin()

    def rows(self) -> t.Iterator[Row]:
        """The applications. What follows them is in `tail` then."""
        if self._peek() == "]":
            self._at += 1
        else:
            yield self._row()
            while self._mark(",]") == ",":
                yield self._row()
        while self._mark(",}") == ",":
            name = self._key()
            self.tail[name] = self._value()

    def _begin(self) -> None:
        """The head, up to the list of applications."""
        self._mark("{")
        while (name := self._key()) != "applications":
            self.head[name] = self._value()
            if self._mark(",}") == "}":
                raise self._foreign("it has no applications")
        if self.head.get("format") != FORMAT:
            raise self._foreign(f"its format is not '{FORMAT}'")
        if self.head.get("version") != VERSION:
            raise self._foreign(f"its version is {self.head.get('version')!r}, and this collection reads {VERSION}")
        if parse_iso_or_none(self.head.get("generated")) is None:
            raise self._foreign("it does not say when it was made")
        self._mark("[")

    def _row(self) -> Row:
        row = self._value()
        problem = problem_of(row)
        if problem:
            raise self._foreign(problem)
        return t.cast(Row, row)

    def _key(self) -> str:
        key = self._value()
        self._mark(":")
        if not isinstance(key, str):
            raise self._foreign("a name in it is no text")
        return key

    def _value(self) -> t.Any:
        """The JSON value at this place. One that ends with what was read so far may go on."""
        self._peek()
        while True:
            try:
                value, end = _decode(self._text, self._at)
            except (json.JSONDecodeError, RecursionError) as error:
                if isinstance(error, RecursionError) or not self._more():
                    raise self._foreign("it is no valid JSON, or ends too early") from error
                continue
            if end < len(self._text) or not self._more():
                self._at = end
                return value

    def _mark(self, expected: str) -> str:
        """The sign at this place, which must be one of these."""
        sign = self._peek()
        if sign == "" or sign not in expected:
            raise self._foreign("it is no valid JSON, or ends too early")
        self._at += 1
        return sign

    def _peek(self) -> str:
        while True:
            self._at = t.cast("re.Match[str]", _SPACE.match(self._text, self._at)).end()
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def _more(self) -> bool:
        """Read on; what was used up is forgotten."""
        if self._read_up:
            return False
        self._text, self._at = self._text[self._at :], 0
        if len(self._text) > _LARGEST_VALUE:
            raise self._foreign("a value in it is larger than an application can be")
        try:
            # A long value is read in ever larger pieces, so that it is not tried once for each small one.
            piece = self._file.read(max(_PIECE, len(self._text)))
        except (OSError, ValueError) as error:
            raise self._foreign("it cannot be read as UTF-8") from error
        self._read_up = not piece
        self._text += piece
        return bool(piece)

    def _foreign(self, why: str) -> NotAReport:
        return NotAReport(f"{self._path} is not a report of this collection: {why}.")


@contextmanager
def open_report(path: str) -> t.Iterator[Reader]:
    """Open a report for reading. Raises NotAReport, also for what is no ordinary file."""
    with ExitStack() as stack:
        try:
            file = stack.enter_context(open(path, encoding="utf-8", opener=_open_without_waiting))
        except (OSError, ValueError) as error:
            raise NotAReport(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from error
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise NotAReport(f"{path} is not an ordinary file.")
        yield Reader(path, file)


def _open_without_waiting(path: str, flags: int) -> int:
    """A pipe that nobody writes to must not make us wait."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


_TEXTS = ("app_id", "object_id", "display_name", "expires", "next_renewal")
_OF_CERTIFICATE = ("key_id", "thumbprint", "thumbprint_sha256", "not_before", "not_after", "status")


def problem_of(row: t.Any) -> str | None:
    """Why something is no application of a report, or None. Others may have written or changed the file."""
    if not isinstance(row, dict):
        return "one of its applications is no object"
    if not all(isinstance(row.get(name), str) for name in ("tenant_id", "status", "seen")):
        return "an application in it lacks its tenant, its status, or when it was seen"
    if not _has_texts(row, _TEXTS) or not isinstance(row.get("host", ""), str):
        return "an application in it lacks an ID, a name or a date"
    if not all(row[name] is None or is_moment(row[name]) for name in ("expires", "next_renewal", "seen")):
        return "an application in it has a date that is none"
    if row.get("severity") not in SEVERITIES or not _is_number(row.get("days_left", "")):
        return "an application in it has an odd severity or number of days"
    if not _are_entries(row.get("findings"), ("reason", "message", "remedy")):
        return "an application in it has an odd finding"
    if not _are_entries(row.get("steps", []), ("step", "detail")):
        return "an application in it has an odd step"
    if not _are_entries(row.get("certificates"), _OF_CERTIFICATE, _is_certificate):
        return "an application in it has an odd certificate"
    return None


def cleaned(row: Row) -> Row:
    """A row of another report as one of this: what is compared and weighed is found anew."""
    row.pop("change", None)
    row["severity"] = worst([row["status"], *(finding["reason"] for finding in row["findings"])])
    for finding in row["findings"]:
        finding["severity"] = severity_of(finding["reason"])
    return row


def _are_entries(entries: t.Any, texts: t.Sequence[str], check: t.Callable[[Row], bool] = lambda entry: True) -> bool:
    return isinstance(entries, list) and all(
        isinstance(entry, dict) and _has_texts(entry, texts) and check(entry) for entry in entries
    )


def _has_texts(values: Row, names: t.Sequence[str]) -> bool:
    return all(name in values and isinstance(values[name], (str, type(None))) for name in names)


def _is_certificate(entry: Row) -> bool:
    return _is_number(entry.get("days_left", "")) and isinstance(entry.get("stage", ""), str)


def _is_number(value: t.Any) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool))
