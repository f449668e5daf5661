# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the page on diagnoses from the table in the code: `python tools/diagnosis_page.py`, or --check."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "plugins/module_utils/_core/diagnosis.py"
PAGE = ROOT / "docs/docsite/rst/guide_diagnosis.rst"

HEAD = """\
..
  Copyright: Contributors to the evercert.entra project
  GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
  SPDX-License-Identifier: GPL-3.0-or-later

.. Made by tools/diagnosis_page.py from plugins/module_utils/_core/diagnosis.py; change it there.

.. _ansible_collections.evercert.entra.docsite.guide_diagnosis:

When a sign-in is refused
=========================

A module that fails returns ``diagnosis`` with a stable ``code``, its ``cause``, a ``remedy``, and ``evidence`` with
what the service said. ``retry`` says how to take it:

- ``wait``: the certificate may not be visible yet.
- ``later``: passing trouble that says nothing about the certificate.
- ``no``: final until somebody changes something.

Quote ``correlation_id``, ``trace_id`` and ``timestamp`` of the evidence to Microsoft's support.

.. list-table::
   :header-rows: 1
   :widths: 20 32 32 8 8

   * - Code
     - Cause
     - Remedy
     - Retry
     - AADSTS
"""


def page() -> str:
    table = runpy.run_path(str(SOURCE), run_name="diagnosis")
    numbers: dict[str, list[str]] = {"certificate_not_registered": ["700027"], "certificate_expired": ["700027"]}
    numbers["wrong_private_key"] = ["700027"]
    for number, code in table["SIGN_IN_CODES"].items():
        numbers.setdefault(code, []).append(str(number))
    rows = [
        f"   * - ``{code}``\n"
        f"     - {row.cause.format(host='The host')}\n"
        f"     - {row.remedy}\n"
        f"     - {row.retry}\n"
        f"     - {', '.join(numbers.get(code, []))}\n"
        for code, row in table["TABLE"].items()
    ]
    text = (HEAD + "".join(rows)).replace("to The host", "to the host").replace("name The host", "name of the host")
    return "\n".join(line.rstrip() for line in text.split("\n"))


def main() -> int:
    if sys.argv[1:] == ["--check"]:
        if PAGE.read_text(encoding="utf-8") == page():
            return 0
        print(f"{PAGE.relative_to(ROOT)} does not match the table in the code. Run: python tools/diagnosis_page.py")
        return 1
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
