# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each format, as its readers read it."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest
from ansible_collections.evercert.entra.plugins.module_utils._report.as_page import policy
from ansible_collections.evercert.entra.plugins.module_utils._report.as_text import lines_of
from ansible_collections.evercert.entra.plugins.module_utils._report.changes import Comparison
from ansible_collections.evercert.entra.tests.unit.reports import (
    HOSTILE,
    OTHER_TENANT,
    TENANT,
    a_certificate,
    a_report,
    a_row,
    text_of,
)
from junitparser import JUnitXml
from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).resolve().parents[5]
SCHEMA = json.loads((ROOT / "docs" / "schemas" / "report-1.json").read_text(encoding="utf-8"))
FEW = (a_row("orders", 90), a_row("payroll", 12), a_row("mailer", -3), a_row("badge", None))
MOMENT = "2026-11-21T10:00:00Z"


def on_two_hosts(name="payroll", days=5):
    """One application that was looked at on two hosts."""
    return [{**a_row(name, days), "host": host} for host in ("web1", "web2")]


def hostile_rows():
    return [a_row(name, days) for name in HOSTILE for days in (12, None)]


def since(*rows):
    comparison = Comparison(MOMENT)
    for row in rows:
        comparison.remember(row)
    return comparison


# --- JSON


def test_json_keeps_to_its_schema_and_has_an_application_on_each_line():
    steps = {**a_row("renewed", 90, "renewed"), "steps": [{"step": "prove", "detail": "x"}], "host": "web1"}
    stored = a_row("stored", certificates=[{**a_certificate("aa", 2), "stage": "current"}])
    text = text_of("json", *hostile_rows(), steps, stored, before=since(a_row("gone"), a_row("renewed", 12)))

    jsonschema.validate(json.loads(text), SCHEMA)
    jsonschema.validate(json.loads(text_of("json")), SCHEMA)
    assert all(json.loads(line.lstrip(",")) for line in text.splitlines()[1:-1])


def test_json_has_the_whole_name():
    assert json.loads(text_of("json", *hostile_rows()))["applications"][10]["display_name"] == "N" * 10_000


# --- CSV


