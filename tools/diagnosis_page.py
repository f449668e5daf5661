# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the page on diagnoses from the table in the code: `tools/py tools/diagnosis_page.py`, or --check."""

from __future__ import annotations

import runpy
import sys
import types
import typing
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORE = ROOT / "plugins/module_utils/_core"
PAGE = ROOT / "docs/docsite/rst/guide_diagnosis.rst"

HEAD = """\
..
  Copyright: Contributors to the evercert.entra project
  GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
  SPDX-License-Identifier: GPL-3.0-or-later

.. Made by tools/diagnosis_page.py from diagnosis.py and service_codes.py in plugins/module_utils/_core.

.. _ansible_collections.evercert.entra.docsite.guide_diagnosis:

When a sign-in or a request is refused
======================================

A module that fails returns ``diagnosis`` with a stable ``code``, its ``cause``, a ``remedy``, and ``evidence`` with
what the service said. ``retry`` says how to take it:

- ``wait``: the certificate may not be visible yet.
- ``later``: passing trouble that says nothing about the certificate.
- ``no``: final until somebody changes something.

Quote ``correlation_id``, ``trace_id`` and ``timestamp`` of the evidence to Microsoft's support. A number or code that
is not on this page is ``unknown``: the message then has the service's own words, the correlation ID and the time.

.. contents::
   :local:
   :depth: 1

The codes
---------

.. list-table::
   :header-rows: 1
   :widths: 20 32 32 8 8

   * - Code
     - Cause
     - Remedy
     - Retry
     - AADSTS
"""

BUNDLE = """
The support bundle
------------------

With ``support_bundle`` the module ``application_certificate_verify`` writes one JSON file with what a support engineer
asks for. It is written on success and on failure, also when nothing could be reached, is readable by its owner only,
and holds no private key, secret, passphrase, token or assertion. The connection is left out here: set it once with
``module_defaults``, see :ref:`ansible_collections.evercert.entra.docsite.guide_sign_in`.

.. code-block:: yaml

    - name: Why does the sign-in fail?
      evercert.entra.application_certificate_verify:
        app_id: "{{ app_id }}"
        key_store: "{{ key_store }}"
        sign_ins: 1
        support_bundle: /tmp/payroll.json

.. code-block:: json

    {
      "asked": {"app_id": "1f0e7a52-...", "cloud": "public", "key_store": "/etc/payroll/keys", "sign_ins": 1},
      "clock": {"host": "2026-11-22T10:00:03Z", "service": "2026-11-22T10:00:01Z", "offset_seconds": 2},
      "correlation_ids": ["7c2d5e0f-1111-4a3b-8c1d-2f3e4d5c6b7a"],
      "failure": "The application is disabled in this tenant. ...",
      "format": 2,
      "hosts": {"authority": "https://login.microsoftonline.com", "graph": "https://graph.microsoft.com"},
      "identity": "key_store",
      "verification": {
        "checks": [{"name": "sign_in", "ok": false, "detail": "The application is disabled ...", "elapsed": 0.3}],
        "diagnosis": {"code": "application_disabled", "evidence": {"error_codes": [7000112], "http_status": 400}},
        "evidence": {"thumbprint_sha256": "0E6F...", "assertion_alg": "PS256"},
        "verified": false
      },
      "versions": {"evercert.entra": "0.1.0", "ansible": "2.21.5", "msal": "1.39.0", "openssl": "OpenSSL 3.0.17"}
    }

``offset_seconds`` is how far this host's clock is ahead of the service's, and null when no answer told the time.
"""

NUMBERS = """
The numbers of Microsoft Entra
------------------------------

Entra names the reason of a refused sign-in by a number such as AADSTS700016. Where it says more than the code of this
collection, ``cause`` and ``remedy`` are these:

"""

GRAPH = """
The codes of Microsoft Graph
----------------------------

Graph names an error by a code, or by nothing but the status of the answer:

"""

