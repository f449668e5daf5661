# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The floor for a listing: sign in and read every page with requests, and build nothing from it."""

from __future__ import annotations

import os
import sys

import requests

FIELDS = sys.argv[1]


def main():
    here, trust = os.environ["ENTRA_GRAPH_URL"], os.environ["ENTRA_CA_PATH"]
    form = {
        "grant_type": "client_credentials",
        "client_id": os.environ["AZURE_CLIENT_ID"],
        "client_secret": os.environ["AZURE_CLIENT_SECRET"],
        "scope": f"{here}/.default",
    }
    login = f"{os.environ['AZURE_AUTHORITY_HOST']}/{os.environ['AZURE_TENANT_ID']}/oauth2/v2.0/token"
    session = requests.Session()
    token = session.post(login, data=form, verify=trust, timeout=60).json()["access_token"]
    session.headers["Authorization"] = f"Bearer {token}"
    url, total = f"{here}/v1.0/applications?$select={FIELDS}&$top=999", 0
    while url:
        page = session.get(url, verify=trust, timeout=60).json()
        total += len(page["value"])
        url = page.get("@odata.nextLink")
    print(total)


if __name__ == "__main__":
    main()
