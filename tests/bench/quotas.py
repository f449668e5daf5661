# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet that is larger than what the service lets read in a minute, against the time that this takes at least."""

from __future__ import annotations

from fleet import play
from rows import compared

LIMIT, WINDOW = 150, 60.0
FORKS = 50
STATUS = {"evercert.entra.application_certificate_info": {"app_id": "{{ app_id }}"}}


def comparisons(world, hosts):
    free = play(world, STATUS, range(hosts), FORKS, entra_in_process="always")
    world.act("throttle", enabled=True)
    mark = world.counters()["mark"]
    limited = play(world, STATUS, range(hosts), FORKS, entra_in_process="always")
    refused = world.counters(mark)["statuses"].get("429", 0)
    world.act("throttle", enabled=False)
    # The first reads of each window may all come at once; those of the last one take as long as without a limit.
    least = (hosts - 1) // LIMIT * WINDOW + free.seconds * ((hosts - 1) % LIMIT + 1) / hosts
    name = f"status of {hosts} hosts, {FORKS} forks, {LIMIT} reads a minute: "
    yield compared(f"{name}seconds", limited.seconds, least, "the least possible", "<= 1.15")
    yield compared(f"{name}refused", refused, FORKS, "forks", "<= 1")
