# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Slices of a job, side by side as a controller runs them: together the work of one run, each thing once."""

from __future__ import annotations

import random
import subprocess

import pytest
import scale
from engines.fleet import as_json, program
from engines.slicing import slice_of, sliced_inventory, write_script

DUE, HEALTHY, SLICES = scale.either((2, 1, 2), (24, 12, 5))


@pytest.mark.parametrize("count", [1, 2, 3, 7, 30, 31])
def test_slices_are_a_partition_of_the_hosts(count):
    names = [f"application-{number}" for number in random.Random(count).sample(range(1000), 30)]

    slices = [slice_of(names, number, count) for number in range(1, count + 1)]

    assert sorted(name for one in slices for name in one) == sorted(names)
    assert max(map(len, slices)) - min(map(len, slices)) <= 1


def test_slices_together_do_the_work_of_one_run(fleet, tmp_path):
    """Among them two hosts that use one application and one key store, in different slices."""
    due = [f"due-{number:02d}" for number in range(DUE)]
    healthy = [f"healthy-{number:02d}" for number in range(HEALTHY)]
    for name in due:
        fleet.add(name)
    for name in healthy:
        fleet.add(name, ends=90.0)
    twin = "due-00-again"
    fleet.hosts[twin] = dict(fleet.hosts["due-00"])
    assert not any({"due-00", twin} <= set(slice_of(fleet.hosts, number, SLICES)) for number in range(1, SLICES + 1))
    before = {name: fleet.current(name) for name in (*due, *healthy)}

    ended = run_slices(fleet, tmp_path, SLICES, renew_overlap=0)

    assert [code for code, _said in ended] == [0] * SLICES, ended
    assert fleet.writes() == {(name, operation): 1 for name in due for operation in ("add_key", "remove_key")}
    for name in due:
        assert fleet.registered(name) == {fleet.current(name)} != {before[name]}
        assert fleet.versions(name) == {fleet.current(name), before[name]}
    for name in healthy:
        assert fleet.registered(name) == {fleet.current(name)} == {before[name]}


def test_a_slice_without_a_host_of_the_target_succeeds_where_that_is_allowed(fleet, tmp_path):
    """So a survey's answer is better than a limit: the controller fails a slice that a limit leaves without hosts."""
    fleet.add("healthy", ends=90.0)
    fleet.add("other", ends=90.0, groups=("elsewhere",))

    [(refused, why)] = run_slices(fleet, tmp_path, 2, only=1, target="elsewhere")
    [(code, said)] = run_slices(fleet, tmp_path, 2, only=1, target="elsewhere", allow_no_hosts=True)

    assert refused == 2 and "allow_no_hosts=true" in why
    assert code == 0, said
    assert "no hosts matched" in said


def run_slices(fleet, tmp_path, count, only=None, **variables):
    """Exit codes and outputs of the slices, which run at the same time; `only` runs a single one of them."""
    secret = as_json(tmp_path / "secret.json", {"entra_client_secret": fleet.secret, **variables})
    jobs = []
    for number in [only] if only else range(1, count + 1):
        inventory = sliced_inventory(fleet.hosts, fleet.variables(), number, count)
        script = write_script(tmp_path / f"slice-{number}" / "hosts", inventory)
        command = [program("ansible-playbook"), "evercert.entra.renew", "-i", str(script), "-e", f"@{secret}"]
        jobs.append(
            subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
        )
    said = [job.communicate()[0] for job in jobs]
    return [(job.returncode, text) for job, text in zip(jobs, said)]
