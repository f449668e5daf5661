# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The web application: login service, Graph and control in one, called in process or over HTTPS."""

from __future__ import annotations

import json
import re
import threading
import time
from email.utils import format_datetime

import jwt
from werkzeug.wrappers import Request, Response

from . import actions, control, login, routes, rules_sign_in, throttling
from .calls import Call
from .errors import ConnectionFault, GraphError, ServiceError, SignInError
from .log import Log
from .model import GRAPH_APP_ID

GRAPH_URLS = ("https://graph.microsoft.com", "https://graph.microsoft.com/", GRAPH_APP_ID)


class Emulator:
    """Serves one tenant or several; a WSGI application."""

    def __init__(self, *tenants, log=None, record=None):
        self.tenants = {tenant.id: tenant for tenant in tenants}
        self.graph_urls = set(GRAPH_URLS)
        self.log = Log(log, record)
        self.loops = login.Loops()
        self.refusals = login.Refusals()
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
        outcome = self._outcome(part)
        whole.delay(part.pending_delay)
        if isinstance(outcome, ConnectionFault):
            raise outcome
        self.log.note(part, outcome.status_code, 0.0)
        return outcome

    def _call(self, request):
        is_sign_in = not routes.is_graph(request.path)
        try:
            operation, arguments = routes.match(request.method, request.path)
        except GraphError as error:
            call = Call(self, self.tenant, request, "unknown", {}, is_sign_in)
            call.refusal = error
            return call
        tenant = self._tenant_of(request, arguments, is_sign_in)
        call = Call(self, tenant or self.tenant, request, operation, arguments, is_sign_in)
        if tenant is None and arguments.get("tenant", "common").lower() not in rules_sign_in.TENANTLESS:
            call.refusal = rules_sign_in.unknown_tenant(arguments["tenant"])
        return call

    def _tenant_of(self, request, arguments, is_sign_in):
        if is_sign_in:
            return self.tenant_named(arguments.get("tenant", ""))
        return self.tenants.get(_unverified_tenant(request))

    def _outcome(self, call):
        """The answer, or the connection fault, of one call."""
        try:
            response = self._with_faults(call)
        except ConnectionFault as fault:
            return fault
        except ServiceError as error:
            response = _refusal(call, error)
        return _with_headers(call, response)

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
            if not call.is_sign_in:
                call.claims = _authenticate(call)
                call.units = throttling.resource_units(call.operation, call.method, call.query)
                call.extra_headers.update(call.tenant.throttle.charge(call, call.units))
            return routes.OPERATIONS[call.operation](call, **call.arguments), None
        except ServiceError as error:
            return None, error

    def act(self, tenant, action, arguments):
        """Change the world, as a person at the portal or the control API would."""
        return actions.perform(tenant, action, arguments)


def _unverified_tenant(request):
    text = request.headers.get("Authorization", "").removeprefix("Bearer ")
    try:
        return jwt.decode(text, options={"verify_signature": False}).get("tid")
    except jwt.InvalidTokenError:
        return None


def invalid_token(message):
    return GraphError(401, "InvalidAuthenticationToken", message)


def _authenticate(call):
    """The claims of the access token, or 401 (13 P)."""
    scheme, _space, text = call.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not text:
        raise invalid_token("Access token is empty.")
    options = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}
    try:
        claims = jwt.decode(text, login.signing_key().public_key(), algorithms=["RS256"], options=options)
    except jwt.InvalidTokenError as error:
        raise invalid_token("Access token validation failure. Invalid signature.") from error
    if claims["tid"] not in call.emulator.tenants:
        raise invalid_token("Access token validation failure. Invalid tenant.")
    if claims["aud"].rstrip("/") not in call.audiences:
        raise invalid_token("Access token validation failure. Invalid audience.")
    if claims["exp"] <= call.tenant.clock.now().timestamp():
        raise invalid_token("Lifetime validation failed, the token is expired.")
    return claims


def _refusal(call, error):
    """An error as the service in question words it."""
    now = call.tenant.clock.now()
    if isinstance(error, SignInError):
        old = call.tenant.switches.old_separators
        body = login.error_body(error, now, call.request_id, call.correlation_id, old)
        response = call.json(body, error.status)
    else:
        body = _graph_error(call, error, now)
        response = Response(json.dumps(body), error.status, content_type="application/json")
    response.headers.extend(error.headers)
    return response


def _graph_error(call, error, now):
    """13 V."""
    inner = {"date": f"{now:%Y-%m-%dT%H:%M:%S}", "request-id": call.request_id}
    body = {
        "code": error.code,
        "message": error.message,
        "innerError": {**inner, "client-request-id": call.correlation_id},
    }
    if error.details:
        body["details"] = error.details
    return {"error": body}


def _with_headers(call, response):
    """13 V: on every reply."""
    headers = response.headers
    headers["Date"] = format_datetime(call.tenant.clock.now().replace(microsecond=0), usegmt=True)
    headers["Strict-Transport-Security"] = "max-age=31536000"
    if call.is_sign_in:
        headers["x-ms-request-id"] = call.request_id
        headers["Cache-Control"] = "no-store, no-cache"
        return response
    headers["request-id"] = call.request_id
    headers["client-request-id"] = call.correlation_id
    headers["x-ms-ags-diagnostic"] = '{"ServerInfo":{"DataCenter":"Emulator","Slice":"E","Ring":"1","ScaleUnit":"000"}}'
    headers["x-ms-resource-unit"] = str(max(1, call.units))
    headers["OData-Version"] = "4.0"
    headers["Cache-Control"] = "no-cache"
    headers.update(call.extra_headers)
    return response
