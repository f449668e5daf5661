# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a tenant lives: national clouds as a table of hosts. A private cloud or the emulator is one more row.

Source: "National cloud deployments" of Microsoft Graph, "National clouds" of the identity platform.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t
import urllib.parse
from dataclasses import dataclass


@dataclass(frozen=True)
class Cloud:
    """The sign-in host and the root of Microsoft Graph, without a version and without a slash at the end."""

    authority_host: str
    graph_url: str

    @property
    def graph_scope(self) -> str:
        return f"{self.graph_url}/.default"


CLOUDS: dict[str, Cloud] = {
    "public": Cloud("https://login.microsoftonline.com", "https://graph.microsoft.com"),
    "us_government": Cloud("https://login.microsoftonline.us", "https://graph.microsoft.us"),
    "us_government_dod": Cloud("https://login.microsoftonline.us", "https://dod-graph.microsoft.us"),
    "china": Cloud("https://login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn"),
    # The sovereign ones: the sign-in hosts are in msal, the Graph roots are what several tools use, one for govsg.
    "bleu": Cloud("https://login.sovcloud-identity.fr", "https://graph.svc.sovcloud.fr"),
    "delos": Cloud("https://login.sovcloud-identity.de", "https://graph.svc.sovcloud.de"),
    "govsg": Cloud("https://login.sovcloud-identity.sg", "https://graph.svc.sovcloud.sg"),
}

# Two names of one service: "National clouds" has the first, "National cloud deployments" of Graph the second, and msal
# knows both. What belongs to one may go to the other.
TWINS = frozenset({"login.partner.microsoftonline.cn", "login.chinacloudapi.cn"})

# The names that other Azure tools use for the same clouds.
ALIASES: dict[str, str] = {
    "azurecloud": "public",
    "azurepubliccloud": "public",
    "azurepublic": "public",
    "azureusgovernment": "us_government",
    "azureusgovernmentcloud": "us_government",
    "usgovernment": "us_government",
    "usgovernmentl4": "us_government",
    "usgovernmentl5": "us_government_dod",
    "dod": "us_government_dod",
    "azurechinacloud": "china",
    "azurechina": "china",
}


# As DNS has it, and a port.
_LONGEST_HOST = 260
_USER = re.compile(r"^([a-z]+://)?.*@", re.IGNORECASE | re.DOTALL)
_QUERY = re.compile(r"[?#].*", re.DOTALL)


def find_cloud(name: str, authority_host: str | None, graph_url: str | None) -> Cloud | None:
    """The cloud of that name with hosts replaced where given, or None when the name is unknown."""
    known = CLOUDS.get(name) or CLOUDS.get(ALIASES.get(name.lower().replace("_", ""), ""))
    if not known:
        return None
    return Cloud(_root(authority_host) or known.authority_host, _graph_root(graph_url) or known.graph_url)


def problems_of_url(option: str, url: str | None) -> list[str]:
    """Secrets travel to these hosts, so only https is accepted. A host without a scheme counts as https."""
    if not url:
        return []
    try:
        parts = urllib.parse.urlsplit(url if "://" in url else f"https://{url}")
        usable = parts.scheme == "https" and bool(parts.hostname) and (parts.port is None or parts.port > 0)
        usable = usable and not parts.username and not parts.query and not parts.fragment
        # "some/where" is a path; a host by one name alone is one only with its scheme or its port.
        usable = usable and ("://" in url or "." in parts.netloc or ":" in parts.netloc or parts.netloc == "localhost")
        usable = usable and url.isprintable() and " " not in url  # urlsplit drops line ends, and what is sent has them
    except ValueError:
        usable = False
    if usable:
        return []
    return [f"{option} must be an https URL such as https://host:8443, not '{without_secrets(url)}'."]


def without_secrets(url: str) -> str:
    """A URL that may be shown: what stands before an @, or behind a question mark, may be a password."""
    return _QUERY.sub("?(hidden)", _USER.sub(r"\1(hidden)@", url))


def same_host(url: str, root: str) -> bool:
    """Whether `url` is https and leads to the very host and port of `root`: only then may a secret go there."""
    try:
        mine, wanted = urllib.parse.urlsplit(url), urllib.parse.urlsplit(root)
        return (
            mine.scheme == "https"
            and not mine.username
            and (mine.hostname or "").lower() == (wanted.hostname or "").lower()
            and (mine.port or 443) == (wanted.port or 443)
        )
    except ValueError:
        return False


def is_authority(url: str, root: str) -> bool:
    """Whether a secret for the authority `root` may go to `url`: the same host, or its twin in the same cloud."""
    if same_host(url, root):
        return True
    return {host_of(url).lower(), host_of(root).lower()} == TWINS and is_https(url)


def is_https(url: str) -> bool:
    """Whether `url` can be asked with a secret at all."""
    return same_host(url, url)


def is_on_this_machine(url: str) -> bool:
    """Whether `url` leads to this machine or its link: the only addresses that are asked without TLS, as Azure serves
    managed identities there (169.254.169.254, and IDENTITY_ENDPOINT of App Service and Azure Arc)."""
    try:
        parts = urllib.parse.urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme not in ("http", "https") or parts.username:
            return False
        address = None if host == "localhost" else ipaddress.ip_address(host)
    except ValueError:
        return False
    return address is None or address.is_loopback or address.is_link_local


def host_of(url: str) -> str:
    """Host and port, for messages; a peer may name an address that is none."""
    try:
        return urllib.parse.urlsplit(url).netloc[:_LONGEST_HOST]
    except ValueError:
        return "an unreadable address"


def _root(url: str | None) -> str | None:
    if not url:
        return None
    return (url if "://" in url else f"https://{url}").rstrip("/")


def _graph_root(url: str | None) -> str | None:
    root = _root(url)
    return root[: -len("/v1.0")] if root and root.endswith("/v1.0") else root


def names() -> t.Sequence[str]:
    return sorted(CLOUDS)
