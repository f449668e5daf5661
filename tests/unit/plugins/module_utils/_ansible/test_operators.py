# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The day when an operator's credential ends: told, once looked up, never a reason to wait or to fail."""

from __future__ import annotations

import datetime as dt

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._ansible.operators import with_operator
from ansible_collections.evercert.entra.plugins.module_utils._ansible.play_memory import PlayMemory
from ansible_collections.evercert.entra.plugins.module_utils._ansible.sharing import Sharing, shared
from ansible_collections.evercert.entra.plugins.module_utils._entra.sign_in.certificate import ClientCertificate
from ansible_collections.evercert.entra.tests.unit.plugins.module_utils._steps.world import World, ours


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def expires(world, connection=None, **given):
    """What is told after a read."""
    options = world.options(**given)
    connection = connection or world.connect(options)
    connection.find_application()
    return with_operator(connection, options, {"changed": False})["operator_expires"]


def moment(text):
    """As Graph writes it, which Python reads from 3.11 on."""
    return dt.datetime.fromisoformat(text.replace("Z", "+00:00"))


def end_of_the_secret(world, days):
    """The administrator's secret ends so many days from now."""
    ends = world.tenant.application(world.admin).password_credentials[0].end
    world.settle((moment(str(ends)) - world.tenant.clock.now()).total_seconds() - days * 86400)


def test_nothing_is_told_while_there_is_time(world):
    assert expires(world) is None and world.warnings == []


def test_the_day_is_told_with_a_warning(world):
    end_of_the_secret(world, 12)

    told = expires(world)

    assert moment(told) - world.tenant.clock.now() < dt.timedelta(days=12, minutes=1)
    assert "client secret that signs in as application" in world.warnings[0] and "s3cret" not in world.warnings[0]


def test_what_may_not_be_read_is_unknown(world):
    world.tenant.faults.add("error", match="get_application", status=403, skip=1)

    assert expires(world) == "unknown" and world.timing.waited == 0


def test_trouble_is_not_waited_for(world):
    world.tenant.faults.add("error", match="get_application", status=503, skip=1, retry_after=60)

    assert expires(world) == "unknown" and world.timing.waited == 0


def test_a_certificate_says_so_itself(world):
    connection = world.connect(world.options())
    connection.find_application()
    connection.identity = ClientCertificate("client", "/operator.pem", lambda: ours(world.old))
    since = len(world.operations())

    told = with_operator(connection, world.options(), {})["operator_expires"]

    assert told == "2026-12-12T10:00:00Z" and world.operations(since) == []
    assert "/operator.pem" in world.warnings[0]


def test_an_application_that_signs_in_as_itself_has_no_operator(world):
    world.adopt()
    world.settle()

    options = world.options(**world.as_itself)
    assert with_operator(world.connect(options), options, {})["operator_expires"] is None


def test_nobody_signs_in_to_know_it(world):
    options = world.options()
    since = len(world.operations())

    assert with_operator(world.connect(options), options, {})["operator_expires"] is None
    assert world.operations(since) == []


def test_it_is_looked_up_once_in_a_play(world):
    end_of_the_secret(world, 12)
    with shared(Sharing(PlayMemory.open())):
        first = expires(world)
        since = len(world.operations())
        second = expires(world)

    assert first == second and world.operations(since).count("get_application") == 1
    assert len(world.warnings) == 2
