# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The control API below /_control/: what tests and people use to bend the world; never part of the service itself."""

from __future__ import annotations

import json
from email.utils import format_datetime

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Response

from . import scenario
from .actions import ACTIONS

PREFIX = "/_control"


def is_control(path):
    return path == PREFIX or path.startswith(PREFIX + "/")


def ready(emulator, tenant, body):
    """That it serves, for whom, and what time it believes it is."""
    tenants = [{"id": one.id, "domain": one.domain} for one in emulator.tenants.values()]
    return {"ready": True, "now": tenant.clock.now().isoformat(), "skew": tenant.clock.skew, "tenants": tenants}


def act(emulator, tenant, body, name):
    """Any action of actions.py, its arguments as a JSON object."""
    return emulator.act(tenant, name, body)


def list_actions(emulator, tenant, body):
    return {name: function.__doc__ for name, function in ACTIONS.items()}


def list_faults(emulator, tenant, body):
    """The faults that still wait."""
    waiting = [
        {"id": one.id, "kind": one.kind, "match": one.match, "times": one.times} for one in tenant.faults.waiting
    ]
    return {"faults": waiting}


def list_applications(emulator, tenant, body):
    """The first hundred, with what a test needs to address them."""
    states = [history.primary for history in list(tenant.directory.applications.values())[:100]]
    return {"applications": [_summary(state) for state in states if state]}


def add_application(emulator, tenant, body):
    """An application as a scenario describes it; answers with its private keys, so that a test can keep them."""
    state, pairs = scenario.add_application(tenant, body)
    return {**_summary(state), "certificates": [scenario.described(pair) for pair in pairs]}


def get_application(emulator, tenant, body, reference):
    return _summary(tenant.application(reference))


def registered(emulator, tenant, body, reference):
    """The truth: what is registered on the primary, and what each directory replica shows."""
    truth = tenant.oracle.registered(reference)
    return {"registered": truth, "thumbprints": list(truth.values()), "shown": tenant.oracle.shown(reference)}


def sign_in(emulator, tenant, body, reference, thumbprint):
    """Whether a certificate signs in: on the primary, at every token replica, at the slowest."""
    verdict = tenant.oracle.sign_in(reference, thumbprint)
    return {
        "primary": verdict.primary,
        "replicas": verdict.replicas,
        "slowest": verdict.everywhere,
        "reasons": verdict.reasons,
    }


def read_log(emulator, tenant, body, since=0):
    return {"lines": emulator.log.lines[since:], "mark": len(emulator.log.lines)}


def count(emulator, tenant, body, since=0):
    """Requests by operation and by status since a mark, in total, and what they cost."""
    return {**emulator.log.counters(since), "mark": len(emulator.log.lines)}


def _summary(state):
    return {
        "app_id": state.app_id,
        "object_id": state.object_id,
        "display_name": state.display_name,
        "key_ids": [entry.key_id for entry in state.key_credentials],
    }


ROUTES = (
    ("GET", "/", ready),
    ("GET", "/actions", list_actions),
    ("POST", "/actions/<name>", act),
    ("GET", "/faults", list_faults),
    ("GET", "/applications", list_applications),
    ("POST", "/applications", add_application),
    ("GET", "/applications/<reference>", get_application),
    ("GET", "/oracle/<reference>", registered),
    ("GET", "/oracle/<reference>/<thumbprint>", sign_in),
    ("GET", "/log", read_log),
    ("GET", "/log/<int:since>", read_log),
    ("GET", "/counters", count),
    ("GET", "/counters/<int:since>", count),
)
_MAP = Map(
    [Rule(PREFIX + path, endpoint=function, methods=[method]) for method, path, function in ROUTES],
    strict_slashes=False,
).bind("")


def serve(emulator, request):
    """One control request; a mistake is answered with 400 and a sentence."""
    tenant = emulator.tenant_named(request.args["tenant"]) if "tenant" in request.args else emulator.tenant
    try:
        function, arguments = _MAP.match(request.path, method=request.method)
        with emulator.lock:
            tenant.run_due()
            answer = function(emulator, tenant, json.loads(request.get_data() or b"{}"), **arguments)
        response = Response(json.dumps(answer), content_type="application/json")
    except HTTPException as error:
        response = Response(json.dumps({"error": error.description}), error.code, content_type="application/json")
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        response = Response(json.dumps({"error": str(error)}), 400, content_type="application/json")
    response.headers["Date"] = format_datetime(emulator.tenant.clock.now().replace(microsecond=0), usegmt=True)
    return response