COLUMNS = """\
.. list-table::
   :header-rows: 1
   :widths: 20 20 30 30

   * - {first}
     - Code
     - Cause
     - Remedy
"""


class Sources(typing.NamedTuple):
    """The two files that the page is made from, as they are when they run."""

    table: dict[str, typing.Any]
    codes: dict[str, typing.Any]


def read_sources() -> Sources:
    """They import each other by a name that holds within the collection only, so the second is handed to the first."""
    codes = runpy.run_path(str(CORE / "service_codes.py"), run_name="evercert_core.service_codes")
    package, module = types.ModuleType("evercert_core"), types.ModuleType("evercert_core.service_codes")
    vars(module).update(codes)
    sys.modules.update({package.__name__: package, module.__name__: module})
    return Sources(runpy.run_path(str(CORE / "diagnosis.py"), run_name="evercert_core.diagnosis"), codes)


def page() -> str:
    sources = read_sources()
    text = HEAD + "".join(codes(sources)) + BUNDLE
    text += NUMBERS + COLUMNS.format(first="AADSTS") + "".join(numbers(sources))
    text += GRAPH + COLUMNS.format(first="Graph") + "".join(graph(sources))
    return "\n".join(line.rstrip() for line in text.split("\n"))


def codes(sources: Sources) -> typing.Iterator[str]:
    """Every code of ours, with the numbers of Entra that lead to it."""
    listed = {code: ["700027"] for code in ("certificate_not_registered", "certificate_expired", "wrong_private_key")}
    for number, meaning in sources.codes["SIGN_IN"].items():
        listed.setdefault(meaning.code, []).append(str(number))
    policies = sources.codes["SECURITY_POLICIES"]
    listed["conditional_access"].append(f"{policies.start} to {policies.stop - 1}")
    for code, row in sources.table["TABLE"].items():
        yield cells(f"``{code}``", sentence(row.cause), row.remedy, row.retry, ", ".join(listed.get(code, [])))


def numbers(sources: Sources) -> typing.Iterator[str]:
    """The numbers of Entra that say more than their code."""
    for number, meaning in sorted(sources.codes["SIGN_IN"].items()):
        if meaning.cause or meaning.remedy:
            yield explained(str(number), meaning, sources)
        if number in sources.codes["SIGN_IN_TEXTS"]:
            word, other = sources.codes["SIGN_IN_TEXTS"][number]
            yield explained(f"{number}, with the word '{word}'", other, sources)


def graph(sources: Sources) -> typing.Iterator[str]:
    """Every code of Graph, the family of policies, the texts, then the statuses."""
    for code, meaning in sorted(sources.codes["GRAPH"].items()):
        yield explained(f"``{code}``", meaning, sources)
    ending, family = sources.codes["POLICY_ENDING"], sources.codes["POLICY_FAMILY"]
    yield explained(f"any other that ends in ``{ending}``", family, sources)
    for words, meaning in sources.codes["GRAPH_TEXTS"].items():
        yield explained(f"any other, with the text '{words}'", meaning, sources)
    for status, meaning in sources.codes["STATUSES"].items():
        yield explained(f"HTTP {status}", meaning, sources)


def explained(name: str, meaning: typing.Any, sources: Sources) -> str:
    row = sources.table["TABLE"][meaning.code]
    return cells(name, f"``{meaning.code}``", sentence(meaning.cause or row.cause), meaning.remedy or row.remedy)


def cells(*texts: str) -> str:
    return "   * - " + "\n     - ".join(texts) + "\n"


def sentence(cause: str) -> str:
    """A cause without a host of its own."""
    text = cause.format(host="The host")
    return text[0] + text[1:].replace("name The host", "name of the host").replace("The host", "the host")


def main() -> int:
    if sys.argv[1:] == ["--check"]:
        if PAGE.read_text(encoding="utf-8") == page():
            return 0
        print(f"{PAGE.relative_to(ROOT)} does not match the table in the code. Run: tools/py tools/diagnosis_page.py")
        return 1
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
