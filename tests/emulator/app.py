# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The web application: login service, Graph and control in one, called in process or over HTTPS."""

from __future__ import annotations

import re
import threading
import time

from werkzeug.wrappers import Request, Response

from . import access_tokens, actions, control, memory, replies, routes, rules_sign_in, rules_vault, throttling
from .calls import Call
from .errors import ConnectionFault, GraphError, ServiceError
from .log import Log


class Emulator:
    """Serves one tenant or several; a WSGI application."""

    def __init__(self, *tenants, log=None, record=None):
        self.tenants = {tenant.id: tenant for tenant in tenants}
        self.urls = set()  # where it is served, which a machine's identity may be asked a token for
        self.log = Log(log, record)
        self.loops = memory.Loops()
        self.refusals = memory.Refusals()
        self.lock = threading.RLock()

    @property
    def tenant(self):
        """The first tenant: the one that a scenario or a test is about."""
        return next(iter(self.tenants.values()))

    def tenant_named(self, name):
        """A tenant by id or domain, or None."""
        return next((one for one in self.tenants.values() if str(name).lower() in one.names()), None)

    def __call__(self, environ, start_response):
        environ["PATH_INFO"] = re.sub("//+", "/", environ.get("PATH_INFO", "/"))
        request = Request(environ)
        request.get_data(cache=True, parse_form_data=False)
        response = control.serve(self, request) if control.is_control(request.path) else self.serve(request)
        return response(environ, start_response)

    def serve(self, request):
        """One exchange. Raises ConnectionFault where the client is to get no answer."""
        started = time.perf_counter()
        with self.lock:
            call = self._call(request)
            call.tenant.begin()
            outcome = self._outcome(call)
        call.sleep()
        status = outcome.status_code if isinstance(outcome, Response) else type(outcome).__name__
        self.log.note(call, status, time.perf_counter() - started)
        if isinstance(outcome, ConnectionFault):
            raise outcome
        self.log.record(call, outcome)
        return outcome

    def serve_part(self, whole, request):
        """One request inside a batch: its own faults, units and log line."""
        part = self._call(request)
        part.is_part = True
        outcome = self._outcome(part)
        whole.delay(part.pending_delay)
        if isinstance(outcome, ConnectionFault):
            raise outcome
        self.log.note(part, outcome.status_code, 0.0)
        return outcome

    def _call(self, request):
        is_vault = routes.is_vault(request.path)
        is_sign_in = not is_vault and not routes.is_graph(request.path)
        try:
            operation, arguments = routes.match(request.method, request.path)
        except GraphError as error:
            call = Call(self, self.tenant, request, "unknown", {}, is_sign_in, is_vault)
            call.refusal = error
            return call
        tenant = self._tenant_of(request, arguments, is_sign_in)
        call = Call(self, tenant or self.tenant, request, operation, arguments, is_sign_in, is_vault)
        if tenant and is_sign_in and rules_sign_in.is_of_another_cloud(tenant, request.host):
            call.refusal = rules_sign_in.of_another_cloud(tenant, arguments["tenant"])
        if is_sign_in and tenant is None and arguments.get("tenant", "common").lower() not in rules_sign_in.TENANTLESS:
            call.refusal = rules_sign_in.unknown_tenant(arguments["tenant"])
        return call

    def _tenant_of(self, request, arguments, is_sign_in):
        if is_sign_in:
            return self.tenant_named(arguments.get("tenant", ""))
        return self.tenants.get(access_tokens.tenant_in(request))

    def _outcome(self, call):
        """The answer, or the connection fault, of one call."""
        try:
            response = self._with_faults(call)
        except ConnectionFault as fault:
            return fault
        except ServiceError as error:
            response = replies.refusal(call, error)
        return replies.with_headers(call, response)

    def _with_faults(self, call):
        faults = call.tenant.faults.take(call)
        for fault in faults:
            answer = fault.before(call)
            if answer is not None:
                return answer
        response, refusal = self._answer(call)
        for fault in faults:
            response = fault.after(call, response)
        if refusal:
            raise refusal
        return response

    def _answer(self, call):
        """What the service says, faults aside; a refusal is returned, so that faults after it still strike."""
        try:
            if call.refusal:
                raise call.refusal
            if call.is_vault:
                rules_vault.check(call)
            elif not call.is_sign_in:
                call.claims = access_tokens.check(call, call.audiences)
                call.units = throttling.resource_units(call.operation, call.method, call.query)
                call.extra_headers.update(call.tenant.throttle.charge(call, call.units))
            return routes.OPERATIONS[call.operation](call, **call.arguments), None
        except ServiceError as error:
            return None, error

    def act(self, tenant, action, arguments):
        """Change the world, as a person at the portal or the control API would."""
        return actions.perform(tenant, action, arguments)
