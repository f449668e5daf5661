# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sign a person in on the control node, visibly, and hand on what a module then needs: a token and where it belongs.

Nothing of it is stored.
"""

from __future__ import annotations

import contextlib
import threading
import typing as t

from ..module_utils._ansible import connect, timing
from ..module_utils._ansible.arguments import about_empty, tidied
from ..module_utils._ansible.checking import checked_options
from ..module_utils._ansible.libraries import missing_libraries
from ..module_utils._ansible.specs import CONNECTION
from ..module_utils._core.errors import EvercertError, InvalidInput
from ..module_utils._entra.sign_in.device_code import Person

Result = dict[str, t.Any]

# Delegated permissions of Microsoft Graph. What the person may not do, the token may not do either.
READ = ("Application.Read.All",)
WRITE = ("Application.ReadWrite.All",)
CONSENT = (*WRITE, "AppRoleAssignment.ReadWrite.All")
# Seconds between two lines about the wait. The promise is 15.
LINE_EVERY = 10.0


def sign_in(
    options: Result,
    say: t.Callable[[str], None],
    scopes: t.Sequence[str] = WRITE,
    **parts: t.Any,
) -> Result:
    """Connection options with a token in place of auth_source device_code.

    `options` are a task's; others than those of the connection are ignored. `say` shows a person one line.
    Raises EvercertError. `parts` go to `open_connection` (transport, timing), for tests.
    """
    missing = missing_libraries()
    if missing:
        raise EvercertError(f"auth_source device_code signs in on the control node. {missing}")
    given = connection_options(options)
    clocks = parts.setdefault("timing", timing.PlainTiming())
    wait = _Wait(say, clocks.monotonic)
    connection = connect.open_connection(given, needs_application=False, person=Person(wait.show, scopes), **parts)
    with wait.reminding():
        token = connection.graph.token
    say("signed in")
    return {
        "auth_source": "access_token",
        "access_token": token.value,
        "tenant_id": given["tenant_id"],
        "cloud": given["cloud"],
        # The token goes to the host that it was issued for, whatever the environment of the module's host says.
        "authority_host": connection.service.cloud.authority_host,
        "graph_url": connection.service.cloud.graph_url,
    }


def connection_options(options: Result) -> Result:
    """The connection's part of a task's options, with the environment of this process and the defaults."""
    given = {name: value for name, value in options.items() if name in connection_names()}
    checked, problems = checked_options(CONNECTION, given)
    tidy, empty = tidied(checked)
    if problems or empty:
        raise InvalidInput([*problems, *about_empty(empty)])
    return tidy


def connection_names() -> set[str]:
    """Every name of a connection option, aliases included."""
    return {alias for name, entry in CONNECTION.items() for alias in (name, *entry.get("aliases", ()))}


class _Wait:
    """What a person sees between the code and the token."""

    def __init__(self, say: t.Callable[[str], None], monotonic: t.Callable[[], float]) -> None:
        self._say = say
        self._monotonic = monotonic
        self._prompt: t.Any = None
        self._ends = 0.0

    def show(self, prompt: t.Any) -> None:
        self._ends = self._monotonic() + prompt.seconds
        self._prompt = prompt
        self._say(prompt.message)

    def remind(self) -> None:
        if self._prompt is None:
            self._say("asking for a code to sign in with")
            return
        left = max(0.0, self._ends - self._monotonic())
        self._say(f"waiting for somebody to enter the code {self._prompt.user_code} ({left:.0f} s left)")

    @contextlib.contextmanager
    def reminding(self) -> t.Iterator[None]:
        """Speak from a thread of its own: a request without an answer must not keep a person waiting in silence."""
        done = threading.Event()

        def watch() -> None:
            while not done.wait(LINE_EVERY):
                self.remind()

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
