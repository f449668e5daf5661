# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One application of a report, as a row: the same whether it was listed, inspected or renewed. Pure.

A row is what report.json holds, so it is made of JSON values. It has what is public and needed to act: no owners, no
mail addresses, no names of credentials, which people choose freely.
"""

from __future__ import annotations

import re
import typing as t

from .._core.times import format_iso, parse_iso_or_none
from .words import severity_of, worst

Row = dict[str, t.Any]
Values = t.Mapping[str, t.Any]

_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_NAMES = ("key_id", "thumbprint", "thumbprint_sha256")
_USABLE = ("healthy", "near_expiry")
# A new certificate goes through these, and the last step that makes one current decides what a renewal came to.
_STAGES = ("generate", "register", "prove", "promote")
_SWITCHES = {"promote": "renewed", "roll_back": "rolled_back", "adopt": "adopted"}


def row_of(values: Values, tenant_id: str, seen: str) -> Row:
    """A row from one of the `applications` of application_certificate_info. `seen` is when it was looked at."""
    certificates = [_certificate(entry) for entry in _objects(values.get("certificates"))]
    findings = [_finding(entry) for entry in _objects(values.get("findings"))]
    last, status = last_certificate(certificates), str(values["status"])
    return {
        "tenant_id": tenant_id,
        "seen": seen,
        "app_id": _text(values.get("app_id")),
        "object_id": _text(values.get("object_id")),
        "display_name": _text(values.get("display_name")),
        "status": status,
        "severity": worst([status, *(finding["reason"] for finding in findings)]),
        "expires": last["not_after"] if last else None,
        "days_left": last["days_left"] if last else None,
        "next_renewal": _moment(values.get("next_renewal")),
        "findings": findings,
        "certificates": certificates,
    }


def row_of_renewal(entry: Values, seen: str) -> Row:
    """A row from what application_certificate_renew returned, or from the failure of a task."""
    result = entry["result"]
    certificate = _object(result.get("certificate"))
    steps = [_step(step) for step in _objects(result.get("steps"))]
    names = [step["step"] for step in steps]
    outcome = _outcome(entry, names)
    values = {
        "app_id": entry.get("app_id"),
        "object_id": entry.get("object_id"),
        "display_name": entry.get("name"),
        "status": outcome,
        "findings": _findings_of(outcome, result, names, seen),
        "certificates": [{**certificate, "status": certificate.get("stage")}] if certificate else [],
        "next_renewal": result.get("next_renewal"),
    }
    return {**row_of(values, str(entry["tenant_id"]), seen), "steps": steps}


def rows_of_result(entry: Values, seen: str) -> list[Row]:
    """The rows of what application_certificate_info or application_certificate_renew returned on a host."""
    host = {"host": str(entry["host"])} if entry.get("host") else {}
    if _is_failure(entry["result"]) or "applications" not in entry["result"]:
        rows = [row_of_renewal(entry, seen)]
    else:
        rows = [row_of(values, str(entry["tenant_id"]), seen) for values in entry["result"]["applications"]]
    return [{**row, **host} for row in rows]


def is_result(result: Values) -> bool:
    """Whether a result is one that a report can be made of."""
    if _is_failure(result):
        return True
    applications = result.get("applications")
    if applications is not None:
        return isinstance(applications, list) and all(
            isinstance(entry, dict) and "status" in entry for entry in applications
        )
    return "applications" not in result and isinstance(result.get("steps"), list)


def last_certificate(certificates: t.Sequence[Values]) -> Values | None:
    """The certificate with which access ends: the key store's current one, as its status is the application's.

    Without one, or when that is not registered and ends nothing, it is the one that ends last, of those in use; of all
    when none is. A successor serves nobody yet.
    """
    dated = [entry for entry in certificates if entry["not_after"] and entry["status"] != "successor"]
    current = [entry for entry in dated if entry.get("stage") == "current" and entry["status"] != "unregistered"]
    usable = [entry for entry in dated if entry["status"] in _USABLE]
    return max(current or usable or dated, key=lambda entry: str(entry["not_after"]), default=None)


def names_of(row: Values) -> tuple[str, ...]:
    """What an application goes by. Rows that share a name are of one: a renewal, or a failure, may know one ID only."""
    ids = [name for name in (row["object_id"], row["app_id"]) if name]
    return tuple(f"{row['tenant_id']}/{name}".lower() for name in ids or [row["display_name"]])


def names_no_application(row: Values) -> bool:
    """Whether it only says that somebody could not look: it may be about any application of its tenant."""
    return row["status"] == "failed" and not row["object_id"] and not row["app_id"]


def key_of(row: Values) -> str:
    """What tells a row from every other one, in one report and in the next: several hosts may have an application."""
    name, host = names_of(row)[0], row.get("host")
    return f"{name}/{host}" if host else name


def is_moment(text: str) -> bool:
    """Whether a text has the form in which reports write times."""
    return bool(_MOMENT.fullmatch(text))


def is_urgent(row: Values) -> bool:
    """Whether somebody has to act."""
    return row["severity"] in ("error", "warning")


def urgency(row: Values) -> tuple[int, int, str]:
    """A key to sort by: the most urgent first, then what has no end, then what ends first."""
    days = row["days_left"]
    order = ("error", "warning", "note", "none").index(row["severity"])
    return order, days if days is not None else -1 << 30, key_of(row)


def _outcome(entry: Values, steps: t.Sequence[str]) -> str:
    result = entry["result"]
    if _is_failure(result):
        return "failed"
    if not steps:
        return "unchanged"
    if entry.get("planned") or _object(result.get("certificate")).get("stage") == "planned":
        return "planned"
    switches = [_SWITCHES[step] for step in steps if step in _SWITCHES]
    if switches:
        return switches[-1]
    return "retired" if set(steps) == {"retire"} else "under_way"


def _is_failure(result: Values) -> bool:
    return bool(result.get("failed") or result.get("unreachable"))


def _failure(result: Values) -> Row:
    diagnosis = _object(result.get("diagnosis"))
    message, code = str(result.get("msg") or "The host was not reached."), diagnosis.get("code")
    return {
        "reason": "failed",
        "message": f"{message} ({code})" if code else message,
        "remedy": diagnosis.get("remedy") or "See the message.",
    }


def _findings_of(outcome: str, result: Values, steps: t.Sequence[str], seen: str) -> list[Row]:
    if outcome == "failed":
        return [_failure(result)]
    due = _moment(result.get("next_renewal"))
    if "adopt" in steps and due and due <= seen:
        return [_taken_over_when_due(result)]
    return [_remainder(steps)] if outcome == "under_way" else []


def _taken_over_when_due(result: Values) -> Row:
    return {
        "reason": "near_expiry",
        "message": str(result.get("message") or "The certificate that was taken over is due."),
        "remedy": "Run the renewal again: an adoption ends before it renews.",
    }


def _remainder(steps: t.Sequence[str]) -> Row:
    reached = max((_STAGES.index(step) for step in steps if step in _STAGES), default=-1)
    return {
        "reason": "under_way",
        "message": f"Its certificate is not current yet. What remains: {', '.join(_STAGES[reached + 1 :])}.",
        "remedy": "Renew again with a later stop_after: the next run goes on with the same certificate.",
    }


def _certificate(entry: Values) -> Row:
    days, stage = entry.get("days_left"), entry.get("stage")
    return {
        **{name: _text(entry.get(name)) for name in _NAMES},
        "not_before": _moment(entry.get("not_before")),
        "not_after": _moment(entry.get("not_after")),
        "days_left": days if isinstance(days, int) and not isinstance(days, bool) else None,
        "status": str(entry.get("status") or "unknown"),
        **({"stage": str(stage)} if stage else {}),
    }


def _finding(entry: Values) -> Row:
    reason = str(entry.get("reason"))
    texts = {name: _text(entry.get(name)) or "" for name in ("message", "remedy")}
    return {"reason": reason, "severity": severity_of(reason), **texts}


def _step(step: Values) -> Row:
    return {"step": str(step.get("step")), "detail": str(step.get("detail") or "")}


def _object(value: object) -> dict[str, t.Any]:
    """What is no object counts as an empty one: results pass through the hands of others."""
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[dict[str, t.Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _moment(value: object) -> str | None:
    """A time; a text that is none stands for one that is not known yet. Most are in our own form already."""
    return value if isinstance(value, str) and is_moment(value) else format_iso(parse_iso_or_none(value))


def _text(value: object) -> str | None:
    return None if value is None else str(value)
