# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a playbook tells a person, without what Ansible says about tasks that went well.

Understands the callback `default` with ANSIBLE_CALLBACK_RESULT_FORMAT=json. Whatever it does not know, a failure above
all, is passed on as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

# Lines that say only that a task was fine, its name, or nothing.
ROUTINE = re.compile(
    r"(ok|changed): \[[\w-]+\]( => \(item=.*\))?$|included: |TASK \[|PLAY |\s*$|[\w-]+ +: ok=\d+ .*failed=0 "
)
MESSAGE = re.compile(r"ok: \[([\w-]+)\] => \{$")


def digest(lines: Iterable[str]) -> Iterator[str]:
    """The messages that tasks give, each with its host, and every line that is not routine."""
    host, block = "", [""]
    for line in (line.rstrip("\n") for line in lines):
        if found := MESSAGE.match(line):
            host, block = found[1], ["{"]
        elif host:
            block.append(line)
            if line == "}":
                yield from _told(host, json.loads("\n".join(block))["msg"])
                host = ""
        elif not ROUTINE.match(line):
            yield line


def _told(host: str, message: str | list[str]) -> Iterator[str]:
    if isinstance(message, str):
        yield message if message.startswith(f"{host}: ") else f"{host}: {message}"
    elif len(message) == 1:
        yield f"{host}: {message[0]}"
    else:
        yield from (line.rstrip() for line in message)
