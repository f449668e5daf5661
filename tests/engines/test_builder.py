# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The build context of an execution environment. An image is not built: that takes a container engine."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import indent

import yaml
from engines.fleet import program, run

ROOT = Path(__file__).resolve().parents[2]
DEFINITION = ROOT / "docs" / "examples" / "engines" / "execution-environment.yml"


def test_the_example_makes_a_build_context(tmp_path):
    context = build_context(tmp_path)

    assert yaml.safe_load((context / "_build" / "requirements.yml").read_text(encoding="utf-8")) == {
        "collections": [{"name": "evercert.entra", "version": f">={version()}"}]
    }
    role = yaml.safe_load((ROOT / "roles" / "renew" / "meta" / "main.yml").read_text(encoding="utf-8"))
    recipe = (context / "Containerfile").read_text(encoding="utf-8")
    assert f"ansible-core>={role['galaxy_info']['min_ansible_version']}" in recipe
    assert "ansible-runner>=" in recipe


def test_the_guide_shows_the_example():
    guide = (ROOT / "docs" / "docsite" / "rst" / "guide_engines.rst").read_text(encoding="utf-8")
    definition = DEFINITION.read_text(encoding="utf-8").partition("\n\n")[2]

    assert indent(definition, " " * 4) in guide


def test_the_image_gets_the_libraries_of_the_modules(tmp_path):
    """The context's own script asks the installed collection, as it does while an image is built."""
    script = build_context(tmp_path) / "_build" / "scripts" / "introspect.py"
    found = tmp_path / "found.txt"

    done = run(sys.executable, script, "introspect", installed(tmp_path), "--write-pip", found)

    assert done.returncode == 0, done.stdout
    wanted = [line for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines() if ">=" in line]
    assert [line.split()[0] for line in found.read_text(encoding="utf-8").splitlines()] == wanted


def build_context(tmp_path):
    context = tmp_path / "context"
    done = run(
        program("ansible-builder"), "create", "-f", DEFINITION, "-c", context, "--output-filename", "Containerfile"
    )
    assert done.returncode == 0, done.stdout
    return context


def installed(tmp_path):
    """The collection as its archive installs it."""
    galaxy, place = program("ansible-galaxy"), tmp_path / "collections"
    built = run(galaxy, "collection", "build", "--output-path", tmp_path, ROOT)
    assert built.returncode == 0, built.stdout
    [archive] = tmp_path.glob("*.tar.gz")
    # Without PYTHONPATH, through which the checkout itself counts as installed.
    done = run(
        galaxy,
        "collection",
        "install",
        "--offline",
        "-p",
        place,
        archive,
        PYTHONPATH="",
        ANSIBLE_COLLECTIONS_PATH=str(place),
    )
    assert done.returncode == 0, done.stdout
    return place


def version():
    return yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]
