# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A world with a hostile peer in it, and what must hold whatever the peer answered."""

from __future__ import annotations

import json
import re
import traceback
import urllib.parse
from dataclasses import dataclass, field

from ansible_collections.evercert.entra.plugins.module_utils._ansible.run import of_diagnosis
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import EvercertError, StillWaiting
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import World

GRAPH, LOGIN = "graph.microsoft.com", "login.microsoftonline.com"
# What only a token, an assertion, a proof or a private key looks like.
SECRET = re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}|PRIVATE KEY")
LONGEST_MESSAGE = 5000
# A hostile answer is met again and again until the deadline.
QUICK = {"timeout_propagation": 30, "sign_in_interval": 5, "initial_pause": 5}
# What a message has to name: a host, a service, or the application.
NAMES = re.compile(
    f"{GRAPH}|{LOGIN}|Graph|Entra|The service said|sign-ins|discovery|token|application|certificate|clock"
)


@dataclass
class Scene:
    """Today's certificate in use, a credential of somebody else, and a peer that `bends` what it answers to `asked`."""

    world: World
    options: dict
    foreign: dict = field(default_factory=dict)
    bent: int = 0

    def turn_hostile(self, asked, bend, *, arrives=True, since=0):
        """From now on; a request that does not arrive has no effect on the directory. `since` lets so many pass."""
        self.world.sent.clear()
        passed = []

        def answer(request, send):
            self.world.sent.append(request)
            if not asked(request):
                return send(request)
            passed.append(request)
            if len(passed) <= since:
                return send(request)
            self.bent += 1
            honest = send(request) if arrives else send(_harmless(request))
            return bend(honest, request)

        self.world.answer = answer

    def outcome(self, act):
        """What came of it: a result, or an error of our family. Anything else is raised: a defect of ours."""
        try:
            found = act(self)
        except (EvercertError, StillWaiting) as error:
            found = error
        nothing_strayed(self.world.sent)
        nothing_foreign_lost(self)
        well_said(found)
        return found


def a_scene(folder, as_itself=False, **options):
    world = World(folder)
    world.contract.observe = lambda seen: None  # a bent answer breaks Microsoft's contract, as it should
    world.adopt()
    world.settle()
    mine = set(world.credentials)
    world.foreign()
    foreign = {key: one for key, one in world.credentials.items() if key not in mine}
    return Scene(world, {**QUICK, **(world.as_itself if as_itself else {}), **options}, foreign)


def _harmless(request):
    """A read in place of a write, for an answer that has headers."""
    return type(request)("GET", request.url.split("/applications")[0] + "/organization", request.headers)


def nothing_strayed(sent):
    """I8: every request went to one of the two hosts, encrypted, with nothing in it that is meant for the other."""
    for request in sent:
        address = urllib.parse.urlsplit(request.url)
        assert address.scheme == "https" and address.netloc in (GRAPH, LOGIN), request.url
        body = request.body or b""
        if address.netloc == LOGIN:
            assert "Authorization" not in request.headers, "an access token went to the sign-in host"
        else:
            assert b"client_assertion" not in body and b"s3cret" not in body, "a secret of sign-in went to Graph"


def nothing_foreign_lost(scene):
    """I2: byte for byte."""
    held = scene.world.credentials
    assert {key: held.get(key) for key in scene.foreign} == scene.foreign


def well_said(found):
    """Whatever is reported is JSON, bounded, names what was wrong, and holds no secret."""
    if not isinstance(found, EvercertError):
        return
    assert len(found.message) < LONGEST_MESSAGE and NAMES.search(found.message), found.message[:200]
    told = json.dumps(of_diagnosis(found.diagnosis)) if found.diagnosis else ""
    assert len(told) < 4 * LONGEST_MESSAGE, f"{len(told)} letters of diagnosis"
    lines = traceback.format_exception(type(found), found, found.__traceback__)
    for text in (found.message, told, repr(found), *lines):
        assert not SECRET.search(text), text
