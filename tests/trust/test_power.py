# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The power fails at any moment of a renewal: what was synced survives, any part of the rest may, and no key is lost.

The key store's file operations are recorded while a renewal runs against the emulator. After each of them, and at each
request, every disk that a power loss could leave is made real and held against what the directory has by then.
"""

from __future__ import annotations

import matrix
import pytest
import scale
from ansible_collections.evercert.entra.plugins.module_utils._keys import durable
from ansible_collections.evercert.entra.plugins.module_utils._keys.directory import DirectoryStore
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._keys.power import Disk


class Blackouts:
    """Listens to a run; at every moment it looks at what a power loss would leave just then."""

    def __init__(self, scene, folder):
        self.scene, self.folder = scene, folder
        self.disk = Disk(scene.world.store.location)
        self.outcomes = 0
        self.seen = set()

    def observe(self, when, effect):
        self.disk.observe(when, effect)
        if when == "after":
            self.look(f"after {effect.name} {effect.path.name}")

    def look(self, where):
        """Each disk that this moment could leave; one that an earlier moment left too is looked at once."""
        registered = tuple(self.scene.world.registered)
        for changes in self.disk.outcomes():
            key = (registered, tuple(id(change) for _node, change in changes))
            if key not in self.seen:
                self.seen.add(key)
                self._check(changes, registered, where)

    def _check(self, changes, registered, where):
        self.outcomes += 1
        place = self.folder / str(self.outcomes)
        self.disk.write_to(place, changes)
        store = DirectoryStore(str(place))
        contents = store.read()
        held = {version.thumbprint for version in contents.versions}
        ours = [one for one in registered if one in self.scene.world.made or one == self.scene.world.old.thumbprint]
        assert ours, f"nothing of ours is registered {where}"
        for thumbprint in ours:
            assert thumbprint in held, f"I4: the key of {thumbprint} is lost {where}"
            store.signer(thumbprint)
        assert contents.current.thumbprint in registered, f"I1: consumers read a key that is not registered {where}"


@pytest.mark.parametrize("scenario", scale.one_of(2, matrix.SCENARIOS), ids=lambda scenario: scenario.__name__)
def test_no_power_loss_during_a_renewal_loses_a_key(scenario, tmp_path, monkeypatch):
    scene = matrix.a_scene(tmp_path, scenario)
    blackouts = Blackouts(scene, tmp_path / "disks")
    blackouts.folder.mkdir()
    at = scene.world.at

    def at_a_request(moment):
        if "https:" in moment:
            blackouts.look(moment)
        at(moment)

    scene.world.at = at_a_request
    monkeypatch.setattr(durable, "observe", blackouts.observe)

    scene.world.renew(**scene.options, **matrix.RETIRES_AT_ONCE)

    assert blackouts.outcomes > 100
    scale.note("power_loss", disks_left=blackouts.outcomes)
