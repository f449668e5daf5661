# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A tenant in process, a key store on disk and a clock in the test's hand: everything a step touches, and nothing else.

Every request and answer is held against Microsoft's contract. A test breaks the world with the emulator's faults, with
`kill_at` (the process dies at an effect or a request) or with `lie` (an answer is not what was asked for).
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import functools
import json
import os
import types
from email.utils import format_datetime
from pathlib import Path

import requests
from adapter.wsgi_adapter import connect as mount
from ansible_collections.evercert.entra.plugins.module_utils._ansible import arguments, connect, results, specs
from ansible_collections.evercert.entra.plugins.module_utils._ansible.call import Call
from ansible_collections.evercert.entra.plugins.module_utils._ansible.requests_transport import RequestsTransport
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import EvercertError, StillWaiting
from ansible_collections.evercert.entra.plugins.module_utils._core.plan import Plan
from ansible_collections.evercert.entra.plugins.module_utils._core.verdict import normal_thumbprint
from ansible_collections.evercert.entra.plugins.module_utils._entra.transport import Response
from ansible_collections.evercert.entra.plugins.module_utils._keys import durable
from ansible_collections.evercert.entra.plugins.module_utils._keys.directory import DirectoryStore
from ansible_collections.evercert.entra.plugins.module_utils._keys.key_pair import KeyPair, certificate_from_der
from ansible_collections.evercert.entra.plugins.module_utils._keys.vault import VaultStore
from ansible_collections.evercert.entra.plugins.module_utils._steps import certificate as certificates
from ansible_collections.evercert.entra.plugins.module_utils._steps import report, verify
from ansible_collections.evercert.entra.plugins.module_utils._steps.access import AccessProgress, keep_access
from ansible_collections.evercert.entra.plugins.module_utils._steps.adopt import adopt, is_adoption, prepare_adoption
from ansible_collections.evercert.entra.plugins.module_utils._steps.gather import gather
from ansible_collections.evercert.entra.plugins.module_utils._steps.prove import as_values
from ansible_collections.evercert.entra.plugins.module_utils._steps.renew import Renewal, Request, locked, renew
from ansible_collections.evercert.entra.plugins.module_utils._steps.roll_back import prepare_roll_back, roll_back
from ansible_collections.evercert.entra.plugins.module_utils._steps.run import Progress, ProofProgress, start
from contract.gate import Contract
from emulator.app import Emulator
from emulator.certificates import issue
from emulator.clock import Clock
from emulator.tenant import Tenant

KEY_FILES = {"key.pem", "bundle.pem", "bundle.pfx"}
START = dt.datetime(2026, 11, 22, 10, tzinfo=dt.timezone.utc)
SPEC = {
    **specs.OF_APPLICATION_CERTIFICATE_RENEW,
    **specs.OF_APPLICATION_CERTIFICATE_INFO,
    **specs.OF_APPLICATION_CERTIFICATE_VERIFY,
    **specs.OF_APPLICATION_CERTIFICATE,
    **specs.OF_APPLICATION_ACCESS,
    "state": {"default": "present"},
}


class Killed(BaseException):
    """The process is gone: nothing catches this."""


def die(moment):
    raise Killed(moment)


def ours(pair):
    """A key pair of the emulator as the collection has it."""
    return KeyPair(certificate_from_der(pair.der), pair.private_key)


def tree(folder):
    """Every file with its content, and where links point."""
    found = {}
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = os.path.join(place, name)
            found[path] = os.readlink(path) if os.path.islink(path) else None
            if name in files and not os.path.islink(path):
                with open(path, "rb") as file:
                    found[path] = file.read()
    return found


class FakeTiming:
    """Both clocks of this host. Waiting moves them and the service's, and keeps what was said."""

    def __init__(self, tenant):
        self.tenant = tenant
        self.said = []
        self.waited = 0.0
        self.ahead = dt.timedelta()

    def wall(self):
        return dt.datetime.fromtimestamp(self.tenant.clock.elapsed(), dt.timezone.utc) + self.ahead

    def monotonic(self):
        return 1000.0 + self.tenant.clock.elapsed() - START.timestamp()

    def wait(self, seconds, what):
        assert 0 <= seconds < 86400, f"{what}: {seconds} s"
        self.said.append(what)
        self.waited += seconds
        self.tenant.clock.advance(seconds)
        self.tenant.run_due()


