# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role schedule: files for systemd and for cron, made once, kept, exchanged and removed."""

from __future__ import annotations

import json
import locale
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import scale
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

pytestmark = [
    scale.sampled,
    scale.in_check,  # many plays; a play of `make test` makes one schedule
    pytest.mark.skipif(os.geteuid() != 0, reason="what the role writes belongs to root"),
]
ROLE = Path(__file__).resolve().parents[3] / "roles" / "schedule"
# Enough of systemctl for Ansible's module: units are started and enabled by files, and everything said is noted.
SYSTEMCTL = """#!/bin/sh
here={folder}/systemd
mkdir -p $here
echo "$*" >> $here/said
name=$(for word; do case $word in *.timer) echo $word;; esac; done)
case "$*" in
*is-enabled*) test -e $here/enabled.$name && echo enabled || {{ echo disabled; exit 1; }} ;;
*disable*) rm -f $here/enabled.$name ;;
*enable*) touch $here/enabled.$name ;;
*stop*) rm -f $here/active.$name ;;
*start*) touch $here/active.$name ;;
*show*)
  echo LoadState=loaded
  echo 'NextElapseUSecRealtime=Wed 2026-11-25 03:12:00 UTC'
  test -e $here/active.$name && echo ActiveState=active || echo ActiveState=inactive ;;
esac
"""
# Arguments as people have them: a shell, systemd and cron each see something in them that they must not.
ARGUMENTS = ["-e", 'target=a b"c', "-e", "share=100% of $HOME 'all'", "back\\slash"]


class Site:
    """One host that systemd runs and one without it; roles are applied to both in one play."""

    def __init__(self, folder):
        self.folder = folder
        for name in ("bin", "by_systemd", "by_cron"):
            (folder / name).mkdir()
        program(folder / "bin" / "systemctl", SYSTEMCTL.format(folder=folder))
        self.noted = folder / "noted"
        note = f"import json, sys; open({str(self.noted)!r}, 'a').write(json.dumps(sys.argv[1:]) + '\\n')"
        program(folder / "bin" / "ansible-playbook", f"#!{sys.executable}\n{note}\n")
        (folder / "inventory").write_text("by_systemd schedule_method=systemd\nby_cron schedule_method=cron\n")
        self.given = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "__schedule_unit_directory": str(folder / "{{ inventory_hostname }}"),
            "__schedule_cron_directory": str(folder / "{{ inventory_hostname }}"),
            "schedule_executable": str(folder / "bin" / "ansible-playbook"),
            "schedule_inventory": "/etc/inventory.yml",
            "schedule_directory": str(folder),
        }

    def play(self, *arguments, **given):
        """What Ansible returns and says."""
        play = {"hosts": "all", "gather_facts": False, "roles": ["evercert.entra.schedule"]}
        play["environment"] = {"PATH": f"{self.folder}/bin:/usr/bin:/bin"}
        (self.folder / "play.yml").write_text(json.dumps([play]))
        (self.folder / "given.json").write_text(json.dumps({**self.given, **given}))
        command = [sys.executable, "-m", "ansible", "playbook", "-i", "inventory", "play.yml", "-e", "@given.json"]
        return subprocess.run([*command, *arguments], cwd=self.folder, capture_output=True, text=True, check=False)

    def changed(self, *arguments, **given):
        """How many tasks changed something on each host; none may fail."""
        done = self.play(*arguments, **given)
        assert done.returncode == 0, done.stdout + done.stderr
        self.said = done.stdout
        return dict(re.findall(r"^(by_\w+) +: ok=\d+ +changed=(\d+)", done.stdout, re.MULTILINE))

    @property
    def files(self):
        """What the role has left, on the host by systemd and on the other one."""
        return [sorted(path.name for path in (self.folder / host).iterdir()) for host in ("by_systemd", "by_cron")]

    def unit(self, suffix):
        return (self.folder / "by_systemd" / f"evercert-renew.{suffix}").read_text()

    @property
    def cron(self):
        return (self.folder / "by_cron" / "evercert-renew").read_text()


def program(path, text):
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


UNITS = ["evercert-renew.service", "evercert-renew.timer"]
GIVEN = {"schedule_arguments": ARGUMENTS, "schedule_days": ["Mon", "Thu"], "schedule_times": ["23:50"]}
WANTED = ["evercert.entra.renew", "-i", "/etc/inventory.yml", *ARGUMENTS]


