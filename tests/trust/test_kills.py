# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real process dies by SIGKILL at every file operation and at both ends of every request; the next one finishes.

Enumerated: a run that is not disturbed writes down its moments, and each of them is the end of one; in `make test` one
of each kind, and a sample.
"""

from __future__ import annotations

import re
import shutil
import signal

import oracle
import pytest
import scale
from processes import a_run, trace_of
from real import a_place


def administrator_by_update(place):
    return place.as_administrator(overlap=0, add_method="update")


def administrator_by_add_key(place):
    return place.as_administrator(overlap=0)


def itself_by_add_key(place):
    return place.as_the_application(overlap=0)


SCENARIOS = scale.either(
    (administrator_by_update, itself_by_add_key),
    soak=(administrator_by_update, itself_by_add_key, administrator_by_add_key),
    short=(itself_by_add_key,),
)


def kind_of(moment):
    """Without what differs from one version, or one port, to the next."""
    return re.sub(r"[0-9A-Fa-f-]{8,}|:\d+|\.\w{6,}", "", moment)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_a_process_killed_at_any_moment_loses_nothing_and_the_next_one_converges(scenario, server, processes, tmp_path):
    place = a_place(server, processes, tmp_path, server.emulator.tenant.issue("somebody", -10, 200))
    before = tuple(place.credentials.values())
    foreign = before[1]
    template = tmp_path / "template"
    shutil.copytree(tmp_path / "store", template, symlinks=True)
    [(code, said)] = processes.run(a_run(tmp_path / "whole", scenario(place)))
    assert code == 0, said
    moments = trace_of(tmp_path / "whole")

    fatal = scale.part_of(enumerate(moments), lambda one: kind_of(one[1]), check=0.35)
    for number, moment in fatal:
        place.begin_again(template, before)
        [(code, _said)] = processes.run(a_run(tmp_path / "killed", scenario(place), number))
        where = f"killed at {number}: {moment}"
        assert code == -signal.SIGKILL, where
        oracle.no_lock_out(place, where)
        oracle.consumers_sign_in(place, where)
        oracle.nothing_foreign_lost(place, foreign, where)
        oracle.no_key_lost(place, [foreign.certificate.thumbprint], where)
        oracle.nothing_secret_told(place, [], where)

        [(code, said)] = processes.run(a_run(tmp_path / "next", scenario(place)))
        assert code == 0, f"{where}: {said}"
        oracle.converged(place, foreign, (), where)
    assert len(moments) > 50
    scale.note("real_kills", processes_killed=len(fatal))
