# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One report from a tenant, from other reports, or from results of tasks: rows in, files out, a summary returned."""

from __future__ import annotations

import datetime as dt
import itertools
import os
import typing as t
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from .._core.errors import InvalidInput
from .._core.texts import sentence
from .._core.times import format_iso
from .._report.as_text import SHOWN, lines_of
from .._report.changes import KINDS, Comparison
from .._report.formats import FORMATS
from .._report.reading import NotAReport, cleaned, open_report
from .._report.rows import Row, names_of, row_of, rows_of_result
from .._report.totals import Settings, Totals
from .._report.writing import counted, write_report
from .._steps.report import inspect_all
from . import arguments, connect, contradictions, operators, results
from .arguments import Options
from .run import call_of
from .timing import PlainTiming


def report_applications(module: AnsibleModule) -> results.Values:
    """What the module application_report does."""
    options = module.params
    if options["sources"] or options["results"]:
        problems = [*arguments.problems_of(options), *contradictions.problems_of_page(options)]
        problems += [problem for path in options["sources"] for problem in _problems_of_source(path)]
        if problems:
            raise InvalidInput(problems)
        now = arguments.fixed_now(options) or PlainTiming().wall()
        totals = Totals(_settings(options, now))
        return _write(module, totals, _merged(options, totals))
    connection = connect.open_connection(
        options,
        call_of(module, needs_application=False, is_audit=True, problems=contradictions.problems_of_page(options)),
    )
    policy = arguments.renewal_policy(options)
    found = inspect_all(connection, policy, options["filter"])
    first = next(found, None)  # from here on, the service's clock is known
    now = connection.clock.now()
    seen, tenant_id = str(format_iso(now)), options["tenant_id"]
    totals = Totals(_settings(options, now, options["renew_before"]))
    totals.meet(tenant_id, seen)
    reports = itertools.chain([first] if first else [], found)
    rows = (row_of(results.of_report(report, policy), tenant_id, seen) for report in reports)
    values = operators.with_operator(connection, options, _write(module, totals, rows))
    return results.with_auth(connection, values)


def _settings(options: Options, now: dt.datetime, renew_before: float | None = None) -> Settings:
    return Settings(
        now=now,
        renew_before=renew_before,
        filter=options["filter"] or None,
        fail_on=tuple(options["fail_on"]),
        fail_within=options["fail_within"],
    )


def _write(module: AnsibleModule, totals: Totals, rows: t.Iterable[Row]) -> results.Values:
    """The files, or in check mode only what they would be, and the return values."""
    options = module.params
    directory, formats = Path(options["directory"]), list(dict.fromkeys(options["formats"]))
    before = _last_report(module, directory / FORMATS["json"].file, totals.settings.filter)
    if module.check_mode:
        for _row in counted(rows, totals, before):
            pass
        files = {name: str(directory / FORMATS[name].file) for name in formats}
    else:
        files = write_report(directory, formats, totals, rows, before)
    return _values(totals, files)


def _last_report(module: AnsibleModule, path: Path, odata_filter: str | None) -> Comparison | None:
    """What is known of the last report; one that cannot be compared is said, and no failure."""
    if not os.path.lexists(path):
        return None
    try:
        with open_report(str(path)) as reader:
            if reader.head.get("filter") != odata_filter:
                module.warn(f"Nothing is compared with {path}: that report was made with another filter.")
                return None
            comparison = Comparison(reader.head["generated"])
            for row in reader.rows():
                comparison.remember(row)
            return comparison
    except NotAReport as error:
        module.warn(f"Nothing is compared with the last report: {error.message}")
        return None


def _problems_of_source(path: str) -> list[str]:
    try:
        with open_report(path):
            return []
    except NotAReport as error:
        return [f"sources: {error.message}"]


def _merged(options: Options, totals: Totals) -> t.Iterator[Row]:
    """The rows of the results, then of the sources. What a task says of an application is newer than a report."""
    given = [row for entry in options["results"] for row in rows_of_result(entry, totals.generated)]
    yield from given
    known, sources = {name for row in given for name in names_of(row)}, dict[str, str]()
    for path in options["sources"]:
        with open_report(path) as reader:
            for row in reader.rows():
                other = sources.setdefault(row["tenant_id"], path)
                if other != path:
                    problem = f"sources: tenant {row['tenant_id']} is in {other} and in {path}. Name one of them."
                    raise InvalidInput([problem])
                if known.isdisjoint(names_of(row)):
                    yield cleaned(row)
            for tenant in _empty_tenants(reader.tail.get("tenants")):
                totals.meet(tenant, reader.head["generated"])


def _empty_tenants(listed: t.Any) -> t.Iterator[str]:
    """Tenants of a source, also those without applications; what others wrote there may be anything."""
    for entry in listed if isinstance(listed, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("tenant_id"), str):
            yield entry["tenant_id"]


def _values(totals: Totals, files: dict[str, str]) -> results.Values:
    values: results.Values = {
        "changed": True,
        "summary": totals.summary(),
        "findings": dict(totals.reasons.most_common()),
        "attention": [_short(row) for row in totals.most_urgent[:SHOWN]],
        "needs_attention": totals.urgent,
        "tenants": len(totals.tenants),
        "changes": totals.changes and {name: totals.changes[name] for name in ("since", *KINDS)},
        "files": files,
        "failed_on": dict(totals.words_met),
        "lines": lines_of(totals),
    }
    if totals.words_met:
        met = ", ".join(f"{count:,} {word}" for word, count in sorted(totals.words_met.items()))
        where = files.get("html") or next(iter(files.values()))
        values["_failed"] = f"The report has what fail_on names: {met}. See {where}."
    return values


def _short(row: Row) -> results.Values:
    names = ("tenant_id", "app_id", "display_name", "status", "days_left", "expires")
    message = sentence(row["findings"][0]["message"]) if row["findings"] else ""
    host = {"host": row["host"]} if row.get("host") else {}
    return {**{name: row[name] for name in names}, **host, "message": message}
