# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The floor for a status as a task: an action that makes the same four requests, and nothing else."""

from __future__ import annotations

import os

import requests
from ansible.plugins.action import ActionBase

FIELDS = "id,appId,displayName,createdDateTime,keyCredentials,tokenEncryptionKeyId"


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        here, tenant = os.environ["ENTRA_GRAPH_URL"], os.environ["AZURE_TENANT_ID"]
        authority, app_id = f"{os.environ['AZURE_AUTHORITY_HOST']}/{tenant}", self._task.args["app_id"]
        session, trust = requests.Session(), os.environ["ENTRA_CA_PATH"]
        session.get(f"{authority}/v2.0/.well-known/openid-configuration", verify=trust, timeout=60).raise_for_status()
        form = {
            "grant_type": "client_credentials",
            "client_id": os.environ["AZURE_CLIENT_ID"],
            "client_secret": os.environ["AZURE_CLIENT_SECRET"],
            "scope": f"{here}/.default",
        }
        token = session.post(f"{authority}/oauth2/v2.0/token", data=form, verify=trust, timeout=60).json()
        session.headers["Authorization"] = f"Bearer {token['access_token']}"
        url = f"{here}/v1.0/applications(appId='{app_id}')?$select={FIELDS}"
        found = session.get(url, verify=trust, timeout=60).json()
        paths = [
            f"/servicePrincipals(appId='{app_id}')",
            f"/applications/{found['id']}/appManagementPolicies",
            "/policies/defaultAppManagementPolicy",
        ]
        parts = [{"id": str(number), "method": "GET", "url": path} for number, path in enumerate(paths)]
        session.post(f"{here}/v1.0/$batch", json={"requests": parts}, verify=trust, timeout=60).raise_for_status()
        return {**result, "changed": False, "certificates": len(found["keyCredentials"])}
