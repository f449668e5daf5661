# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""As much of a controller's interface as its command-line client needs for an import, with its rules in force."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from pathlib import Path

from engines import controller_rules as rules
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

TEXT = {"type": "string"}
REFERENCE = {"type": "id"}
COMMON = {"name": TEXT, "description": TEXT}
TEMPLATE = dict.fromkeys(("inventory", "project", "execution_environment"), REFERENCE) | dict.fromkeys(
    ("job_type", "playbook", "forks", "job_slice_count", "survey_enabled", "ask_job_type_on_launch"), TEXT
)
SOURCE = dict.fromkeys(
    ("inventory", "source_project", "credential", "execution_environment"), REFERENCE
) | dict.fromkeys(("source", "source_path", "overwrite", "overwrite_vars", "update_on_launch"), TEXT)
# Resource → type of its objects, and what a new one is made of beside a name and a description.
RESOURCES = {
    "organizations": ("organization", {}),
    "credential_types": ("credential_type", dict.fromkeys(("kind", "inputs", "injectors"), TEXT)),
    "credentials": ("credential", {"organization": REFERENCE, "credential_type": REFERENCE, "inputs": TEXT}),
    "execution_environments": ("execution_environment", {"image": TEXT, "pull": TEXT}),
    "projects": (
        "project",
        {"organization": REFERENCE, "scm_type": TEXT, "scm_url": TEXT, "scm_update_on_launch": TEXT},
    ),
    "inventories": ("inventory", {"organization": REFERENCE, "variables": TEXT}),
    "inventory_sources": ("inventory_source", SOURCE),
    "job_templates": ("job_template", TEMPLATE),
    "schedules": ("schedule", {"unified_job_template": REFERENCE, "rrule": TEXT, "enabled": TEXT, "extra_data": TEXT}),
}
# What the client asks for because it knows of it; nothing here is of these kinds.
EMPTY = ("users", "teams", "notification_templates", "workflow_job_templates", "applications", "system_job_templates")
# A client finds the address of an inventory's resource by this name.
NAMES = {"inventories": "inventory"}
PROJECT = Path(__file__).resolve().parents[2] / "docs" / "examples" / "engines" / "project"


class Controller:
    """Objects by resource, and what was done to them: a WSGI application."""

    def __init__(self):
        self.objects = {resource: {} for resource in RESOURCES}
        self.surveys, self.attached, self.posted = {}, {}, 0
        self._add("organizations", {"name": "Default"})

    def __call__(self, environ, start_response):
        request = Request(environ)
        try:
            status, body = self._answer(request)
        except rules.Refused as refused:
            status, body = 400, {"error": str(refused)}
        text = "" if body is None else json.dumps(body)
        headers = {"Allow": "GET, POST, PUT, OPTIONS", "Content-Type": "application/json"}
        return Response(text, status, headers)(environ, start_response)

    def _answer(self, request):
        parts = request.path.strip("/").split("/")[2:]
        if request.path == "/api/":
            return 200, {"available_versions": {"v2": "/api/v2/"}, "current_version": "/api/v2/"}
        if not parts:
            return 200, {NAMES.get(name, name): f"/api/v2/{name}/" for name in (*RESOURCES, *EMPTY)}
        body = json.loads(request.get_data() or b"{}")
        if len(parts) == 1:
            return self._collection(request, parts[0], body)
        found = self.objects[parts[0]][int(parts[1])]
        if len(parts) == 2:
            return self._object(request, parts[0], found, body)
        return self._related(request, parts[0], found, parts[2], body)

    def _collection(self, request, resource, body):
        if request.method == "OPTIONS":
            return 200, {"actions": {"POST": COMMON | RESOURCES[resource][1] if resource in RESOURCES else COMMON}}
        if request.method == "POST":
            return 201, self._add(resource, body)
        chosen = [
            one
            for one in self.objects.get(resource, {}).values()
            if all(one.get(name) == value for name, value in request.args.items() if name in ("name", "kind"))
        ]
        return 200, page(chosen)

    def _object(self, request, resource, found, body):
        if request.method == "PUT":
            self._check(resource, found | body)
            found.update(body)
        return 200, found

    def _related(self, request, resource, found, name, body):
        key = found["url"]
        if name == "survey_spec":
            rules.check_survey(body)
            self.surveys[key] = body
            return 200, {}
        if name == "credentials":
            if request.method == "POST":
                self.attached.setdefault(key, set()).add(self.objects["credentials"][body["id"]]["name"])
                return 204, None
            return 200, page(
                [one for one in self.objects["credentials"].values() if one["name"] in self.attached.get(key, ())]
            )
        if request.method == "POST":
            rules.check_answers(self.surveys.get(key), body.get("extra_data", {}))
            return 201, self._add(name, body | {"unified_job_template": found["id"]}, {"unified_job_template": key})
        if request.method == "OPTIONS":
            return 200, {"actions": {"POST": COMMON | RESOURCES[name][1]}}
        return 200, page([one for one in self.objects[name].values() if one["unified_job_template"] == found["id"]])

    def _add(self, resource, body, related=None):
        self._check(resource, body)
        kind, fields = RESOURCES[resource]
        number = 1 + sum(map(len, self.objects.values()))
        url = f"/api/v2/{resource}/{number}/"
        related = dict(related or {})
        for name, described in fields.items():
            if described is REFERENCE and body.get(name) and name not in related:
                related[name] = self._url_of(body[name])
        if kind in ("job_template", "inventory_source"):
            owner = self._by_id(body["project" if kind == "job_template" else "inventory"])
            related["organization"] = self._url_of(owner["organization"])
            related["schedules"] = f"{url}schedules/"
        if kind == "job_template":
            related |= {name: f"{url}{name}/" for name in ("survey_spec", "credentials")}
        made = {"id": number, "type": kind, "url": url, "related": related, "status": "successful", **body}
        self.objects[resource][number] = made
        self.posted += 1
        return made

    def _check(self, resource, body):
        rules.require(body.get("name"), "a name is wanted")
        if resource == "credential_types":
            rules.check_credential_type(body["inputs"], body["injectors"])
        elif resource == "credentials":
            kind = self._by_id(body["credential_type"])
            known = {field["id"] for field in kind["inputs"]["fields"]}
            rules.require(set(body["inputs"]) <= known, "an input that the type does not have")
        elif resource == "job_templates":
            rules.require(self._by_id(body["inventory"]), "an inventory is wanted")
            rules.require((PROJECT / body["playbook"]).is_file(), f"{body['playbook']} is not in the project")
        elif resource == "inventory_sources":
            rules.require((PROJECT / body["source_path"]).is_file(), f"{body['source_path']} is not in the project")
            kind = self._by_id(self._by_id(body["credential"])["credential_type"])["kind"]
            rules.require(kind not in ("ssh", "scm", "vault", "insights"), f"no credential of kind {kind}")
        elif resource == "schedules":
            rules.check_rrule(body["rrule"])

    def _by_id(self, number):
        return next((found[number] for found in self.objects.values() if number in found), None)

    def _url_of(self, number):
        found = self._by_id(number)
        rules.require(found, f"there is no object {number}")
        return found["url"]


def page(results):
    return {"count": len(results), "next": None, "previous": None, "results": results}


class Quiet(WSGIRequestHandler):
    def log(self, *_message):
        """Says nothing."""


@contextmanager
def serving(controller):
    """The address of the controller, for as long as the block runs."""
    server = make_server("127.0.0.1", 0, controller, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