def cells(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_csv_has_a_line_for_each_application():
    lines = cells(text_of("csv", *FEW))

    assert [(line["display_name"], line["status"], line["days_left"]) for line in lines] == [
        ("orders", "healthy", "90"),
        ("payroll", "near_expiry", "12"),
        ("mailer", "expired", "-3"),
        ("badge", "missing", ""),
    ]
    assert lines[1]["remedies"] == "Renew it."


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t=", " =", "'=", "\uff1d", "\n=", '"='])
def test_no_cell_of_csv_is_a_formula(sign):
    (line,) = cells(text_of("csv", a_row(f"{sign}HYPERLINK(1)")))

    assert line["display_name"].startswith(("'", "<U+"))


@pytest.mark.parametrize("name", ["x;=cmd|' /C calc'!A0;", "x; @SUM(1)", 'a;";-1', ";=1", "\uff1b;\uff1d1"])
def test_no_cell_of_csv_is_a_formula_where_a_semicolon_begins_a_cell(name):
    lines = csv.reader(io.StringIO(text_of("csv", a_row(name))), delimiter=";")

    assert not [
        cell for line in lines for cell in line if cell.lstrip(" '\"")[:1] in tuple("=+-@\uff1d") and cell[:1] != "'"
    ]


# --- JUnit


def test_junit_has_a_case_for_each_application():
    suite = next(iter(JUnitXml.fromstring(text_of("junit", *FEW).encode())))

    assert (suite.tests, suite.failures, suite.skipped, suite.errors) == (4, 2, 1, 0)
    assert [[type(found).__name__ for found in case.result] for case in suite] == [
        [],
        ["Failure"],
        ["Failure"],
        ["Skipped"],
    ]
    assert [case.result[0].type for case in suite if case.is_failure] == ["near_expiry", "expired"]


def test_a_word_of_fail_on_makes_a_failure_in_junit():
    suite = next(iter(JUnitXml.fromstring(text_of("junit", *FEW, fail_on=("missing", "healthy")).encode())))

    assert (suite.failures, suite.skipped) == (4, 0)


def test_junit_takes_hostile_names():
    suite = next(iter(JUnitXml.fromstring(text_of("junit", *hostile_rows()).encode())))

    assert len(list(suite)) == len(HOSTILE) * 2


# --- Prometheus


def samples(text):
    return [
        (sample.name, sample.labels, sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]


def test_prometheus_counts_by_tenant():
    found = samples(text_of("prometheus", *FEW, a_row("x", 5, tenant=OTHER_TENANT)))

    assert ("evercert_entra_applications", {"tenant_id": TENANT, "status": "expired"}, 1.0) in found
    assert ("evercert_entra_applications", {"tenant_id": TENANT, "status": "rejected"}, 0.0) in found
    assert ("evercert_entra_findings", {"tenant_id": TENANT, "reason": "missing"}, 1.0) in found
    assert ("evercert_entra_applications_ending", {"tenant_id": OTHER_TENANT, "within_days": "7"}, 1.0) in found
    assert ("evercert_entra_next_expiry_timestamp_seconds", {"tenant_id": TENANT}, 1796378400.0) in found
    assert ("evercert_entra_report_timestamp_seconds", {"tenant_id": TENANT}, 1795341600.0) in found


def test_the_number_of_series_does_not_grow_with_the_applications():
    many = [a_row(f"application {number}", number) for number in range(1, 400)]

    assert len(samples(text_of("prometheus", *many))) == len(samples(text_of("prometheus", *many[:80])))


def test_every_series_has_help_and_a_type_once():
    text = text_of("prometheus", *FEW)
    named = re.findall(r"^# TYPE (\S+) gauge$", text, re.MULTILINE)

    assert sorted(named) == sorted(set(named)) == sorted(re.findall(r"^# HELP (\S+) .+\.$", text, re.MULTILINE))
    assert len(named) == 5


# --- SARIF


def test_sarif_has_a_result_for_each_finding_that_somebody_has_to_act_on():
    run = json.loads(text_of("sarif", *FEW))["runs"][0]

    assert [(found["ruleId"], found["level"]) for found in run["results"]] == [
        ("expired", "error"),
        ("near_expiry", "warning"),
    ]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["expired", "near_expiry"]
    uris = [found["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for found in run["results"]]
    assert uris == [f"entra/{TENANT}/{row['app_id']}" for row in (FEW[2], FEW[1])]


def test_a_result_of_sarif_is_the_same_one_the_next_day():
    marks = [
        json.loads(text_of("sarif", a_row("payroll", days)))["runs"][0]["results"][0]["partialFingerprints"]
        for days in (12, 11)
    ]

    assert marks[0] == marks[1]


# --- Markdown


def test_markdown_has_counts_and_what_needs_attention():
    text = text_of("markdown", *FEW, before=since(FEW[0], a_row("payroll", 2)))

    assert "4 applications" in text
    assert re.search(r"\| \S near expiry \| 1 \|", text)
    assert "## 2 need attention" in text
    assert "1 renewed" in text
    assert text.index("mailer") < text.index("payroll")
    assert "orders" not in text


def test_markdown_that_nobody_has_to_act_on_says_so():
    assert "Nothing needs attention." in text_of("markdown", a_row())


def test_markdown_makes_no_markup_of_names():
    text = text_of("markdown", *hostile_rows())

    assert "<img" not in text
    assert "<script" not in text
    assert "[a](" not in text
    assert "@everyone" not in text


@pytest.mark.parametrize(
    "address", ["https://evil.example/login", "HTTP://evil.example", "www.evil.example", "ftp://x"]
)
def test_markdown_makes_no_link_of_an_address_that_somebody_uses_as_a_name(address):
    """Viewers make links of bare addresses; a piece of nothing in between is seen by nobody."""
    text = text_of("markdown", a_row(address, 5))

    assert address not in text and address in text.replace("<wbr>", "")
    assert not re.search(r"://\w|www\.\w", text, re.IGNORECASE)


def test_markdown_ends_before_the_limit_of_a_step_summary():
    rows = [a_row("\u4e2d" * 200 + str(number), 5) for number in range(5000)]
    text = text_of("markdown", *rows)

    assert len(text.encode()) < 1 << 20
    assert re.search(r"\d,\d{3} more are in the other files\.", text)


# --- the page


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.data, self.inside = [], {}, None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.inside = dict(attrs).get("id") if tag == "script" else None

    def handle_endtag(self, tag):
        self.inside = None if tag == "script" else self.inside

    def handle_data(self, data):
        if self.inside:
            self.data[self.inside] = self.data.get(self.inside, "") + data


def test_the_page_has_no_attribute_that_runs_and_asks_for_nothing():
    page = Page(text_of("html", *hostile_rows(), before=since(*(a_row(name, 3) for name in HOSTILE), a_row("<b>gone"))))
    names = {name for _tag, attributes in page.tags for name in attributes}

    assert not {name for name in names if name.startswith("on") or name in ("style", "src", "srcset")}
    assert {tag for tag, _attributes in page.tags} & {"img", "link", "iframe", "object", "b>gone"} == set()
    assert {attributes["href"] for tag, attributes in page.tags if tag == "a"} == {"#applications"}
    assert len([tag for tag, _attributes in page.tags if tag == "script"]) == 3


def test_the_rows_of_the_page_are_data():
    rows = json.loads(Page(text_of("html", *FEW)).data["rows"])

    assert [row[0] for row in rows] == ["orders", "payroll", "mailer", "badge"]
    assert [row[5] for row in rows] == [3, 1, 0, 2]


def test_the_policy_names_hashes_and_no_host():
    assert "unsafe" not in policy()
    assert "http" not in policy()
    assert policy().count("sha256-") == 2
    assert policy() in text_of("html")


def test_the_page_names_the_most_urgent_and_counts_the_others():
    text = text_of("html", *(a_row(f"application-{number}", 5) for number in range(600)))

    assert text.partition('id="applications"')[0].count('<th scope="row">') == 500
    assert "100 more need attention" in text


def test_the_page_tells_the_tenants_apart():
    text = text_of("html", *FEW, a_row("x", 5, tenant=OTHER_TENANT), filter="startswith(displayName,'<b>')")

    assert "2 tenants" in text
    assert "&lt;b&gt;" in text


# --- the terminal


def test_the_terminal_gets_counts_changes_and_the_most_urgent():
    rows = [a_row(f"application-{number}", 5) for number in range(30)]
    lines = lines_of(a_report(*rows, before=since(rows[0]))[1])

    assert lines[0] == "30 applications: 30 near expiry. 30 need attention."
    assert lines[1] == f"Since {MOMENT}: 29 new, 0 gone, 0 renewed, 0 status changed."
    assert len(lines) == 24
    assert lines[-1] == "and 10 more."
    assert lines_of(a_report()[1]) == ["0 applications: none. 0 need attention."]


# --- the host: it tells rows of one application apart, and nothing is said where there is none


def test_csv_has_the_host_in_its_last_column():
    lines = cells(text_of("csv", *on_two_hosts(), a_row("orders")))

    assert [list(line.items())[-1] for line in lines] == [("host", "web1"), ("host", "web2"), ("host", "")]


def test_a_test_of_junit_is_named_by_its_host_too():
    rows = on_two_hosts()
    suite = next(iter(JUnitXml.fromstring(text_of("junit", *rows, rows[0] | {"host": ""}).encode())))

    name = f"payroll ({rows[0]['app_id']})"
    assert [case.name for case in suite] == [f"{name} on web1", f"{name} on web2", name]


@pytest.mark.parametrize("name", ["html", "sarif", "markdown"])
def test_people_are_told_the_host_beside_the_name(name):
    text = text_of(name, *on_two_hosts())

    assert "payroll on web1" in text and "payroll on web2" in text
    assert "payroll on" not in text_of(name, a_row("payroll", 5))


def test_a_result_of_sarif_is_another_one_on_another_host():
    results = json.loads(text_of("sarif", *on_two_hosts()))["runs"][0]["results"]

    assert len({found["partialFingerprints"]["primaryLocationLineHash"] for found in results}) == 2


def test_a_long_name_leaves_room_for_the_host_in_the_terminal():
    lines = lines_of(a_report(*on_two_hosts("N" * 100), a_row("M" * 100, 5))[1])[2:]

    names = {line.split("  ")[0] for line in lines}
    assert names == {"N" * 27 + "\u2026 on web1", "N" * 27 + "\u2026 on web2", "M" * 35 + "\u2026"}


def test_a_host_that_stands_for_its_application_is_named_once():
    assert "web1 on web1" not in text_of("markdown", a_row("web1", 5) | {"host": "web1"})
