# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A client as the login service sees it."""

from __future__ import annotations

from dataclasses import replace

from . import rules_sign_in as rules


def seen_by(tenant, view, client_id, form=None, host=""):
    """A client's application and service principal, as one replica of the token service shows them."""
    sign_in = rules.SignIn(tenant, form or {}, client_id, host)
    application = tenant.directory.by_app_id(client_id)
    principal = tenant.directory.principal_of(client_id)
    return replace(
        sign_in,
        application=application and view.of(application),
        principal=principal and view.of(principal),
    )
