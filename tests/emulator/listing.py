# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OData query options of a list: which are known, which need advanced queries, how pages follow (facts section 7.3)."""

from __future__ import annotations

import base64
import binascii
import json
import re
from itertools import islice
from urllib.parse import urlencode

from .errors import GraphError, bad_request

KNOWN = {"$select", "$filter", "$top", "$count", "$skiptoken", "$orderby", "$expand", "$search"}
DEFAULT_PAGE = 100
LARGEST_PAGE = 999
EQUALS = re.compile(r"^(\w+) eq '((?:[^']|'')*)'$", re.IGNORECASE)
STARTS = re.compile(r"^startswith\((\w+),\s*'((?:[^']|'')*)'\)$", re.IGNORECASE)
FILTERABLE = {"appId": "app_id", "displayName": "display_name", "id": "object_id"}


def unsupported(message):
    return GraphError(400, "Request_UnsupportedQuery", message)


def refuse_unknown_options(query, known=frozenset(KNOWN)):
    """13: 400; an option without $ is ignored as OData allows."""
    unknown = sorted(name for name in query if name.startswith("$") and name not in known)
    if unknown:
        raise bad_request(f"The query option '{unknown[0]}' is not supported.")


def refuse_unsupported_options(query):
    """What Microsoft documents and this emulator does not serve."""
    for name in ("$orderby", "$expand", "$search"):
        if name in query:
            raise unsupported(f"The emulator does not serve {name}.")


def refuse_advanced_queries_without_header(query, headers):
    """7.3 V: $count needs ConsistencyLevel: eventual."""
    if query.get("$count", "").lower() == "true" and headers.get("ConsistencyLevel", "").lower() != "eventual":
        raise bad_request("$count is not currently supported.")


def page_size(query):
    """7.3 V: 100 by default, 999 at most."""
    text = query.get("$top", str(DEFAULT_PAGE))
    if not text.isdigit() or not 1 <= int(text) <= LARGEST_PAGE:
        raise bad_request(f"Invalid page size specified: '{text}'. Must be between 1 and {LARGEST_PAGE} inclusive.")
    return int(text)


def matcher(text):
    """A test for one object from a $filter; clauses may be joined with `and` or `or`."""
    if text is None:
        return lambda state: True
    for word, combine in ((" or ", any), (" and ", all)):
        parts = _split(text, word)
        if len(parts) > 1:
            tests = [matcher(part) for part in parts]
            return lambda state: combine(test(state) for test in tests)
    text = text.strip()
    return _clause(text[1:-1] if text.startswith("(") else text)


def _split(text, word):
    """Split at a word outside quotes."""
    return re.split(word + r"(?=(?:[^']*'[^']*')*[^']*$)", text)


def _clause(text):
    for pattern, test in ((EQUALS, str.__eq__), (STARTS, str.startswith)):
        found = pattern.match(text)
        if found:
            name, value = found.group(1), found.group(2).replace("''", "'").lower()
            if name not in FILTERABLE:
                raise unsupported(f"Unsupported or invalid query filter clause specified for property '{name}'.")
            return lambda state: test(getattr(state, FILTERABLE[name]).lower(), value)
    raise bad_request("Invalid filter clause.")


def selected(query):
    """The names in $select, or None for everything."""
    text = query.get("$select")
    if text is None:
        return None
    return [name.strip() for name in text.split(",") if name.strip()]


# Recorded list_by_app_id (2025-04) has no isDisabled, newer metadata has.
WHERE_IT_HAS_A_VALUE = {"applications": ("isDisabled",)}


def project(shape, names, collection=None):
    """Only the selected properties; an unknown one is refused."""
    if names is None:
        unsaid = WHERE_IT_HAS_A_VALUE.get(collection, ())
        return {name: value for name, value in shape.items() if value is not None or name not in unsaid}
    unknown = [name for name in names if name not in shape]
    if unknown:
        raise bad_request(f"Could not find a property named '{unknown[0]}' on the selected type.")
    derived = [name for name in ("@odata.type",) if name in shape]  # said whatever is selected
    return {name: shape[name] for name in (*derived, *names)}


def context(root, collection, names, single=False):
    """@odata.context (13)."""
    chosen = f"({','.join(names)})" if names else ""
    return f"{root}/$metadata#{collection}{chosen}{'/$entity' if single else ''}"


def page(states_after, query, headers, root, collection, shape):
    """One page of a collection, with the link to the next; `states_after` gives what follows a position, numbered."""
    refuse_unknown_options(query)
    refuse_unsupported_options(query)
    refuse_advanced_queries_without_header(query, headers)
    size, names, after = page_size(query), selected(query), _position(query.get("$skiptoken"))
    matches = matcher(query.get("$filter"))
    found = ((position, state) for position, state in states_after(after) if matches(state))
    body = {"@odata.context": context(root, collection, names)}
    if query.get("$count", "").lower() == "true" and not after:
        found = list(found)
        body["@odata.count"] = len(found)
    shown = list(islice(found, size + 1))  # one more tells whether there is a next page
    if len(shown) > size:
        body["@odata.nextLink"] = _next_link(root, collection, query, shown[size - 1][0])
    body["value"] = [project(shape(state), names, collection) for _position, state in shown[:size]]
    return body


def _next_link(root, collection, query, position):
    """7.3: opaque; it repeats the other options."""
    token = base64.urlsafe_b64encode(json.dumps({"after": position}).encode()).decode()
    options = {name: value for name, value in query.items() if name not in ("$skiptoken", "$count")}
    return f"{root}/{collection}?{urlencode({**options, '$skiptoken': token}, safe='$,')}"


def _position(token):
    if token is None:
        return 0
    try:
        return int(json.loads(base64.urlsafe_b64decode(token))["after"])
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise bad_request("The skip token is not valid.") from error
