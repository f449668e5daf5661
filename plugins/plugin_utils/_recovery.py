# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A recovery on one page: find what is wrong, show the plan, repair in order, prove it. Nothing is ever removed.

It is made of the collection's own modules, called one after the other. Each is safe to be stopped anywhere and comes to
the same when it is called again, and so does a recovery.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..module_utils._ansible.run import of_diagnosis
from ..module_utils._core.access import GRAPH_APP_ID
from ..module_utils._core.diagnosis import KEY_CODES, explain

Result = dict[str, t.Any]

ACCESS, RENEW, VERIFY = "application_access", "application_certificate_renew", "application_certificate_verify"

# What the two steps on a service principal say was wrong.
_PRINCIPAL_TROUBLE = {
    "create_service_principal": (
        "service_principal_missing",
        "The application has no service principal in this tenant.",
    ),
    "enable_service_principal": ("application_disabled", "The application's service principal is disabled."),
}
_PROOF = ("sign_ins", "sign_in_interval", "initial_pause", "sign_in_budget", "timeout_propagation")
_RENEWAL = (
    "renew_before",
    "rotation_period",
    "validity",
    "key_size",
    "subject",
    "force",
    "on_policy_limit",
    "lock_timeout",
)
# Only handed over when given: the environment of the host that holds the key store may have them.
_PASSPHRASES = ("key_passphrase", "pfx_passphrase")
CONFIRM = {"step": "confirm", "detail": "Sign-ins, roles and probes confirm that the application works."}


class Call(t.Protocol):
    """Runs a module and returns its result. `repairs` are known to be so new that the token service may lag behind."""

    def __call__(self, module: str, arguments: Result, check: bool, repairs: t.Sequence[str]) -> Result: ...


class Stopped(Exception):
    """A module failed: the recovery ends here, and the next one goes on."""

    def __init__(self, failure: Result) -> None:
        super().__init__(failure.get("msg"))
        self.failure = failure


