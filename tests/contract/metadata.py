# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entities against Microsoft's metadata (CSDL): every property is one that the type has, and of its type.

The CSDL, newer than the OpenAPI file (facts section 15), is turned into JSON Schema, which jsonschema validates.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

from jsonschema import Draft202012Validator

DOCUMENT = Path(__file__).parent / "data" / "graph-v1.0-applications.csdl"
EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
GUID = "^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$"
PRIMITIVES = {
    "Edm.String": {"type": "string"},
    "Edm.Guid": {"type": "string", "pattern": GUID},
    "Edm.Boolean": {"type": "boolean"},
    "Edm.Int32": {"type": "integer"},
    "Edm.Int64": {"type": "integer"},
    "Edm.Binary": {"type": "string", "pattern": "^[0-9A-Za-z+/=]*$"},
    "Edm.Date": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"},
    "Edm.Duration": {"type": "string", "pattern": "^P"},
    "Edm.Stream": {},
}
DATE = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,12})?"
SENT = {"Edm.DateTimeOffset": {"type": "string", "pattern": DATE + r"(Z|[+-]\d\d:\d\d)$"}}
ANSWERED = {"Edm.DateTimeOffset": {"type": "string", "pattern": DATE + "Z$"}}  # always in UTC
# The excerpt holds only the properties of these that it needs.
MINIMAL = {"organization", "directory"}

# Which type an address answers with; a list answers with many in `value`.
ANSWERS = (
    (r"/applications", "application"),
    (r"/applications(/[^/]+|\([^/]+\))", "application"),
    (r"/applications(/[^/]+|\([^/]+\))/keyCredentials", "keyCredential"),
    (r"/applications(/[^/]+|\([^/]+\))/(microsoft\.graph\.)?addKey", "keyCredential"),
    (r"/applications(/[^/]+|\([^/]+\))/appManagementPolicies", "appManagementPolicy"),
    (r"/servicePrincipals", "servicePrincipal"),
    (r"/servicePrincipals(/[^/]+|\([^/]+\))", "servicePrincipal"),
    (r"/servicePrincipals/[^/]+/appRole(Assignments|AssignedTo)", "appRoleAssignment"),
    (r"/organization", "organization"),
    (r"/policies/defaultAppManagementPolicy", "tenantAppManagementPolicy"),
    (r"/directory/deletedItems/microsoft\.graph\.application", "application"),
    (r"/directory/deletedItems/[^/]+/restore", "application"),
)


def problems(exchange):
    """What the metadata has against a successful answer."""
    name = type_of(exchange.path.removeprefix("/v1.0"))
    if name is None or exchange.status >= 400 or not isinstance(exchange.body, dict):
        return []
    values = exchange.body["value"] if isinstance(exchange.body.get("value"), list) else [exchange.body]
    return [problem for value in values for problem in _problems_of(name, value, "answered")]


def request_problems(exchange):
    """What the metadata has against the entities in a request."""
    sent, relative = exchange.request_body, exchange.path.removeprefix("/v1.0")
    if not isinstance(sent, dict):
        return []
    if exchange.method == "PATCH":
        return _problems_of(type_of(relative), sent, "sent") if type_of(relative) else []
    return _problems_of("keyCredential", sent.get("keyCredential"), "sent") if relative.endswith("addKey") else []


def type_of(relative):
    return next((name for pattern, name in ANSWERS if re.fullmatch(pattern, relative)), None)


def _problems_of(name, value, direction):
    return [
        f"metadata: {name}{''.join(f'[{step!r}]' for step in error.absolute_path)}: {error.message}"
        for error in _validator(name, direction).iter_errors(value)
    ]


@cache
def _validator(name, direction):
    primitives = {**PRIMITIVES, **(SENT if direction == "sent" else ANSWERED)}
    schema = {"$ref": f"#/$defs/{name}", "$defs": {**_definitions(), **primitives}}
    return Draft202012Validator(schema)


@cache
def _definitions():
    schema = ElementTree.parse(DOCUMENT).getroot().find(f".//{EDM}Schema")
    types = {node.get("Name"): node for kind in ("EntityType", "ComplexType") for node in schema.iter(EDM + kind)}
    enums = {node.get("Name"): _enum(node) for node in schema.iter(f"{EDM}EnumType")}
    return {**enums, **{name: _object(name, types) for name in types}}


def _enum(node):
    return {"enum": [member.get("Name") for member in node.iter(f"{EDM}Member")]}


def _object(name, types):
    """Known properties only; OData annotations are no properties."""
    made = {"type": "object", "properties": _properties(name, types), "patternProperties": {"@": {}}}
    if name not in MINIMAL:
        made["additionalProperties"] = False
    return made


def _properties(name, types):
    """A type's own properties and those of the types it is based on."""
    node = types[name]
    base = (node.get("BaseType") or "").removeprefix("graph.")
    inherited = _properties(base, types) if base else {}
    own = {one.get("Name"): _property(one) for one in node if one.tag in (f"{EDM}Property", f"{EDM}NavigationProperty")}
    return {**inherited, **own}


def _property(node):
    text = node.get("Type")
    inner = re.fullmatch(r"Collection\((.*)\)", text)
    if inner:
        return {"type": "array", "items": _reference(inner.group(1))}
    if node.get("Nullable") == "false":
        return _reference(text)
    return {"anyOf": [_reference(text), {"type": "null"}]}


def _reference(text):
    return {"$ref": f"#/$defs/{text.removeprefix('graph.')}"}
