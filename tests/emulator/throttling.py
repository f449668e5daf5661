# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Resource units and the limits counted in them (facts section 7.1)."""

from __future__ import annotations

from collections import deque

from .errors import TOO_MANY, GraphError

WRITING = ("POST", "PATCH", "PUT", "DELETE")
EXPENSIVE_READS = ("list_applications", "count_applications", "get_app_role_assignments")


def resource_units(operation, method, query):
    """What one request costs; never less than 1. Recorded: get_application 1, list_by_app_id 2, writes 1 (7.1 V)."""
    units = 2 if operation in EXPENSIVE_READS else 1
    if method != "GET":
        return 1
    units -= "$select" in query
    units += "$expand" in query
    units -= query.get("$top", "").isdigit() and int(query["$top"]) < 20
    return max(1, units)


def reads_keys(operation, query):
    """Whether a request counts against the 150 reads of keyCredentials per minute and tenant."""
    return operation in ("list_applications", "get_application") and "keyCredentials" in query.get("$select", "")


class Window:
    """What was spent in the last seconds under one limit."""

    def __init__(self, limit, seconds):
        self.limit = limit
        self.seconds = seconds
        self._spent = deque()

    def used(self, now):
        while self._spent and self._spent[0][0] <= now - self.seconds:
            self._spent.popleft()
        return sum(amount for _when, amount in self._spent)

    def spend(self, now, amount):
        self._spent.append((now, amount))

    def wait(self, now):
        """Seconds until the oldest expense leaves the window, whole and at least 1."""
        return max(1, round(self._spent[0][0] + self.seconds - now + 0.5)) if self._spent else 1


class Throttle:
    """The tenant's limits. Off by default."""

    def __init__(self, tenant):
        self._tenant = tenant
        self.enabled = False
        self.limits = {"units": (3500, 10), "writes": (3000, 150), "keys": (150, 60)}
        self._windows = {}

    def reset(self):
        self.enabled = False
        self._windows.clear()

    def _window(self, kind, app_id):
        return self._windows.setdefault((kind, app_id), Window(*self.limits[kind]))

    def charge(self, call, units):
        """Spend, or refuse with 429. Returns headers for the answer."""
        if not self.enabled:
            return {}
        now = self._tenant.clock.elapsed()
        expenses = [("units", call.app_id, units, "ReadWrite", "ResourceUnitLimitExceeded")]
        if call.method in WRITING:
            expenses.append(("writes", call.app_id, 1, "Write", "WriteLimitExceeded"))
        if reads_keys(call.operation, call.query):
            expenses.append(("keys", None, 1, "Read", "ResourceUnitLimitExceeded"))
        for kind, app_id, amount, scope, reason in expenses:
            window = self._window(kind, app_id)
            if window.used(now) + amount > window.limit:
                raise self._refusal(window.wait(now), call, app_id, scope, reason)
        for kind, app_id, amount, _scope, _reason in expenses:
            self._window(kind, app_id).spend(now, amount)
        return self._percentage(now, call.app_id)

    def _percentage(self, now, app_id):
        window = self._window("units", app_id)
        share = window.used(now) / window.limit
        return {"x-ms-throttle-limit-percentage": f"{min(share, 1.8):.1f}"} if share > 0.8 else {}

    def _refusal(self, wait, call, app_id, scope, reason):
        who = "Tenant_Application" if app_id else "Tenant"
        headers = {
            "Retry-After": str(wait),
            "x-ms-throttle-scope": f"{who}/{scope}/{call.app_id}/{self._tenant.id}",
            "x-ms-throttle-information": reason,
        }
        return GraphError(429, "TooManyRequests", TOO_MANY.format(call.app_id), headers=headers)
