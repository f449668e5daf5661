# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables of the page on diagnoses, made from those in the code: shown, put in (--write), or compared (--check)."""

from __future__ import annotations

import runpy
import sys
import types
import typing

import guide

CORE = guide.ROOT / "plugins/module_utils/_core"

WIDE = "20 20 30 30"


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


def tables(sources: Sources) -> dict[str, str]:
    head = ("Code", "Cause", "Remedy")
    return {
        "codes": guide.list_table((*head, "Retry", "AADSTS"), codes(sources), widths="20 32 32 8 8"),
        "numbers": guide.list_table(("AADSTS", *head), numbers(sources), widths=WIDE),
        "graph": guide.list_table(("Graph", *head), graph(sources), widths=WIDE),
    }


def codes(sources: Sources) -> typing.Iterator[tuple[str, ...]]:
    """Every code of ours, with the numbers of Entra that lead to it."""
    listed = {code: ["700027"] for code in ("certificate_not_registered", "certificate_expired", "wrong_private_key")}
    for number, meaning in sources.codes["SIGN_IN"].items():
        listed.setdefault(meaning.code, []).append(str(number))
    policies = sources.codes["SECURITY_POLICIES"]
    listed["conditional_access"].append(f"{policies.start} to {policies.stop - 1}")
    for code, row in sources.table["TABLE"].items():
        yield f"``{code}``", sentence(row.cause), row.remedy, row.retry, ", ".join(listed.get(code, []))


def numbers(sources: Sources) -> typing.Iterator[tuple[str, ...]]:
    """The numbers of Entra that say more than their code."""
    for number, meaning in sorted(sources.codes["SIGN_IN"].items()):
        if meaning.cause or meaning.remedy:
            yield explained(str(number), meaning, sources)
        if number in sources.codes["SIGN_IN_TEXTS"]:
            word, other = sources.codes["SIGN_IN_TEXTS"][number]
            yield explained(f"{number}, with the word '{word}'", other, sources)


def graph(sources: Sources) -> typing.Iterator[tuple[str, ...]]:
    """Every code of Graph, the family of policies, the texts, then the statuses."""
    for code, meaning in sorted(sources.codes["GRAPH"].items()):
        yield explained(f"``{code}``", meaning, sources)
    ending, family = sources.codes["POLICY_ENDING"], sources.codes["POLICY_FAMILY"]
    yield explained(f"any other that ends in ``{ending}``", family, sources)
    for words, meaning in sources.codes["GRAPH_TEXTS"].items():
        yield explained(f"any other, with the text '{words}'", meaning, sources)
    for status, meaning in sources.codes["STATUSES"].items():
        yield explained(f"HTTP {status}", meaning, sources)


def explained(name: str, meaning: typing.Any, sources: Sources) -> tuple[str, ...]:
    row = sources.table["TABLE"][meaning.code]
    return name, f"``{meaning.code}``", sentence(meaning.cause or row.cause), meaning.remedy or row.remedy


def sentence(cause: str) -> str:
    """A cause without a host of its own."""
    text = cause.format(host="The host")
    return text[0] + text[1:].replace("name The host", "name of the host").replace("The host", "the host")


if __name__ == "__main__":
    sys.exit(guide.main("guide_diagnosis.rst", tables(read_sources()), "tools/diagnosis_page.py"))
