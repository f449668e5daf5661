# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our errors → the module's failure: the only fail_json. A wait that was handed over is no failure."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule

from .._core.diagnosis import Diagnosis, diagnosis_of
from .._core.errors import EvercertError, InvalidInput, NotPermitted, StillWaiting
from .._core.privileges import PRIVILEGES
from .._core.texts import sentence, shown
from . import arguments
from .call import Call
from .libraries import missing_libraries
from .module import DiscreetModule
from .timing import PlainTiming, SlicedTiming

Result = dict[str, t.Any]


def run(module: AnsibleModule, act: t.Callable[[AnsibleModule], Result], **in_a_failure: t.Any) -> None:
    """Do what the module is for, and report it. `in_a_failure` are values that a failure has too."""
    missing = missing_libraries()
    if missing:
        module.fail_json(msg=missing)
    try:
        _tidy(module)
        result = act(module)
    except StillWaiting as pause:
        module.exit_json(changed=False, _waiting=_hand_over(module, pause))
    except EvercertError as error:
        module.fail_json(**{**in_a_failure, **failure_of(error)})
    failed = result.pop("_failed", None)
    if failed is not None:
        module.fail_json(msg=sentence(failed), **result)
    module.exit_json(**result)


def _tidy(module: AnsibleModule) -> None:
    """Raises InvalidInput for options that are given and empty, before anything is made of them."""
    options, empty = arguments.tidied(module.params)
    if empty:
        raise InvalidInput(arguments.about_empty(empty))
    module.params.update(options)


def _waiting_of(module: AnsibleModule) -> t.Mapping[str, t.Any]:
    return getattr(module, "waiting", {})


def timing_of(module: AnsibleModule) -> PlainTiming:
    """How this call waits: the action plugin of the same name asks for slices."""
    seconds = _waiting_of(module).get("slice")
    return SlicedTiming(float(seconds)) if seconds else PlainTiming()


def carried(module: AnsibleModule) -> dict[str, t.Any]:
    """What an earlier call of the same task handed over."""
    return _waiting_of(module).get("carry") or {}


def repairs_before(module: AnsibleModule) -> frozenset[str]:
    """What the recovery that this call is a part of has repaired already; see `Connection.repairs`."""
    return frozenset(_waiting_of(module).get("repairs") or ())


def call_of(module: AnsibleModule, **about: t.Any) -> Call:
    """What this call says to a connection, whatever the module is for."""
    return Call(
        check_mode=module.check_mode,
        warn=module.warn,
        timing=timing_of(module),
        repairs=repairs_before(module),
        from_environment=module.from_environment if isinstance(module, DiscreetModule) else (),
        **about,
    )


def _hand_over(module: AnsibleModule, pause: StillWaiting) -> Result:
    """What the action plugin shows, how long it waits, and what the next call goes on from."""
    carry = dict(carried(module))
    carry.update(getattr(pause, "carry", {}))
    return {"seconds": round(pause.seconds, 3), "what": pause.what, "carry": carry}


def failure_of(error: EvercertError) -> Result:
    """One of our errors as the values of a failure."""
    values: Result = {"msg": sentence(error.message), "diagnosis": of_diagnosis(diagnosis_of(error))}
    if isinstance(error, InvalidInput):
        values["problems"] = shown(error.problems)
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
        "cause": sentence(diagnosis.cause),
        "remedy": sentence(diagnosis.remedy),
        "retry": diagnosis.retry,
        "evidence": shown({**evidence, **diagnosis.evidence}),
    }
