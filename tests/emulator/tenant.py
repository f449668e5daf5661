# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A tenant: its directory, its clock, its replicas, its faults. Start here to set up a test."""

from __future__ import annotations

import uuid
from dataclasses import replace

from . import certificates as certs
from .clock import Clock, format_time
from .credentials import PasswordCredential, credential_of
from .device_codes import DeviceCodes
from .faults import Faults
from .machine import Machine
from .model import (
    GRAPH_APP_ID,
    Application,
    AppRole,
    Assignment,
    Directory,
    FederatedCredential,
    Policy,
    ServicePrincipal,
)
from .oracle import Oracle
from .outside import Platform
from .replicas import History, Replicas
from .roles import graph_roles
from .switches import Switches
from .throttling import Throttle
from .users import User
from .vaults import Vaults


class Tenant:
    """One Microsoft Entra tenant with everything a rehearsal may want to bend."""

    def __init__(
        self, tenant_id=None, domain="contoso.onmicrosoft.com", name="Contoso", clock=None, seed=0, cloud="public"
    ):
        self.id = tenant_id or str(uuid.uuid4())
        self.domain = domain
        self.name = name
        self.cloud = cloud
        self.clock = clock or Clock()
        self.switches = Switches.as_seen()
        self.directory = Directory()
        self.reads = Replicas("reads", self.clock, seed)
        self.sign_ins = Replicas("sign_ins", self.clock, seed + 1)
        self.faults = Faults()
        self.throttle = Throttle(self)
        self.oracle = Oracle(self)
        self.default_policy = Policy()
        self.vaults = Vaults(self)
        self.token_lifetime = 3599
        self.conditional_access = set()  # app ids, and names of people, whose sign-ins are blocked
        self.users = {}  # by name
        self.device_codes = DeviceCodes(self.clock, seed)
        self.machine = Machine()
        self.platform = Platform()
        self.changes = []  # (history, before, after) of the request under way
        self.graph = self._new_service_principal(GRAPH_APP_ID, "Microsoft Graph", app_roles=graph_roles())

    # Finding

    def history_of(self, reference):
        """The history of an application by object id, app id or display name; LookupError when there is none."""
        found = self.directory.find(getattr(reference, "object_id", reference))
        if found is None:
            raise LookupError(f"No application {reference!r} in tenant {self.id}.")
        return found

    def application(self, reference):
        """The application as it truly is now."""
        return self.history_of(reference).primary

    def service_principal(self, reference):
        """The service principal of an application, as it truly is now, or None."""
        app_id = getattr(reference, "app_id", None) or self.application(reference).app_id
        history = self.service_principal_history(app_id)
        return history.primary if history else None

    def service_principal_history(self, app_id):
        """The history of the service principal that an application has, or had."""
        return self.directory.principal_of(app_id)

    def names(self):
        """What may stand for this tenant in a login path."""
        return {self.id.lower(), self.domain.lower()}

    # Making

    def issue(self, common_name, starts=0.0, ends=180.0, key=None):
        """A self-signed key pair, valid from and to so many days from now."""
        return certs.issue(common_name, self.clock.from_now(starts), self.clock.from_now(ends), key)

    def add_application(
        self,
        name,
        certificates=(),
        secret=None,
        roles=(),
        owners=(),
        service_principal=True,
        enabled=True,
        requires=(),
        **properties,
    ):
        """An application that every replica knows; certificates as KeyPair, PEM, DER or ready-made KeyCredential.

        `requires` are the application permissions of Microsoft Graph, by name, that its registration asks for.
        """
        if requires:
            properties["required_resource_access"] = self.requested(requires)
        application = Application(
            display_name=name,
            key_credentials=tuple(_as_credential(one) for one in certificates),
            password_credentials=(self._password(secret),) if secret else (),
            owners=tuple(self._owner(owner) for owner in owners),
            **{**self._identity(), "publisher_domain": self.domain, **properties},
        )
        self.directory.add_application(application, History.settled(application))
        if service_principal:
            self._add_service_principal(application, roles, enabled)
        return application

    def _owner(self, reference):
        """An owner is a person, or an application's service principal."""
        if reference in self.users:
            return self.users[reference].object_id
        return self.service_principal(reference).object_id

    def add_user(self, name, directory_roles=()):
        """A person; without directory roles an ordinary member."""
        self.users[name] = User.named(name, directory_roles)
        return self.users[name]

    def add_managed_identity(self, name, roles=(), system_assigned=False):
        """A service principal that signs in by being on the machine."""
        object_id = str(uuid.uuid4())
        made = self._new_service_principal(
            str(uuid.uuid4()), name, object_id, assignments=self._assignments(object_id, roles)
        )
        if system_assigned:
            self.machine.system = made
        else:
            self.machine.assigned[made.app_id] = made
        return made

    def federate(self, reference, issuer, subject, **audiences):
        """Let tokens of an outside issuer sign the application in."""
        entry = FederatedCredential(issuer, subject, **audiences)
        self.change(reference, federated_credentials=(*self.application(reference).federated_credentials, entry))

    def user(self, name):
        """A person by name; LookupError when there is none."""
        if name not in self.users:
            raise LookupError(f"No user {name!r} in tenant {self.id}.")
        return self.users[name]

    def user_of(self, object_id):
        """A person by object id, or None."""
        return next((one for one in self.users.values() if one.object_id == object_id), None)

    def _identity(self):
        """What no two applications share."""
        ids = {"object_id": str(uuid.uuid4()), "app_id": str(uuid.uuid4())}
        return {**ids, "created": format_time(self.clock.now())}

    def _add_service_principal(self, application, roles, enabled):
        object_id = str(uuid.uuid4())
        properties = {"enabled": enabled, "assignments": self._assignments(object_id, roles)}
        self._new_service_principal(application.app_id, application.display_name, object_id, **properties)

    def _password(self, secret, starts=-1.0, ends=365.0):
        start, end = (format_time(self.clock.from_now(days)) for days in (starts, ends))
        return PasswordCredential(str(uuid.uuid4()), secret, start, end)

    def _new_service_principal(self, app_id, display_name, object_id=None, **properties):
        object_id = object_id or str(uuid.uuid4())
        made = ServicePrincipal(object_id, app_id, display_name, **properties)
        self.directory.add_service_principal(made, History.settled(made))
        return made

    def add_resource(self, name, roles, app_id=None):
        """An API of somebody else that offers application permissions, as it stands in this tenant."""
        offered = tuple(AppRole(str(uuid.uuid4()), value) for value in roles)
        return self._new_service_principal(app_id or str(uuid.uuid4()), name, app_roles=offered)

    def requested(self, roles):
        """What a registration asks for (10 V)."""
        self._refuse_unknown(roles)
        access = [{"id": self.graph.role_id(role), "type": "Role"} for role in roles]
        return ({"resourceAppId": GRAPH_APP_ID, "resourceAccess": access},)

    def _refuse_unknown(self, roles):
        unknown = [role for role in roles if self.graph.role_id(role) is None]
        if unknown:
            raise ValueError(f"Unknown application permissions: {', '.join(unknown)}.")

    def _assignments(self, principal_id, roles):
        """Grants of application permissions of Microsoft Graph, by name."""
        self._refuse_unknown(roles)
        created = format_time(self.clock.now())
        return tuple(
            Assignment(str(uuid.uuid4()), principal_id, self.graph.object_id, self.graph.role_id(role), created)
            for role in roles
        )

    # Writing: everything below reaches replicas with their lag

    def write(self, history, state):
        """Put a new state on the primary."""
        self.changes.append((history, history.primary, state))
        history.write(state, self.clock.elapsed())

    def change(self, reference, **properties):
        """Change properties of an application, as an administrator in the portal."""
        history = self.history_of(reference)
        self.write(history, replace(history.primary, **properties))

    def change_service_principal(self, reference, **properties):
        history = self.service_principal_history(self.application(reference).app_id)
        self.write(history, replace(history.primary, **properties))

    def add_credential(self, reference, certificate, **overrides):
        """Register a certificate, as someone else in the portal."""
        entry = replace(_as_credential(certificate), **overrides)
        application = self.application(reference)
        self.change(reference, key_credentials=(*application.key_credentials, entry))
        return entry

    def remove_credential(self, reference, key_id):
        """Remove a certificate, as someone else in the portal."""
        kept = [entry for entry in self.application(reference).key_credentials if entry.key_id != key_id]
        self.change(reference, key_credentials=tuple(kept))

    def grant(self, reference, *roles):
        """Consent to application permissions of Microsoft Graph, by name."""
        self._grant(reference, self._assignments(self.service_principal(reference).object_id, roles))

    def grant_all(self, reference, resource):
        """Consent to every application permission that a resource offers."""
        principal_id, created = self.service_principal(reference).object_id, format_time(self.clock.now())
        offered = (role.id for role in resource.app_roles)
        self._grant(
            reference,
            tuple(Assignment(str(uuid.uuid4()), principal_id, resource.object_id, role, created) for role in offered),
        )

    def _grant(self, reference, granted):
        principal = self.service_principal(reference)
        self.change_service_principal(reference, assignments=(*principal.assignments, *granted))

    def enable(self, reference, enabled=True):
        """Let the application sign in, or stop it."""
        self.change_service_principal(reference, enabled=enabled)

    def limit_lifetime(self, max_lifetime, reference=None, created_after=None):
        """An app management policy (facts section 11), for the tenant or for one application; None lifts it."""
        rule = {"max_lifetime": max_lifetime, "created_after": created_after}
        if reference is None:
            self.default_policy = Policy(enabled=max_lifetime is not None, **rule)
            return
        policy = max_lifetime and Policy(str(uuid.uuid4()), "Lifetime of certificates", True, **rule)
        self.change(reference, policy=policy)

    def soft_delete(self, reference):
        """Delete an application and its service principal; both can be restored (facts section 12)."""
        self._set_deleted(reference, format_time(self.clock.now()))

    def restore(self, reference):
        self._set_deleted(reference, None)

    def _set_deleted(self, reference, when):
        self.change(reference, deleted=when)
        if self.service_principal(reference):
            self.change_service_principal(reference, deleted=when)

    def begin(self):
        """Start a request: do what has become due, forget the last request's changes."""
        self.clock.run_due()
        self.changes = []

    def later(self, seconds, action):
        """Do something once the clock has gone so far."""
        self.clock.later(seconds, action)

    def run_due(self):
        """Do what has become due since the last request."""
        self.clock.run_due()

    def take_back(self, changes):
        """Undo writes that were acknowledged but never reach the directory."""
        for history, _before, after in changes:
            history.forget(after)

    def add_elsewhere(self, before, after, to):
        """Credentials that a change added to an application, on its service principal or on another application."""
        added = tuple(entry for entry in after.key_credentials if entry not in before.key_credentials)
        if to == "service_principal":
            own = self.service_principal(after)
            self.change_service_principal(after, key_credentials=(*own.key_credentials, *added))
        else:
            self.change(to, key_credentials=(*self.application(to).key_credentials, *added))

    def revert(self, changes):
        """Undo writes that did reach the directory: what they added goes, what they removed returns."""
        for history, before, after in reversed(changes):
            self.write(history, history.primary.without_the_change(before, after))


def _as_credential(source):
    return source if hasattr(source, "key_id") else credential_of(certs.as_certificate(source))
