# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The floor for a status as a task: an action that makes the same requests, and nothing else.

Forks share one access token, so the process that plays signs in once: when it loads this, before it forks.
"""

from __future__ import annotations

import os

import requests
from ansible.plugins.action import ActionBase

FIELDS = "id,appId,displayName,createdDateTime,keyCredentials,tokenEncryptionKeyId"
GRAPH, TRUST = os.environ["ENTRA_GRAPH_URL"], os.environ["ENTRA_CA_PATH"]


def signed_in():
    authority = f"{os.environ['AZURE_AUTHORITY_HOST']}/{os.environ['AZURE_TENANT_ID']}"
    session = requests.Session()
    session.get(f"{authority}/v2.0/.well-known/openid-configuration", verify=TRUST, timeout=60).raise_for_status()
    form = {
        "grant_type": "client_credentials",
        "client_id": os.environ["AZURE_CLIENT_ID"],
        "client_secret": os.environ["AZURE_CLIENT_SECRET"],
        "scope": f"{GRAPH}/.default",
    }
    token = session.post(f"{authority}/oauth2/v2.0/token", data=form, verify=TRUST, timeout=60).json()
    return {"Authorization": f"Bearer {token['access_token']}"}


HEADERS = signed_in()


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        app_id, session = self._task.args["app_id"], requests.Session()
        session.headers.update(HEADERS)
        url = f"{GRAPH}/v1.0/applications(appId='{app_id}')?$select={FIELDS}"
        found = session.get(url, verify=TRUST, timeout=60).json()
        paths = [
            f"/servicePrincipals(appId='{app_id}')",
            f"/applications/{found['id']}/appManagementPolicies",
            "/policies/defaultAppManagementPolicy",
        ]
        parts = [{"id": str(number), "method": "GET", "url": path} for number, path in enumerate(paths)]
        session.post(f"{GRAPH}/v1.0/$batch", json={"requests": parts}, verify=TRUST, timeout=60).raise_for_status()
        return {**result, "changed": False, "certificates": len(found["keyCredentials"])}
