# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the attacks meet is noted, and a run of all of them that met too little or too much is red."""

from __future__ import annotations

import pytest
import sometimes
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import World


@pytest.fixture
def noted(tmp_path, monkeypatch):
    """Where this test's process notes what it meets, as if it had met nothing before."""
    monkeypatch.setattr(sometimes, "NOTED", tmp_path / "met")
    sometimes.note.cache_clear()
    yield tmp_path / "met"
    sometimes.note.cache_clear()


@pytest.mark.usefixtures("quick_disk")
def test_a_run_notes_what_it_meets_once(noted, tmp_path):
    world = World(tmp_path)
    world.adopt()
    world.settle()
    world.renew(overlap=0)
    world.lose(world.current)
    world.settle()
    assert world.info().status == "unregistered" and world.refused(**world.as_itself)

    met = noted.read_text().splitlines()
    assert len(met) == len(set(met)) and set(met) <= sometimes.promised()
    assert {"finding: near_expiry", "step: retire", "event: promoted", "event: failed"} <= set(met)
    assert {"finding: unregistered", "diagnosis: certificate_not_registered"} <= set(met)
    assert "recovery: absence is asked for again" in met


def test_the_words_of_the_history_are_found_in_the_code():
    assert {"adopted", "checked", "failed", "key_deleted", "promoted", "refused", "rolled_back"} <= sometimes.events()


def test_what_cannot_be_met_is_promised_and_has_its_reason():
    assert set(sometimes.CANNOT) <= sometimes.promised() and all(map(str.strip, sometimes.CANNOT.values()))


@pytest.mark.parametrize(
    ("met", "cannot", "said"),
    [
        ({"a", "b"}, {}, []),
        ({"a"}, {"b"}, []),
        ({"a"}, {}, ["No attack met it: b."]),
        ({"a", "b"}, {"b"}, ["It was met, and CANNOT says that it cannot be: b."]),
        ({"a", "b"}, {"c"}, ["CANNOT excuses what is nowhere promised: c."]),
        ({"a", "b", "c"}, {}, ["It was met and stands in no table: c."]),
    ],
)
def test_a_run_that_met_too_little_or_too_much_is_red(met, cannot, said):
    assert sometimes.complaints(met, {"a", "b"}, cannot) == said


def test_a_run_that_noted_nothing_is_red(noted, capsys):
    assert sometimes.main() == 1 and "No attack met it: step: promote." in capsys.readouterr().out
