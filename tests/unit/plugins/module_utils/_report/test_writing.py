# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._report import writing
from ansible_collections.evercert.entra.plugins.module_utils._report.formats import FORMATS
from ansible_collections.evercert.entra.plugins.module_utils._report.writing import ReportError, write_report
from ansible_collections.evercert.entra.tests.unit.reports import a_report, a_row

ALL = tuple(FORMATS)


@pytest.fixture
def write(tmp_path):
    def make(*rows, formats=ALL, directory="report"):
        return write_report(tmp_path / directory, formats, a_report()[1], iter(rows), None)

    return make


def test_every_format_is_a_file_of_its_own(write, tmp_path):
    files = write(a_row(), directory="some/where")

    assert tuple(files) == ALL
    assert sorted(os.listdir(tmp_path / "some" / "where")) == sorted(each.file for each in FORMATS.values())
    assert {os.stat(path).st_mode & 0o777 for path in files.values()} == {0o640}
    assert (tmp_path / "some" / "where").stat().st_mode & 0o777 == 0o750


def test_only_the_files_that_were_asked_for_are_written(write, tmp_path):
    write(a_row(), formats=["csv"])

    assert os.listdir(tmp_path / "report") == ["report.csv"]


def failing_after(*rows):
    yield from rows
    raise RuntimeError("the network is gone")


def test_an_audit_that_fails_half_way_leaves_the_last_report(write, tmp_path):
    files = write(a_row("old"))
    before = {path: Path(path).read_text(encoding="utf-8") for path in files.values()}

    with pytest.raises(RuntimeError):
        write_report(tmp_path / "report", ALL, a_report()[1], failing_after(a_row("new")), None)

    assert {path: Path(path).read_text(encoding="utf-8") for path in files.values()} == before
    assert len(os.listdir(tmp_path / "report")) == len(ALL)


@pytest.mark.parametrize("moment", range(4))
def test_a_full_disk_leaves_no_half_file(write, tmp_path, monkeypatch, moment):
    """Whichever write fails, every file is the old one or the new one, and the directory has nothing else."""
    files = write(*(a_row(f"old {number}") for number in range(3)), formats=["html", "json"])
    old = {path: Path(path).read_text(encoding="utf-8") for path in files.values()}
    count = [0]

    def fsync(descriptor):
        count[0] += 1
        if count[0] > moment:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(writing.os, "fsync", fsync)
    if moment >= 3:
        write(a_row("new"), formats=["html", "json"])
        return
    with pytest.raises(ReportError, match=r"No space left on device\. Make room"):
        write(a_row("new"), formats=["html", "json"])

    assert sorted(os.listdir(tmp_path / "report")) == ["report.html", "report.json"]
    if moment < 2:
        assert {path: Path(path).read_text(encoding="utf-8") for path in files.values()} == old


def test_a_link_in_the_place_of_a_file_is_replaced_and_not_followed(write, tmp_path):
    other = tmp_path / "other"
    other.write_text("mine", encoding="utf-8")
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "report.json").symlink_to(other)

    write(a_row(), formats=["json"])

    assert other.read_text(encoding="utf-8") == "mine"


def test_a_directory_that_cannot_be_made_is_said(write, tmp_path):
    (tmp_path / "report").write_text("", encoding="utf-8")

    with pytest.raises(ReportError, match="could not be written"):
        write(a_row())


def test_what_a_killed_run_left_goes_after_a_day(write, tmp_path):
    for name, age in ((".evercert-report-old", 100_000), (".evercert-report-new", 60)):
        folder = tmp_path / "report" / name
        folder.mkdir(parents=True)
        os.utime(folder, (time.time() - age,) * 2)

    write(a_row(), formats=["csv"])

    assert sorted(os.listdir(tmp_path / "report")) == [".evercert-report-new", "report.csv"]
