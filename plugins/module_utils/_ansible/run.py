# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our errors → the module's failure: the only fail_json. A wait that was handed over is no failure."""

from __future__ import annotations

import re
import typing as t

from ansible.module_utils.basic import AnsibleModule

from .._core.diagnosis import Diagnosis
from .._core.errors import EvercertError, InvalidInput, NotPermitted, StillWaiting
from .._core.privileges import PRIVILEGES
from .libraries import missing_libraries
from .timing import PlainTiming, SlicedTiming

Result = dict[str, t.Any]
_PIECE = re.compile(r"[A-Za-z0-9+=]{12,}")  # of base64, between slashes: a path loses one of two


def run(module: AnsibleModule, act: t.Callable[[AnsibleModule], Result]) -> None:
    """Do what the module is for, and report it."""
    missing = missing_libraries()
    if missing:
        module.fail_json(msg=missing)
    _hide_misplaced_keys(module)
    try:
        result = act(module)
    except StillWaiting as pause:
        module.exit_json(changed=False, _waiting=_hand_over(module, pause))
    except EvercertError as error:
        module.fail_json(**failure_of(error))
    failed = result.pop("_failed", None)
    if failed is not None:
        module.fail_json(msg=failed, **result)
    module.exit_json(**result)


def _hide_misplaced_keys(module: AnsibleModule) -> None:
    """A private key in an option for public things is refused; it must not show in the report of that either.

    Each piece of it is hidden too, as a message may hold the text stripped, or as a path. Not so where a key belongs:
    it shares pieces with its certificate, which is a result.
    """
    known = module.no_log_values
    misplaced = [text for text in _texts(module.params) if "PRIVATE KEY" in text and text not in known]
    known.update(misplaced, *map(_PIECE.findall, misplaced))


def _texts(value: t.Any) -> t.Iterator[str]:
    """Every text in an option's value, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)


def timing_of(module: AnsibleModule) -> PlainTiming:
    """How this call waits: the action plugin of the same name asks for slices."""
    seconds = (module.params.get("_waiting") or {}).get("slice")
    return SlicedTiming(float(seconds)) if seconds else PlainTiming()


def carried(module: AnsibleModule) -> dict[str, t.Any]:
    """What an earlier call of the same task handed over."""
    return (module.params.get("_waiting") or {}).get("carry") or {}


def repairs_before(module: AnsibleModule) -> frozenset[str]:
    """What the recovery that this call is a part of has repaired already; see `Connection.repairs`."""
    return frozenset((module.params.get("_waiting") or {}).get("repairs") or ())


def _hand_over(module: AnsibleModule, pause: StillWaiting) -> Result:
    """What the action plugin shows, how long it waits, and what the next call goes on from."""
    carry = dict(carried(module))
    carry.update(getattr(pause, "carry", {}))
    return {"seconds": round(pause.seconds, 3), "what": pause.what, "carry": carry}


def failure_of(error: EvercertError) -> Result:
    """One of our errors as the values of a failure."""
    if isinstance(error, InvalidInput):
        return {"msg": error.message, "problems": list(error.problems)}
    values: Result = {"msg": error.message}
    if error.diagnosis:
        values["diagnosis"] = of_diagnosis(error.diagnosis)
    if isinstance(error, NotPermitted):
        values["missing_permissions"] = [
            {"task": PRIVILEGES[lack.need].task, "kind": lack.kind, "any_of": list(lack.any_of)} for lack in error.lacks
        ]
    return values


def of_diagnosis(diagnosis: Diagnosis) -> Result:
    """A diagnosis as a return value."""
    evidence: Result = {
        "http_status": None,
        "error_codes": [],
        "correlation_id": None,
        "trace_id": None,
        "timestamp": None,
    }
    return {
        "code": diagnosis.code,
        "cause": diagnosis.cause,
        "remedy": diagnosis.remedy,
        "retry": diagnosis.retry,
        "evidence": {**evidence, **diagnosis.evidence},
    }
