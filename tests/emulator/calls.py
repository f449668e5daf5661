# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One request under way: what a rule or an operation may ask about it, and how it answers."""

from __future__ import annotations

import json
import time
import uuid
from functools import cached_property

from werkzeug.wrappers import Response

from . import clouds, users, vaults
from .errors import GraphError, bad_request
from .model import GRAPH_APP_ID

GRAPH_TYPE = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"


class Call:
    """A request on its way through the service."""

    def __init__(self, emulator, tenant, request, operation, arguments, is_sign_in, is_vault=False):
        self.emulator = emulator
        self.tenant = tenant
        self.request = request
        self.operation = operation
        self.arguments = arguments
        self.is_sign_in = is_sign_in
        self.is_vault = is_vault
        self.claims = {}
        self.units = 0
        self.request_id = str(uuid.uuid4())
        self.pending_delay = 0.0
        self.date_offset = 0.0  # how far the Date header of the answer lies
        self.is_part = False  # of a batch
        self.location = None
        self.refusal = None  # known before any rule is asked: an address or tenant that does not exist
        self.extra_headers = {}

    # What was asked

    @property
    def method(self):
        return self.request.method

    @property
    def headers(self):
        return self.request.headers

    @property
    def host(self):
        return self.request.host

    @property
    def root(self):
        return f"https://{self.host}/v1.0"

    @property
    def vault(self):
        """The key vault that is asked, or None where there is none."""
        return self.tenant.vaults.at(self.host) if self.is_vault else None

    @property
    def login_host(self):
        """Where to sign in: one port serves all over HTTPS, names tell them apart in process."""
        return self.host if vaults.resource_of(self.host) not in vaults.RESOURCES else "login.microsoftonline.com"

    @property
    def audiences(self):
        """The resource names that stand for this Graph."""
        return {*self.emulator.urls, f"https://{self.host}", clouds.graph_url(self.tenant.cloud), GRAPH_APP_ID}

    @cached_property
    def query(self):
        return self.request.args.to_dict()

    @cached_property
    def form(self):
        return self.request.form.to_dict()

    @cached_property
    def body(self):
        """The JSON object in the body, or 400."""
        try:
            body = json.loads(self.request.get_data() or b"{}")
        except ValueError as error:
            raise GraphError(400, "BadRequest", "Unable to read JSON request payload.") from error
        if not isinstance(body, dict):
            raise bad_request("A JSON object is expected.")
        return body

    @cached_property
    def view(self):
        """The replica that answers this read."""
        return self.tenant.reads.next()

    @property
    def correlation_id(self):
        return self.headers.get("client-request-id", self.request_id)

    # Who asks

    @property
    def app_id(self):
        """The caller: from the token at Graph, from the form at the login service."""
        return self.claims.get("appid") or (self.form.get("client_id") if self.is_sign_in else None)

    @property
    def user(self):
        """The person on whose behalf a client asks, or None."""
        return self.tenant.user_of(self.claims["oid"]) if self.claims.get("idtyp") == "user" else None

    @property
    def roles(self):
        """What the caller may do at Graph, app-only or delegated."""
        if self.user:
            return users.permissions(self.user, self.claims["scp"].split())
        return set(self.claims.get("roles", ()))

    # What faults need

    def concerns(self, reference):
        """Whether this request is about, or made by, an application."""
        history = self.tenant.directory.find(reference)
        if history is None or history.primary is None:
            return False
        state = history.primary
        subject = str(self.arguments.get("reference", "")).removeprefix("appId:").lower()
        return subject in (state.object_id, state.app_id) or (self.is_sign_in and self.app_id == state.app_id)

    def act(self, action, arguments):
        """Someone else's deed at this moment; it is no change of this request."""
        own = self.tenant.changes
        self.tenant.changes = []
        self.emulator.act(self.tenant, action, arguments)
        self.tenant.changes = own

    def delay(self, seconds):
        """Let the answer, or the silence, take so long."""
        self.pending_delay += seconds

    def sleep(self):
        """Wait outside the lock; the adapter of unit tests advances the clock instead."""
        if self.pending_delay:
            self.request.environ.get("emulator.sleep", time.sleep)(self.pending_delay)

    # How it answers

    def json(self, body, status=200):
        content_type = "application/json; charset=utf-8" if self.is_sign_in or self.is_vault else GRAPH_TYPE
        return Response(json.dumps(body), status, content_type=content_type)

    def locate(self, path):
        """13 V: the address that the answer to a POST names; it leaves the API, and is not to be followed."""
        self.location = f"https://{self.host}/{path}".rstrip("/")

    def text(self, text):
        return Response(text, content_type="text/plain")

    def empty(self):
        """13 V, recorded patch_key_credentials: no body, no Content-Type."""
        response = Response(status=204)
        del response.headers["Content-Type"]
        return response

    def html(self, status):
        page = "<!DOCTYPE html><html><head><title>Gateway</title></head><body><h1>Our services are not available</h1>"
        return Response(page + "</body></html>", status, content_type="text/html; charset=utf-8")

    @staticmethod
    def conflict(message):
        return GraphError(409, "Request_MultipleObjectsWithSameKeyValue", message)
