# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A wait that leaves the call: what goes with it, and when it is given up."""

from __future__ import annotations

import datetime as dt

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._core.errors import NotProven, StillWaiting
from ansible_collections.evercert.entra.plugins.module_utils._core.plan import Step
from ansible_collections.evercert.entra.plugins.module_utils._core.policy import RenewalPolicy
from ansible_collections.evercert.entra.plugins.module_utils._steps.pausing import Interrupted, handing_over
from ansible_collections.evercert.entra.plugins.module_utils._steps.run import Progress

POLICY = RenewalPolicy(propagation=dt.timedelta(seconds=100))
LONGEST = 600 + 4 * 100 + 300 * 2


def pause(world, progress):
    connection = world.connect(world.options(sign_ins=2))
    with handing_over(connection, progress, POLICY):
        raise StillWaiting(5.0, "something")


def test_a_wait_takes_the_progress_along(world):
    progress = Progress(made="A")

    with pytest.raises(Interrupted) as caught:
        pause(world, progress)

    assert (caught.value.seconds, caught.value.what) == (5.0, "something")
    assert caught.value.carry == {"progress": progress.to_values(), "lock_deadline": None}


@pytest.mark.parametrize(
    ("steps", "name"), [((), "prepare"), ((Step("generate", ""), Step("register", "")), "register")]
)
def test_each_step_is_given_up_when_it_waited_for_too_long(world, steps, name):
    progress = Progress(steps=steps, position=len(steps) // 2)

    for seconds in (0, LONGEST):
        world.tenant.clock.advance(seconds)
        with pytest.raises(Interrupted):
            pause(world, progress)
    world.tenant.clock.advance(1)
    with pytest.raises(NotProven, match=f"waiting too long to {name}, last for: something"):
        pause(world, progress)


def test_one_step_does_not_wait_on_anothers_time(world):
    progress = Progress(steps=(Step("prove", ""), Step("promote", "")))
    with pytest.raises(Interrupted):
        pause(world, progress)

    world.tenant.clock.advance(LONGEST + 1)
    progress.position = 1
    with pytest.raises(Interrupted):
        pause(world, progress)
