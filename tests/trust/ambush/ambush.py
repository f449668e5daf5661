# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kills the process that it lies in wait in, with SIGKILL, at the moment of a given number.

Moments are the start of each change to a file and both ends of each request. They are counted in a file, so that the
count goes on over the several processes that one task of a playbook may take.
"""

from __future__ import annotations

import importlib.abc
import os
import signal
import sys

PLUGINS = "ansible_collections.evercert.entra.plugins.module_utils."
DURABLE, TRANSPORT = f"{PLUGINS}_keys.durable", f"{PLUGINS}_ansible.requests_transport"


class Ambush:
    """`trace` is the file with a line for every moment so far; `kill_at` the number of the fatal one, or None."""

    def __init__(self, trace, kill_at=None):
        self._trace, self._kill_at = trace, kill_at

    def at(self, moment):
        with open(self._trace, "a+", encoding="utf-8") as file:
            file.seek(0)
            number = sum(1 for _line in file)
            file.write(moment + "\n")
        if number == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def lie_in_wait(self, module):
        """In one of the two modules through which every effect goes."""
        if module.__name__ == DURABLE:
            module.observe = self._observe
        else:
            original = module.RequestsTransport.send
            module.RequestsTransport.send = lambda transport, request: self._sent(original, transport, request)

    def _observe(self, when, effect):
        """A process that dies keeps what it has written, so syncing is no moment of its own."""
        if when == "before" and effect.name != "sync":
            self.at(f"{effect.name} {effect.path.name}")

    def _sent(self, original, transport, request):
        self.at(f"send {request.method} {request.url}")
        answer = original(transport, request)
        self.at(f"received {request.method} {request.url}")
        return answer


class Loader(importlib.abc.Loader):
    """Loads as another one does, then lets the ambush in. A loader may serve many modules, so it is not changed."""

    def __init__(self, loader, ambush):
        self._loader, self._ambush = loader, ambush

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        self._loader.exec_module(module)
        self._ambush.lie_in_wait(module)


class Finder(importlib.abc.MetaPathFinder):
    """Finds as the others do, and has its loader for the two modules."""

    def __init__(self, ambush):
        self._ambush = ambush

    def find_spec(self, name, path=None, target=None):
        if name not in (DURABLE, TRANSPORT):
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        spec = next(filter(None, (finder.find_spec(name, path) for finder in others)))
        spec.loader = Loader(spec.loader, self._ambush)
        return spec