def test_a_schedule_is_planned_made_once_exchanged_and_removed(site):
    assert set(site.changed("--check").values()) == {"1", "2"} and site.files == [[], []]

    assert site.changed() == {"by_systemd": "3", "by_cron": "1"}
    assert site.files == [UNITS, ["evercert-renew"]]
    assert "next Wed 2026-11-25 03:12:00 UTC" in site.said
    assert len(re.findall(r"up to 60 minutes later; next \d{4}-\d\d-\d\d 0[34]:\d\d", site.said)) == 1

    assert site.changed() == {"by_systemd": "0", "by_cron": "0"}

    assert site.changed(**GIVEN) == {"by_systemd": "3", "by_cron": "1"}
    assert "restart evercert-renew.timer" in (site.folder / "systemd" / "said").read_text().splitlines()
    assert is_run_by_cron(site) and is_run_by_systemd(site)

    site.changed("--limit", "by_systemd", "-e", "schedule_method=cron")
    assert site.files == [["evercert-renew"], ["evercert-renew"]]

    site.changed(schedule_state="absent")
    assert site.files == [[], []] and [path.name for path in (site.folder / "systemd").iterdir()] == ["said"]


def is_run_by_cron(site):
    """A shell that is given the line runs what was asked for, with everything that is in it."""
    minute, hour, *days, user, command = site.cron.splitlines()[-1].split(" ", 6)
    assert (hour, days, user) == ("23", ["*", "*", "Mon,Thu"], "root") and 50 <= int(minute) <= 59
    path = {"PATH": f"{site.folder}/bin:/usr/bin:/bin"}
    subprocess.run(["/bin/sh", "-c", command.replace("\\%", "%")], check=True, env=path)
    return json.loads(site.noted.read_text()) == WANTED


def is_run_by_systemd(site):
    """Its quoting is that of a shell but for % and $; systemd itself has no complaint, where it is installed."""
    [start] = re.findall(r"^ExecStart=(.*)$", site.unit("service"), re.MULTILINE)
    assert "OnCalendar=Mon,Thu *-*-* 23:50:00" in site.unit("timer")
    if shutil.which("systemd-analyze"):
        units = [str(site.folder / "by_systemd" / name) for name in UNITS]
        checked = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
        assert [line for line in checked.stderr.splitlines() if "evercert-renew" in line] == []
    return [word.replace("%%", "%").replace("$$", "$") for word in shlex.split(start)[1:]] == WANTED


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        (
            {"schedule_times": ["3 am", "03:00"], "schedule_name": "a name", "schedule_jitter": "-1"},
            ("not'3am'", "schedule_namemust", "schedule_jittermustnotbenegative"),
        ),
        (
            {"schedule_inventory": None, "schedule_executable": "/nowhere/ansible-playbook"},
            ("schedule_inventoryisneeded", "/nowhere/ansible-playbookisno", "chmod600"),
        ),
    ],
    ids=["variables", "files"],
)
def test_what_cannot_work_is_refused_at_once_and_nothing_is_made(site, given, parts):
    secrets = site.folder / "secrets"
    secrets.write_text("AZURE_CLIENT_SECRET=x\n")
    secrets.chmod(0o644)
    done = site.play(**given, schedule_environment_file=str(secrets))

    told = "".join(done.stdout.split())
    assert done.returncode == 2 and site.files == [[], []]
    assert [part for part in parts if told.count(part) < 2] == []
    assert "AZURE_CLIENT_SECRET=x" not in done.stdout


@pytest.fixture
def german(tmp_path, monkeypatch):
    """Names of days are German ones: 2 December 2026 is a Mi."""
    try:
        made = subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8", str(tmp_path / "de_DE.UTF-8")], check=False)
    except FileNotFoundError:
        pytest.skip("localedef is not installed")
    if made.returncode:
        pytest.skip("the German locale cannot be made here")
    monkeypatch.setenv("LOCPATH", str(tmp_path))
    before = locale.setlocale(locale.LC_TIME)
    locale.setlocale(locale.LC_TIME, "de_DE.UTF-8")
    yield
    locale.setlocale(locale.LC_TIME, before)


@pytest.mark.parametrize(
    ("days", "expected"),
    [([], "2026-11-30 03:00 CET"), (["Wed"], "2026-12-02 03:00 CET"), (["Sun", "Sat"], "2026-12-05 03:00 CET")],
)
def test_the_next_run_of_cron_is_found_in_every_language(german, days, expected):
    variables = yaml.safe_load((ROLE / "vars" / "main.yml").read_text(encoding="utf-8"))
    given = {"schedule_days": days, "schedule_times": ["03:00"], "schedule_jitter": 0, "schedule_name": "x"}
    now = {"ansible_facts": {"date_time": {"date": "2026-11-29", "time": "20:00:00", "tz": "CET"}}}
    known = {name: trust_as_template(text) for name, text in variables.items() if name.startswith("__")}
    templar = Templar(loader=DataLoader(), variables={"inventory_hostname": "payroll", **known, **given, **now})

    assert templar.template(known["__schedule_cron_next"]) == expected