class SlicedTiming(FakeTiming):
    """Leaves every wait to the caller."""

    def wait(self, seconds, what):
        raise StillWaiting(seconds, what)


class Transport(RequestsTransport):
    """Ours, in process, with a hook before and after every request."""

    def __init__(self, world):
        super().__init__(None, 30, lambda: mount(requests.Session(), world.emulator, [world.contract.observe]))
        self.world = world

    def send(self, request):
        self.world.at(f"before {request.method} {request.url}")
        answer = self.world.answer(request, super().send)
        self.world.at(f"after {request.method} {request.url}")
        return answer


class World:
    """One tenant with `payroll`, whose certificate ends in 20 days, and an administrator."""

    def __init__(self, folder, ends=20):
        self.tenant = Tenant("11111111-2222-4333-8444-555555555555", clock=Clock(frozen_at=START))
        self.emulator = Emulator(self.tenant)
        self.contract = Contract()
        self.timing = FakeTiming(self.tenant)
        self.folder, self.key_store = folder, folder / "store"
        self.old = self.tenant.issue("payroll", starts=-160, ends=ends)
        self.payroll = self.tenant.add_application("payroll", [self.old])
        self.admin = self.tenant.add_application("admin", secret="s3cret", roles=["Application.ReadWrite.All"])
        self.warnings, self.made, self.sent, self.moments = [], [], [], []
        self.liar = None
        self._consenting = None
        self._strikes = {}

    # The world's state

    @property
    def store(self):
        return DirectoryStore(str(self.key_store))

    @property
    def contents(self):
        return self.store.read()

    @property
    def current(self):
        return self.contents.current.thumbprint

    @property
    def registered(self):
        return sorted(str(one) for one in self.tenant.oracle.registered(self.payroll).values())

    @property
    def credentials(self):
        """What the directory truly holds, byte for byte."""
        return {one.key_id: one for one in self.tenant.application(self.payroll).key_credentials}

    def usable(self):
        """The keys of the store that are registered and valid: what I1 is about."""
        return [one.thumbprint for one in self.contents.versions if self._is_usable(one)]

    def read_key(self, thumbprint):
        """Raises where the store does not have it for use."""
        self.store.signer(thumbprint)

    def _is_usable(self, version):
        self.read_key(version.thumbprint)
        return self.tenant.oracle.sign_in(self.payroll, version.thumbprint).primary

    def notes(self):
        """Everything that the key store holds beside the keys."""
        files = (path for path in Path(self.key_store).rglob("*") if path.is_file() and path.name not in KEY_FILES)
        return [path.read_bytes() for path in files]

    def key_pairs(self):
        """What renewals have made, but for what a process made and did not keep before it died."""
        contents, registered = self.contents, self.registered
        return [one for one in self.made if contents.find(one) or one in registered]

    def events(self):
        return [line["event"] for line in self.store.history(100)]

    def operations(self, since=0):
        return [line["operation"] for line in self.emulator.log.lines[since:]]

    def count(self, since=0):
        """Requests on the wire: what a batch asks for is no request of its own."""
        parts = {"get_application_policies", "get_default_policy", "get_service_principal"}
        return sum(1 for operation in self.operations(since) if operation not in parts)

    def sign_ins(self):
        """Each attempt to sign in as payroll."""
        asked = self.emulator.log.lines
        return [line for line in asked if line["operation"] == "token" and line["app_id"] == self.payroll.app_id]

    def purposes(self):
        """What each sign-in that the key store noted was for."""
        lines = (self.key_store / "sign_ins.jsonl").read_text().splitlines()
        return [json.loads(line)["purpose"] for line in lines]

    # Breaking it

    def at(self, moment):
        """Every effect and request passes here, so that a test can strike at any of them."""
        number = len(self.moments)
        self.moments.append(moment)
        strike = self._strikes.pop(number, None)
        if strike:
            strike(moment)

    def strike_at(self, number, strike):
        """Call `strike` at the effect or request of this number, counted from now."""
        self._strikes[len(self.moments) + number] = strike

    @property
    def strikes_left(self):
        """The numbers at which a strike still waits."""
        return sorted(self._strikes)

    def strike_no_more(self):
        self._strikes.clear()

    def kill_at(self, number):
        """Die at the effect or request of this number, counted from now."""
        self.strike_at(number, die)

    @contextlib.contextmanager
    def watching_effects(self):
        """Every effect of the key store counts as a moment, before and after it."""
        durable.observe = lambda when, effect: self.at(f"{when} {effect.name} {effect.path.name}")
        try:
            yield
        finally:
            durable.observe = durable._ignore

    def answer(self, request, send):
        self.sent.append(request)
        lie = self.liar(request) if self.liar else None
        if lie is None:
            return send(request)
        return Response(lie.get("status", 200), lie.get("headers", {}), lie["body"])

    def lie_about_the_time(self, number, **ahead):
        """The answer of this number, counted from now, has a wrong date; without a number all of them have."""
        since = len(self.sent)

        def wrong(request, send):
            found, ours = World.answer(self, request, send), number is None or len(self.sent) - since - 1 == number
            date = format_datetime(self.tenant.clock.now() + dt.timedelta(**ahead), usegmt=True)
            return dataclasses.replace(found, headers={**found.headers, "date": date}) if ours else found

        self.answer = wrong

    def tell_the_time_again(self):
        del self.answer

    def foreign(self, name="somebody", **fields):
        """A credential of somebody else on payroll, with whatever odd fields."""
        return self.tenant.add_credential(self.payroll, self.tenant.issue(name, -10, 200), **fields)

    def lose(self, thumbprint):
        """Somebody removes a certificate from payroll."""
        for key_id, entry in self.credentials.items():
            if entry.certificate and entry.certificate.thumbprint == thumbprint:
                self.tenant.remove_credential(self.payroll, key_id)

    def settle(self, seconds=900):
        """Let every lag and every budget be over."""
        self.tenant.clock.advance(seconds)
        self.tenant.run_due()

    # Acting

    @property
    def as_admin(self):
        return {"auth_source": "client_secret", "client_id": self.admin.app_id, "client_secret": "s3cret"}

    @property
    def as_itself(self):
        return {"auth_source": "key_store", "object_id": self.payroll.object_id}

    def options(self, **given):
        values = {name: entry.get("default") for name, entry in SPEC.items()}
        chosen = {"tenant_id": self.tenant.id, "key_store": str(self.key_store), "app_id": self.payroll.app_id}
        return {**values, **chosen, **self.as_admin, **given}

    def run(self, **given):
        """A run before its first step, for what a step does by itself."""
        options = self.options(**given)
        connection = self.connect(options, timing=given.get("timing"))
        return start(connection, arguments.renewal_policy(options), gather(connection), Plan(), None, None)

    def connect(self, options, check=False, timing=None):
        call = Call(
            check_mode=check,
            warn=self.warnings.append,
            timing=timing or self.timing,
            transport=Transport(self),
            needs_application=options.get("needs_application", True),
            repairs=frozenset(options.get("repairs", ())),
        )
        return connect.open_connection(options, call)

    def make_key_pair(self, policy, subject, start, end):
        """Like the real one, with a key that was made before."""
        pair = ours(issue(subject, start, end))
        self.made.append(pair.certificate.thumbprint)
        return pair

    def request(self, options, provided=None):
        return Request(
            arguments.renewal_policy(options),
            self.make_key_pair,
            provided,
            options["pfx_passphrase"],
            self.timing.monotonic() + options["lock_timeout"],
        )

    def renew(self, check=False, provided=None, timing=None, progress=None, **given):
        """One call of the renewal; its return values, with the operations it cost."""
        options, since = self.options(**given), len(self.emulator.log.lines)
        connection = self.connect(options, check, timing)
        found = renew(connection, self.request(options, provided), dry_run=check, progress=progress)
        return self._result(results.of_renewal(found, arguments.renewal_policy(options)), since)

    def _result(self, values, since):
        operations = self.operations(since)
        values["details"] = values.get("steps", [])
        values["steps"] = [step["step"] for step in values["steps"]] if "steps" in values else []
        return types.SimpleNamespace(**values, operations=operations, requests=self.count(since))

    def renew_in_slices(self, provided=None, **given):
        """The same, with every wait handed to the caller and the progress sent through JSON."""
        return self._in_slices(functools.partial(self.renew, provided=provided, **given))

    def roll_back_in_slices(self, **given):
        return self._in_slices(functools.partial(self.roll_back, **given))

    def _in_slices(self, act):
        carry, calls = None, 0
        while True:
            calls += 1
            assert calls < 1500, "it never ends"
            progress = Progress.from_values(json.loads(json.dumps(carry))) if carry else None
            try:
                return act(timing=SlicedTiming(self.tenant), progress=progress)
            except StillWaiting as pause:
                carry = getattr(pause, "carry", {}).get("progress", carry)
                with self.store.lock(0.0, self.timing.wait):
                    pass  # another run may act now
                self.timing.wait(pause.seconds, pause.what)

    def refused(self, check=False, **given):
        """The error that a renewal ends with."""
        try:
            result = self.renew(check=check, **given)
        except EvercertError as error:
            return error
        raise AssertionError(f"Not refused: {result}")

    def adopt(self, check=False, pair=None, **given):
        options, since = self.options(**given), len(self.emulator.log.lines)
        key_pair = ours(pair or self.old)
        connection, request = self.connect(options, check), self.request(options)
        assert is_adoption(connection, True)
        with contextlib.nullcontext() if check else locked(connection, request):
            run = prepare_adoption(connection, request.policy, key_pair)
            if not check:
                adopt(run, key_pair, request.pfx_passphrase)
        return self._result(results.of_renewal(Renewal(run, check), request.policy), since)

    def roll_back(self, check=False, timing=None, progress=None, **given):
        options, since = self.options(**given), len(self.emulator.log.lines)
        connection, request = self.connect(options, check, timing), self.request(options)
        with contextlib.nullcontext() if check else locked(connection, request):
            run = prepare_roll_back(connection, request.policy, progress)
            if not check:
                roll_back(run)
        return self._result(results.of_renewal(Renewal(run, check), request.policy), since)

    def info(self, sign_in=False, history=0, claim=None, **given):
        """The report on one application."""
        options, since = self.options(**given), len(self.emulator.log.lines)
        policy = arguments.renewal_policy(options)
        found = report.inspect_one(
            self.connect(options),
            policy,
            claim=normal_thumbprint(claim) if claim else None,
            sign_in=sign_in,
            history=history,
        )
        values = results.of_reports([found], policy, "all")["applications"][0]
        values["reasons"] = [finding["reason"] for finding in values["findings"]]
        return self._result(values, since)

    def verify(self, timing=None, progress=None, check=False, on_trial=None, **given):
        options, since = self.options(**given), len(self.emulator.log.lines)
        connection = self.connect(options, check, timing)
        subject = verify.find_subject(connection, options["stage"], on_trial and (lambda: ours(on_trial)))
        found = verify.verify(connection, subject, arguments.expectation(options), progress)
        return self._result(results.of_verification(found, as_values(found.progress, connection)), since)

    def verify_in_slices(self, **given):
        carry, calls = None, 0
        while True:
            calls += 1
            assert calls < 300, "it never ends"
            progress = ProofProgress(**json.loads(json.dumps(carry))) if carry else None
            try:
                return self.verify(timing=SlicedTiming(self.tenant), progress=progress, **given)
            except StillWaiting as pause:
                carry = getattr(pause, "carry", {}).get("progress", carry)
                self.timing.wait(pause.seconds, pause.what)

    @property
    def as_owner_of_consent(self):
        """An administrator who may also consent to permissions."""
        if self._consenting is None:
            roles = ["Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All"]
            self._consenting = self.tenant.add_application("consenting", secret="s3cret", roles=roles)
        return {"auth_source": "client_secret", "client_id": self._consenting.app_id, "client_secret": "s3cret"}

    def access(self, check=False, timing=None, progress=None, **given):
        """The service principal and the permissions of payroll; no key store."""
        options = self.options(**{"key_store": None, **self.as_owner_of_consent, **given})
        since = len(self.emulator.log.lines)
        done = keep_access(
            self.connect(options, check, timing),
            arguments.access_wish(options),
            options["timeout_propagation"],
            dry_run=check,
            progress=progress,
        )
        return self._result(results.of_access(done, check), since)

    def access_in_slices(self, **given):
        """The same, with every wait handed to the caller and the progress sent through JSON."""
        carry = None
        for _call in range(300):
            progress = AccessProgress.from_values(json.loads(json.dumps(carry))) if carry else None
            try:
                return self.access(timing=SlicedTiming(self.tenant), progress=progress, **given)
            except StillWaiting as pause:
                carry = getattr(pause, "carry", {}).get("progress", carry)
                self.timing.wait(pause.seconds, pause.what)
        raise AssertionError("it never ends")

    def certificate(self, pair=None, check=False, key_id=None, thumbprint=None, name=None, **given):
        """One certificate present, or absent, on payroll; no key store."""
        options, since = self.options(**{"key_store": None, **given}), len(self.emulator.log.lines)
        policy, connection = arguments.renewal_policy(options), self.connect(options, check)
        public = certificate_from_der(pair.der) if pair else None
        if options["state"] == "present":
            change = certificates.keep_present(connection, policy, public, name, dry_run=check)
        else:
            target = certificates.Target(public, key_id, thumbprint)
            change = certificates.keep_absent(connection, policy, target, dry_run=check)
        return self._result(results.of_change(change, check, public), since)


