# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a module in this process, as if it had one of its own."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import secrets
import typing as t
from dataclasses import dataclass, field

from . import _core_parts as core
from ._core_parts import Result

Main = t.Callable[[], None]


def _new_ticket() -> bytes:
    """What is sent in place of a module. Nothing else is the same, and a Python that got it would do nothing."""
    return f"# {secrets.token_hex(16)}".encode()


@dataclass(repr=False)
class Visit:
    """One call of a module that runs here, where ansible-core means to send it to a process of its own."""

    name: str
    main: Main
    environment: t.Mapping[str, str]
    directory: str
    is_forced: bool = False
    has_stood_in: bool = False
    has_begun: bool = False
    _arguments: bytes = b""
    _ticket: bytes = field(default_factory=_new_ticket)

    @property
    def is_undone(self) -> bool:
        """Nothing was done: ansible-core had the stand-in to send, which is nothing, and the module has not begun."""
        return self.has_stood_in and not self.has_begun

    def stand_in(self, arguments: Result) -> t.Any:
        self.has_stood_in = True
        self._arguments = core.packed(arguments)
        return core.stand_in(self._ticket)

    def is_meant_by(self, handed: t.Iterable[t.Any]) -> bool:
        """Whether a command with these arguments is the module's own. Others make directories, or remove them."""
        return any(isinstance(value, bytes) and value == self._ticket for value in handed)

    def run(self) -> Result:
        return run_here(self._begin, self._arguments, self.environment, self.directory)

    def _begin(self) -> None:
        self.has_begun = True
        self.main()


def run_here(main: Main, arguments: bytes, environment: t.Mapping[str, str], directory: str) -> Result:
    """Run a module's main; the values that ansible-core expects of a command that has ended.

    What it changes in this process is put back, as a task may run several modules.
    """
    output, complaints = io.StringIO(), io.StringIO()
    with (
        _as_module(arguments),
        _environment(environment),
        _directory(directory),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(complaints),
    ):
        status = _exit_status(main)
    said, complained = output.getvalue(), complaints.getvalue()
    return {
        "rc": status,
        "stdout": said,
        "stdout_lines": said.splitlines(),
        "stderr": complained,
        "stderr_lines": complained.splitlines(),
    }


def _exit_status(main: Main) -> int:
    """A module ends by SystemExit. Anything else is reported as for one that has a process of its own."""
    try:
        try:
            main()
        except Exception as error:
            core.handle_exception(error)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    return 0


@contextlib.contextmanager
def _as_module(arguments: bytes) -> t.Iterator[None]:
    places = [(importlib.import_module(module), name, make(arguments)) for module, name, _held, make in core.STATE]
    before = [getattr(module, name) for module, name, _value in places]
    for module, name, value in places:
        setattr(module, name, value)
    try:
        yield
    finally:
        for (module, name, _value), value in zip(places, before):
            setattr(module, name, value)


@contextlib.contextmanager
def _environment(added: t.Mapping[str, str]) -> t.Iterator[None]:
    before = dict(os.environ)
    os.environ.update(added)
    try:
        yield
    finally:
        for name in set(os.environ) - set(before):
            del os.environ[name]
        os.environ.update(before)


@contextlib.contextmanager
def _directory(path: str) -> t.Iterator[None]:
    """The working directory that a command on a local connection has."""
    before = os.getcwd()
    os.chdir(path)
    try:
        yield
    finally:
        os.chdir(before)
