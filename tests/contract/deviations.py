# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where Microsoft's OpenAPI file and the service differ (facts section 15): one table, applied before validation.

Nothing else is relaxed. An entry is a reason and a function that corrects the loaded document.
"""

from __future__ import annotations

import copy

SERVER = "https://graph.microsoft.com/v1.0"


def name_the_server_without_a_slash(document):
    document["servers"] = [{"url": SERVER}]


def leave_binary_formats_open(document):
    properties = document["components"]["schemas"]["microsoft.graph.keyCredential"]["properties"]
    password = document["components"]["schemas"]["microsoft.graph.passwordCredential"]["properties"]
    for schema in (*properties.values(), *password.values()):
        if schema.get("format") == "base64url":
            del schema["format"]


def answer_patch_with_204(document):
    for operations in document["paths"].values():
        if "patch" in operations:
            responses = operations["patch"]["responses"]
            operations["patch"]["responses"] = {"204": {"description": "done"}, "default": responses["default"]}


def let_password_credential_be_null(document):
    for path, operations in document["paths"].items():
        if path.endswith("/addKey"):
            schema = operations["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"]
            schema["passwordCredential"] = {"nullable": True, "type": "object"}


def spell_actions_both_ways(document):
    for path in list(document["paths"]):
        for action in ("addKey", "removeKey"):
            if path.endswith(f"/{action}"):
                long_path = path.replace(f"/{action}", f"/microsoft.graph.{action}")
                operations = copy.deepcopy(document["paths"][path])
                operations["post"]["operationId"] += "_long"
                document["paths"][long_path] = operations


def let_parts_of_an_application_be_null(document):
    properties = _properties(document["components"]["schemas"]["microsoft.graph.application"])
    for name in (
        "certification",
        "optionalClaims",
        "requestSignatureVerification",
        "servicePrincipalLockConfiguration",
    ):
        properties[name] = {"nullable": True, "type": "object"}


def _properties(schema):
    return next(part["properties"] for part in schema["allOf"] if "properties" in part)


DEVIATIONS = (
    (
        "The excerpt's server ends in a slash, which doubles the one in front of each path.",
        name_the_server_without_a_slash,
    ),
    ("Binary fields carry standard base64 or hex text, not base64url.", leave_binary_formats_open),
    ("PATCH answers 204 without a body, not 2XX with one.", answer_patch_with_204),
    ("passwordCredential of addKey is nullable in the CSDL; OpenAPI lost that.", let_password_credential_be_null),
    ("Recorded answers (tests/recorded) have null in them; OpenAPI lost that.", let_parts_of_an_application_be_null),
    ("Actions may be spelled microsoft.graph.addKey; the excerpt has the short form.", spell_actions_both_ways),
)

# Addresses of the service that the excerpt leaves out: their answers are checked against the CSDL alone.
UNDESCRIBED = (
    ("GET", r"/applications/\$count", "a number as text"),
    ("GET", r"/applications/[^/]+/keyCredentials", "Microsoft's rotation guide, facts 1.2"),
    ("GET", r"/directory/deletedItems/microsoft\.graph\.application", "facts 12"),
    ("POST", r"/directory/deletedItems/[^/]+/restore", "facts 12"),
    ("POST", r"/servicePrincipals/[^/]+/appRoleAssignedTo", "facts 10"),
    ("POST", r"/\$batch", "facts 7.2: the parts are checked one by one"),
)

# $skiptoken stands only inside nextLink, which clients follow as it is.
OPTIONS_OF_LINKS = {"$skiptoken"}


def apply_to(document):
    """The document with every deviation corrected."""
    corrected = copy.deepcopy(document)
    for _reason, correct in DEVIATIONS:
        correct(corrected)
    return corrected