@dataclass
class Recovery:
    """One recovery under way. `options` are the task's, complete.

    `connection` is complete as well, with the administrator's token: nothing is left to the environment of the host.
    """

    call: Call
    say: t.Callable[[str], None]
    options: Result
    connection: Result = field(repr=False)
    access: Result = field(default_factory=dict)
    renewal: Result = field(default_factory=dict)
    wrong: list[Result] = field(default_factory=list)
    done: list[Result] = field(default_factory=list)
    health: Result = field(default_factory=dict)
    repairing: bool = False

    def run(self, check: bool) -> Result:
        """The whole recovery; in check mode as far as the plan."""
        try:
            self.plan(check)
            self.show_plan()
            if not check:
                self.repair()
        except Stopped as stopped:
            return self._failed(stopped.failure)
        return self._result(check)

    # What is wrong

    def plan(self, check: bool) -> None:
        """Everything in check mode first, so that each step's lack of rights is known before the first effect."""
        self.access = self._access(check=True)
        self.renewal = self._renew(check=True)
        _refuse(self.access, self.renewal)
        self.wrong = [*_wrong_with_access(self.access), *_wrong_with_certificate(self.renewal)]
        if self.access["blocked"]:
            raise Stopped(_blocked(self.access["blocked"]))
        if not self.renewal["changed"] and not self._principal_steps:
            self._try_key(check)

    def _try_key(self, check: bool) -> None:
        """A certificate that looks good may be refused all the same, as with a wrong private key: it is replaced."""
        trial = self._verify(check=check, sign_ins=1, required_roles=[], probes=[])
        diagnosis = trial.get("diagnosis") or {}
        if trial.get("verified"):
            return
        if diagnosis.get("code") not in KEY_CODES:
            raise self._unproven(trial)
        self.wrong.append(_wrong(diagnosis["code"], diagnosis["cause"], "renew"))
        self.renewal = self._renew(check=True, force=True)
        _refuse(self.renewal)

    def show_plan(self) -> None:
        if not self.wrong:
            self.say("nothing is wrong")
        for number, one in enumerate(self.wrong, 1):
            self.say(f"wrong, {number} of {len(self.wrong)}: {one['message']}")
        for number, step in enumerate(self._planned_steps, 1):
            self.say(f"plan, step {number}: {step['step']}: {step['detail']}")

    # Repair

    def repair(self) -> None:
        """The service principal, the certificate, the permissions, the proof: each needs what is before it."""
        self.repairing = bool(self._planned_steps)
        forced = any(one["code"] in KEY_CODES for one in self.wrong)
        if self._principal_steps:
            self._keep(self._access(permissions=[]))
            if not self.renewal["changed"]:
                self._try_key(check=False)
                forced = any(one["code"] in KEY_CODES for one in self.wrong)
        if self.renewal["changed"]:
            self.renewal = self._keep(self._renew(**({"force": True} if forced else {})))
        if _grants(self.access):
            self.access = {**self.access, "granted": self._keep(self._access())["granted"]}
        self.confirm()

    def confirm(self) -> None:
        """Sign-ins count once: those that proved a new certificate are not made again."""
        proven = self.done and self.renewal.get("sign_ins", {}).get("consecutive")
        sign_ins = 1 if proven else self.options["sign_ins"]
        roles = [*self.options["required_roles"], *_graph_roles(self.access.get("granted") or [])]
        self.health = self._verify(required_roles=list(dict.fromkeys(roles)), sign_ins=sign_ins)
        if not self.health.get("verified"):
            raise self._unproven(self.health)

    def _unproven(self, health: Result) -> Stopped:
        """What nothing here repairs is still something that is wrong."""
        diagnosis = health.get("diagnosis") or {"code": "unknown"}
        self.wrong.append(_wrong(diagnosis["code"], str(health.get("msg")), None))
        if diagnosis["code"] == "consent_missing":
            advice = "A permission that the registration does not ask for is granted when permissions names it."
            return Stopped({**health, "msg": f"{health['msg']} {advice}"})
        return Stopped(health)

    def _keep(self, result: Result) -> Result:
        """Remember what was done; end here when it was not."""
        _refuse(result)
        self.done += result["steps"]
        return result

    # The modules

    def _access(self, check: bool = False, **more: t.Any) -> Result:
        wanted = {
            "permissions": self.options["permissions"],
            "timeout_propagation": self.options["timeout_propagation"],
        }
        return self.call(ACCESS, {**self.connection, **self._selector, **wanted, **more}, check, ())

    def _renew(self, check: bool = False, **more: t.Any) -> Result:
        chosen = {name: self.options[name] for name in (*_PROOF, *_RENEWAL, "key_store")}
        chosen |= {name: self.options[name] for name in _PASSPHRASES if self.options[name] is not None}
        fixed = {"add_method": "update", "stop_after": "promoted"}
        return self.call(RENEW, {**self.connection, **self._selector, **chosen, **fixed, **more}, check, self._repairs)

    def _verify(self, check: bool = False, **more: t.Any) -> Result:
        """As the application itself, with the current key of its store."""
        chosen = {name: self.options[name] for name in (*_PROOF, "key_store", "required_roles", "probes")}
        if self.options["key_passphrase"] is not None:
            chosen["key_passphrase"] = self.options["key_passphrase"]
        if not self.done:
            chosen["initial_pause"] = 0
        itself = {"auth_source": "key_store", "access_token": None, "app_id": self.access["app_id"]}
        arguments = {**self.connection, **chosen, **itself, **more}
        return self.call(VERIFY, arguments, check, [*self._repairs, *_names(self.access)])

    @property
    def _selector(self) -> Result:
        """By app ID as soon as that is known: a display name may come to mean two."""
        if self.access.get("app_id"):
            return {"app_id": self.access["app_id"], "object_id": self.access["object_id"]}
        return {name: self.options[name] for name in ("app_id", "object_id", "display_name")}

    @property
    def _repairs(self) -> tuple[str, ...]:
        """The directory shows, or will show, a service principal that is enabled; the token service may lag behind."""
        return () if self.access.get("blocked", True) else ("service_principal",)

    # Results

    @property
    def _principal_steps(self) -> list[Result]:
        return [step for step in self.access["steps"] if step["step"] in _PRINCIPAL_TROUBLE]

    @property
    def _planned_steps(self) -> list[Result]:
        grants = [step for step in self.access["steps"] if step["step"] == "grant"]
        changes = [*self._principal_steps, *self.renewal["steps"], *grants]
        return [*changes, CONFIRM] if changes else []

    def _result(self, check: bool) -> Result:
        changed = bool(self._planned_steps) if check else bool(self.done)
        steps = self._planned_steps if check else [*self.done, CONFIRM] if self.done else []
        return {
            "changed": changed,
            "message": _summary(self.wrong, check),
            "app_id": self.access["app_id"],
            "object_id": self.access["object_id"],
            "wrong": self.wrong,
            "steps": steps,
            "certificate": self.renewal["certificate"],
            "granted": [] if check else self.access["granted"],
            "not_handled": self.access["not_handled"],
            "verified": bool(self.health.get("verified")),
            "checks": self.health.get("checks", []),
            "diff": _merged_diff(self.access, self.renewal),
        }

    def _failed(self, failure: Result) -> Result:
        """What failed, what was wrong, and how far the repair came."""
        after = f" Done before it: {', '.join(step['step'] for step in self.done)}." if self.done else ""
        again = " Run the recovery again: it goes on from here." if self.repairing else " Nothing was changed."
        kept = ("diagnosis", "missing_permissions", "problems", "checks", "exception")
        message = str(failure.get("msg") or "A module failed without a message.")
        already = "Nothing was changed" in message
        return {
            "failed": True,
            "changed": self.repairing,
            "msg": f"{message}{after}{'' if already else again}",
            "wrong": self.wrong,
            "steps": self.done,
            "verified": False,
            **{name: failure[name] for name in kept if name in failure},
        }


