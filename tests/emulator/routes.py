# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which address is which operation. Operation names are what faults, log and counters use."""

from __future__ import annotations

import re

from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import Map, Rule

from . import (
    batch,
    graph_applications,
    graph_keys,
    graph_principals,
    graph_tenant,
    login,
    login_device,
    machine,
    outside,
    vault_certificates,
)
from .errors import GraphError

BY_APP_ID = re.compile(r"/(applications|servicePrincipals)\(appId='([^'/]*)'\)")
ACTION = re.compile(r"/microsoft\.graph\.(addKey|removeKey)$")

LOGIN = {
    "discovery": ("GET", "/<tenant>/v2.0/.well-known/openid-configuration", login.discovery),
    "instance_discovery": ("GET", "/common/discovery/instance", login.instance_discovery),
    "signing_keys": ("GET", "/<tenant>/discovery/v2.0/keys", login.signing_keys),
    "device_code": ("POST", "/<tenant>/oauth2/v2.0/devicecode", login_device.device_code),
    "token": ("POST", "/<tenant>/oauth2/v2.0/token", login.token),
    "machine_token": ("GET", "/metadata/identity/oauth2/token", machine.token),
    "app_service_token": ("GET", "/msi/token", machine.app_service_token),
    "github_token": ("GET", "/_platforms/github/token", outside.github_token),
    "pipelines_token": ("POST", "/_platforms/pipelines/token", outside.pipelines_token),
    "token_v1": ("POST", "/<tenant>/oauth2/token", login.token),
}
APPLICATION = "/v1.0/applications/<reference>"
PRINCIPAL = "/v1.0/servicePrincipals/<reference>"
DELETED = "/v1.0/directory/deletedItems"
GRAPH = {
    "batch": ("POST", "/v1.0/$batch", batch.run),
    "list_applications": ("GET", "/v1.0/applications", graph_applications.list_applications),
    "post_application": ("POST", "/v1.0/applications", graph_applications.post_application),
    "count_applications": ("GET", "/v1.0/applications/$count", graph_applications.count_applications),
    "get_application": ("GET", APPLICATION, graph_applications.get_application),
    "patch_application": ("PATCH", APPLICATION, graph_applications.patch_application),
    "delete_application": ("DELETE", APPLICATION, graph_applications.delete_application),
    "add_key": ("POST", f"{APPLICATION}/addKey", graph_keys.add_key),
    "remove_key": ("POST", f"{APPLICATION}/removeKey", graph_keys.remove_key),
    "get_key_credentials": ("GET", f"{APPLICATION}/keyCredentials", graph_applications.get_key_credentials),
    "get_application_policies": ("GET", f"{APPLICATION}/appManagementPolicies", graph_tenant.get_application_policies),
    "list_service_principals": ("GET", "/v1.0/servicePrincipals", graph_principals.list_service_principals),
    "post_service_principal": ("POST", "/v1.0/servicePrincipals", graph_principals.post_service_principal),
    "get_service_principal": ("GET", PRINCIPAL, graph_principals.get_service_principal),
    "patch_service_principal": ("PATCH", PRINCIPAL, graph_principals.patch_service_principal),
    "get_app_role_assignments": ("GET", f"{PRINCIPAL}/appRoleAssignments", graph_principals.get_app_role_assignments),
    "post_app_role_assignment": ("POST", f"{PRINCIPAL}/appRoleAssignments", graph_principals.post_app_role_assignment),
    "post_app_role_assigned_to": ("POST", f"{PRINCIPAL}/appRoleAssignedTo", graph_principals.post_app_role_assignment),
    "delete_app_role_assignment": (
        "DELETE",
        f"{PRINCIPAL}/appRoleAssignments/<assignment>",
        graph_principals.delete_app_role_assignment,
    ),
    "get_organization": ("GET", "/v1.0/organization", graph_tenant.get_organization),
    "get_default_policy": ("GET", "/v1.0/policies/defaultAppManagementPolicy", graph_tenant.get_default_policy),
    "list_deleted_applications": (
        "GET",
        f"{DELETED}/microsoft.graph.application",
        graph_applications.list_deleted_applications,
    ),
    "restore_application": ("POST", f"{DELETED}/<reference>/restore", graph_applications.restore_application),
}
CERTIFICATE = "/certificates/<name>"
DELETED_CERTIFICATE = "/deletedcertificates/<name>"
VAULT = {
    "create_certificate": ("POST", f"{CERTIFICATE}/create", vault_certificates.create_certificate),
    "import_certificate": ("POST", f"{CERTIFICATE}/import", vault_certificates.import_certificate),
    "get_pending": ("GET", f"{CERTIFICATE}/pending", vault_certificates.get_pending),
    "delete_pending": ("DELETE", f"{CERTIFICATE}/pending", vault_certificates.delete_pending),
    "merge_certificate": ("POST", f"{CERTIFICATE}/pending/merge", vault_certificates.merge_certificate),
    "list_versions": ("GET", f"{CERTIFICATE}/versions", vault_certificates.list_versions),
    "get_latest_certificate": ("GET", CERTIFICATE, vault_certificates.get_certificate),
    "get_certificate": ("GET", f"{CERTIFICATE}/<version>", vault_certificates.get_certificate),
    "update_certificate": ("PATCH", f"{CERTIFICATE}/<version>", vault_certificates.update_certificate),
    "delete_certificate": ("DELETE", CERTIFICATE, vault_certificates.delete_certificate),
    "get_deleted_certificate": ("GET", DELETED_CERTIFICATE, vault_certificates.get_deleted_certificate),
    "recover_certificate": ("POST", f"{DELETED_CERTIFICATE}/recover", vault_certificates.recover_certificate),
    "purge_certificate": ("DELETE", DELETED_CERTIFICATE, vault_certificates.purge_certificate),
    "get_latest_key": ("GET", "/keys/<name>", vault_certificates.get_key),
    "get_key": ("GET", "/keys/<name>/<version>", vault_certificates.get_key),
    "sign_with_key": ("POST", "/keys/<name>/<version>/sign", vault_certificates.sign_with_key),
}
OPERATIONS = {name: function for name, (_method, _path, function) in {**LOGIN, **GRAPH, **VAULT}.items()}


def _map(table):
    rules = [Rule(path, endpoint=name, methods=[method]) for name, (method, path, _function) in table.items()]
    return Map(rules, strict_slashes=False, merge_slashes=False).bind("")


_LOGIN_MAP, _GRAPH_MAP, _VAULT_MAP = _map(LOGIN), _map(GRAPH), _map(VAULT)


def is_graph(path):
    return path == "/v1.0" or path.startswith("/v1.0/")


def is_vault(path):
    """A vault has addresses of its own; `certificates` is no tenant's name."""
    return path.startswith(("/certificates/", "/keys/", "/deletedcertificates/"))


def match(method, path):
    """The operation's name and its arguments; a GraphError for an address that does not exist."""
    table = _VAULT_MAP if is_vault(path) else _GRAPH_MAP if is_graph(path) else _LOGIN_MAP
    path = ACTION.sub(r"/\1", BY_APP_ID.sub(r"/\1/appId:\2", path))
    try:
        return table.match(path, method="GET" if method == "HEAD" else method)
    except MethodNotAllowed as error:
        message = "Specified HTTP method is not allowed for the request target."
        raise GraphError(405, "Request_BadRequest", message) from error
    except NotFound as error:
        segment = path.rstrip("/").rsplit("/", 1)[-1]
        raise GraphError(400, "BadRequest", f"Resource not found for the segment '{segment}'.") from error
