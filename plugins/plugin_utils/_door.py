# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which door a module takes: this process, or one of its own. Pure: what is known of a task in, a reason out."""

from __future__ import annotations

import os
import re
import sys
import typing as t
from dataclasses import dataclass, field

# The variable that decides for people and for tests, and what it may say.
VARIABLE = "entra_in_process"
AUTO, ALWAYS, NEVER = "auto", "always", "never"

# The ansible-cores that this door is tested with, in their minor versions: the first that has it, and the newest that
# the gates use. One that is newer may do the same under the same names otherwise, and nothing here would see it.
FIRST, NEWEST = (2, 19), (2, 21)

# Python and the libraries below it look at these when they start, and not again.
_READ_AT_START = ("PYTHON", "LD_", "DYLD_", "LC_", "MALLOC_", "OPENSSL_")
_READ_AT_START_NAMES = frozenset({"LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP"})


@dataclass(frozen=True)
class Circumstances:
    """What decides. `interpreter` is None where it is still to be discovered."""

    transport: str = "local"
    become: str | None = None
    is_async: bool = False
    keeps_files: bool = False
    interpreter: str | None = sys.executable
    environment: t.Mapping[str, str] = field(default_factory=dict, repr=False)
    core: str = ".".join(map(str, NEWEST))
    misfits: t.Sequence[str] = ()
    is_forced: bool = False
    platform: str = sys.platform


Check = t.Callable[[Circumstances], t.Optional[str]]


def why_not_here(task: Circumstances) -> str | None:
    """Why a module needs a process of its own, or None."""
    return _first_reason(task, (*_CHECKS, *_CHECKS_OF_CORE))


def warning_for(task: Circumstances) -> str | None:
    """What a person is told whose ansible-core alone stands in the way: an update helps, until then it costs time."""
    why = _first_reason(task, _CHECKS_OF_CORE)
    return warning(why) if why and not _first_reason(task, _CHECKS) else None


def warning(why: str) -> str:
    return (
        f"evercert.entra: {why}. Its modules have processes of their own now, which is slower and nothing else. "
        f"Update evercert.entra; until there is a release for it, {VARIABLE}: {NEVER} keeps this warning away, and "
        f"{VARIABLE}: {ALWAYS} runs them in Ansible's own process where its parts have the known form."
    )


def _first_reason(task: Circumstances, checks: t.Iterable[Check]) -> str | None:
    reasons = (check(task) for check in checks)
    return next((why for why in reasons if why), None)


def _connection(task: Circumstances) -> str | None:
    return None if task.transport == "local" else f"the connection is {task.transport}, not local"


def _become(task: Circumstances) -> str | None:
    return f"become ({task.become}) is used" if task.become else None


def _async(task: Circumstances) -> str | None:
    return "async is used" if task.is_async else None


def _kept_files(task: Circumstances) -> str | None:
    return "ANSIBLE_KEEP_REMOTE_FILES asks for the module as a file" if task.keeps_files else None


def _interpreter(task: Circumstances) -> str | None:
    advice = "; set ansible_python_interpreter to ansible_playbook_python if that is meant"
    if task.interpreter is None:
        return f"the host's Python is still to be discovered{advice}"
    if not is_this_python(task.interpreter):
        return f"the host's Python is {task.interpreter}, not {sys.executable}{advice}"
    return None


def _environment(task: Circumstances) -> str | None:
    early = sorted(name for name in task.environment if is_read_at_start(name))
    return f"environment sets {', '.join(early)}, which Python reads when it starts" if early else None


def _older_core(task: Circumstances) -> str | None:
    if minor(task.core) >= FIRST:
        return None
    return f"ansible-core {task.core} has not yet what this takes, which came with {_text(FIRST)}"


def _other_parts(task: Circumstances) -> str | None:
    if not task.misfits:
        return None
    return f"ansible-core {task.core} has parts of another form than is known here: {', '.join(task.misfits)}"


def _newer_core(task: Circumstances) -> str | None:
    """Who forces it takes an untested one, with parts that fit."""
    if task.is_forced or minor(task.core) <= NEWEST:
        return None
    return f"ansible-core {task.core} is newer than {_text(NEWEST)}, the newest that this release is tested with"


def _platform(task: Circumstances) -> str | None:
    return "macOS ends processes that ask for proxies after a fork" if task.platform == "darwin" else None


_CHECKS: tuple[Check, ...] = (
    _connection,
    _become,
    _async,
    _kept_files,
    _interpreter,
    _environment,
    _older_core,
    _platform,
)
_CHECKS_OF_CORE: tuple[Check, ...] = (_other_parts, _newer_core)


def minor(version: str) -> tuple[int, int]:
    """The first two numbers of a version, that of a candidate included."""
    numbers = re.findall(r"\d+", version)[:2]
    return int(numbers[0]), int(numbers[1])


def _text(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


def is_read_at_start(name: str) -> bool:
    return name.startswith(_READ_AT_START) or name in _READ_AT_START_NAMES


def is_this_python(interpreter: str) -> bool:
    """Whether it is the Python that runs this, under any of its names.

    A link alone tells nothing: the Python of a virtual environment is a link to one with other libraries.
    """
    if interpreter == sys.executable:
        return True
    folders = [os.path.realpath(os.path.dirname(path)) for path in (interpreter, sys.executable)]
    try:
        return folders[0] == folders[1] and os.path.samefile(interpreter, sys.executable)
    except OSError:
        return False