class Unasked:
    """The vault's side of the key store, told by what the vault truly holds."""

    def __init__(self, world):
        self.location, self._world = world.key_store, world

    def versions(self):
        for one in self._world.versions:
            attributes = {"created": one.created, "enabled": one.enabled}
            yield {"id": f"{self.location}/{one.id}", "attributes": attributes, "tags": one.tags}

    def certificate(self, version):
        return {"cer": self._world.vault.certificate("payroll").version(version).pair.base64}


class VaultWorld(World):
    """The same with the key store in Azure Key Vault, where the administrator may use it."""

    def __init__(self, folder, ends=20):
        super().__init__(folder, ends)
        self.vault = self.tenant.vaults.add("payroll")
        self.vault.allow(self.admin)
        self.vault.seconds_to_make = 4
        self.key_store = "https://payroll.vault.azure.net/certificates/payroll"
        self.connection = None

    @property
    def store(self):
        """A new look at it."""
        return super().connect(self.options()).key_store

    @property
    def versions(self):
        """What the vault truly holds, oldest first."""
        found = self.vault.certificate("payroll")
        return found.versions if found else []

    @property
    def contents(self):
        """What a new look at it would show, without a request."""
        return VaultStore(Unasked(self)).read()

    def read_key(self, thumbprint):
        VaultStore(Unasked(self)).signer(thumbprint)

    def notes(self):
        return [json.dumps(version.tags).encode() for version in self.versions]

    def key_pairs(self):
        """A vault makes none that it does not keep."""
        return [version.pair.thumbprint for version in self.versions if version.pair.thumbprint != self.old.thumbprint]

    def connect(self, options, check=False, timing=None):
        self.connection = super().connect(options, check, timing)
        return self.connection

    def make_key_pair(self, policy, subject, start, end):
        """The vault makes it."""
        key = self.connection.key_store.make_key_pair(
            key_size=policy.key_size, subject=subject, not_before=start, not_after=end
        )
        self.made.append(key.certificate.thumbprint)
        return key
