# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real browser for the page: Chromium as a package of the environment brings it, else one that the machine has."""

from __future__ import annotations

import io
import os
import shutil
import sys
import tarfile
from pathlib import Path

import brotli
import pytest
from ansible_collections.evercert.entra.tests.unit.reports import a_row, text_of
from playwright.sync_api import Error, sync_playwright

PACKED = Path(sys.prefix) / "node_modules" / "@sparticuz" / "chromium" / "bin"
UNPACKED = Path(sys.prefix) / "chromium"
OF_THE_MACHINE = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
COLLECT = """
window.violations = [];
addEventListener("securitypolicyviolation", event => violations.push(`${event.violatedDirective} ${event.blockedURI}`));
window.alert = () => { window.alerted = true; };
"""


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        running = start(playwright)
        yield running
        running.close()


def start(playwright):
    """The first browser that starts; the reasons of all that do not, else."""
    reasons = []
    for program, variables in candidates():
        try:
            # Whoever runs the tests as root, as a container does, has no sandbox; the pages are our own.
            return playwright.chromium.launch(executable_path=program, env=variables, args=["--no-sandbox"])
        except Error as error:
            reasons.append(f"{program}: {error.message.splitlines()[0]}")
    return pytest.skip(f"No browser starts here. {' '.join(reasons) or 'None was found.'}")


def candidates():
    if PACKED.is_dir():
        yield unpacked(), {**os.environ, "LD_LIBRARY_PATH": str(UNPACKED / "lib"), **fonts()}
    for name in OF_THE_MACHINE:
        program = shutil.which(name)
        if program:
            yield program, dict(os.environ)


def fonts():
    """A machine without fonts gets those of the package."""
    return {} if Path("/etc/fonts").is_dir() else {"FONTCONFIG_PATH": str(UNPACKED / "fonts")}


def unpacked():
    program = UNPACKED / "chromium"
    if not program.exists():
        UNPACKED.mkdir(exist_ok=True)
        for name in ("al2023", "fonts", "swiftshader"):
            archive = io.BytesIO(brotli.decompress((PACKED / f"{name}.tar.br").read_bytes()))
            with tarfile.open(fileobj=archive) as content:
                content.extractall(UNPACKED, filter="data")
        half = UNPACKED / "half"
        half.write_bytes(brotli.decompress((PACKED / "chromium.br").read_bytes()))
        half.chmod(0o755)
        half.rename(program)
    return str(program)


@pytest.fixture
def open_page(browser, tmp_path):
    """Show a report of these rows. Nothing may leave the page, and its policy must hold, in every test."""
    contexts, heard = [], []

    def show(*rows, before=None, settings=None, **context):
        path = tmp_path / "report.html"
        path.write_text(text_of("html", *rows, before=before, **settings or {}), encoding="utf-8", newline="")
        made = browser.new_context(viewport={"width": 1280, "height": 900}, **context)
        contexts.append(made)
        page = made.new_page()
        page.add_init_script(COLLECT)
        page.on("console", lambda message: heard.append(message.text))
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith("file:") else heard.append(request.url))
        page.goto(path.as_uri())
        return page

    show.heard = heard
    yield show
    for context in contexts:
        context.close()
    assert heard == []


@pytest.fixture(scope="session")
def many_rows():
    """30,000 applications: every third is without a certificate, every tenth ends soon."""
    days = (None, *(range(31, 400, 41)), 12)
    return [a_row(f"application-{number:05}", days[number % len(days)]) for number in range(30_000)]
