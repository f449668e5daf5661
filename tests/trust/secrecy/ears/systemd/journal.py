# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A journal that keeps what it is sent in a file and is then not there, so that syslog is told too."""

from __future__ import annotations

from sitecustomize import keep


def send(**fields):
    keep("journal", fields)
    raise OSError


def sendv(*fields):
    """A journal without it does not count."""
