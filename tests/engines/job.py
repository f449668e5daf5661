# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A job by ansible-runner's Python interface, told as JSON: job.py PRIVATE_DATA_DIRECTORY PLAYBOOK

A process of its own, as the interface forks with a terminal, which a process with threads should not.
"""

from __future__ import annotations

import json
import sys

import ansible_runner


def main():
    directory, playbook = sys.argv[1:]
    job = ansible_runner.run(private_data_dir=directory, playbook=playbook, quiet=True)
    told = [event["event_data"] for event in job.events if event["event"] == "runner_on_failed"]
    failed = [{"host": one["host"], "task": one["task"], "message": one["res"]["msg"]} for one in told]
    print(
        json.dumps({"id": job.config.ident, "status": job.status, "rc": job.rc, "stats": job.stats, "failed": failed})
    )


if __name__ == "__main__":
    main()