def _refuse(*results: Result) -> None:
    """End at the first failure. Missing permissions of all of them become one failure."""
    failures = [one for one in results if one.get("failed")]
    if not failures:
        return
    lacking = [one for one in failures if one.get("missing_permissions")]
    if len(lacking) < len(failures) or len(lacking) == 1:
        raise Stopped(next((one for one in failures if not one.get("missing_permissions")), failures[0]))
    missing = [each for one in lacking for each in one["missing_permissions"]]
    messages = [str(one["msg"]).partition(" need. ") for one in lacking]
    text = f"{messages[0][0]}{messages[0][1]}{' '.join(rest for _start, _word, rest in messages)}"
    raise Stopped({**lacking[0], "msg": text, "missing_permissions": missing})


def _blocked(sentences: t.Sequence[str]) -> Result:
    """No sign-in can prove anything as long as this lasts, so nothing is begun."""
    message = " ".join(sentences)
    return {"msg": message, "diagnosis": of_diagnosis(explain("application_disabled", "", {"message": message}))}


def _wrong(code: str, message: str, step: str | None) -> Result:
    return {"code": code, "message": message, "step": step}


def _wrong_with_access(access: Result) -> list[Result]:
    found = []
    for step in access["steps"]:
        if step["step"] in _PRINCIPAL_TROUBLE:
            code, message = _PRINCIPAL_TROUBLE[step["step"]]
            found.append(_wrong(code, message, step["step"]))
    found += [_wrong("application_disabled", sentence, None) for sentence in access["blocked"]]
    found += [
        _wrong("consent_missing", f"{one['role']} of {one['resource']} is not granted.", "grant")
        for one in access["missing"]
    ]
    return found


def _wrong_with_certificate(renewal: Result) -> list[Result]:
    return [_wrong(renewal["finding"], renewal["message"], "renew")] if renewal["changed"] else []


def _grants(access: Result) -> list[Result]:
    return [step for step in access["steps"] if step["step"] == "grant"]


def _graph_roles(permissions: t.Iterable[Result]) -> list[str]:
    """Those that a token for Microsoft Graph carries."""
    return [one["role"] for one in permissions if one["resource_app_id"] == GRAPH_APP_ID]


def _names(access: Result) -> list[str]:
    """The roles that the directory shows as granted; an interrupted recovery may have granted them a moment ago."""
    return [label.rpartition(": ")[2] for label in access["diff"]["after"]["permissions"]]


def _summary(wrong: t.Sequence[Result], check: bool) -> str:
    if not wrong:
        return "Nothing is wrong."
    found = " ".join(str(one["message"]) for one in wrong)
    return f"Would be repaired: {found}" if check else f"Repaired: {found}"


def _merged_diff(access: Result, renewal: Result) -> Result:
    return {when: {**access["diff"][when], **renewal["diff"][when]} for when in ("before", "after")}
