# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The version of this collection, for reports: a module that is packed and sent to a host has no galaxy.yml to read."""

from __future__ import annotations

COLLECTION = "0.1.0"
