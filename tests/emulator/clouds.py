# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which hosts belong to which cloud (facts section 8)."""

from __future__ import annotations

# name → sign-in hosts, Graph's host. A host that is in no row, such as localhost, is the cloud of whoever asks.
CLOUDS = {
    "public": (("login.microsoftonline.com",), "graph.microsoft.com"),  # V
    "us_government": (("login.microsoftonline.us",), "graph.microsoft.us"),  # V
    "us_government_dod": (("login.microsoftonline.us",), "dod-graph.microsoft.us"),  # V
    "china": (("login.partner.microsoftonline.cn", "login.chinacloudapi.cn"), "microsoftgraph.chinacloudapi.cn"),  # V
    "bleu": (("login.sovcloud-identity.fr",), "graph.svc.sovcloud.fr"),  # V, P
    "delos": (("login.sovcloud-identity.de",), "graph.svc.sovcloud.de"),  # V, P
    "govsg": (("login.sovcloud-identity.sg",), "graph.svc.sovcloud.sg"),  # V, P
}
KNOWN_HOSTS = {host for hosts, graph in CLOUDS.values() for host in (*hosts, graph)}


def graph_url(cloud):
    return f"https://{CLOUDS[cloud][1]}"


def is_at_home(cloud, host, here="public"):
    """Whether a host is one of a tenant's own cloud; one of no cloud's is `here`."""
    if host not in KNOWN_HOSTS:
        return cloud == here
    hosts, graph = CLOUDS[cloud]
    return host in hosts or host == graph
