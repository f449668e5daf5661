# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page as a person uses it: by mouse, by keyboard, on paper, in the dark, and without its script."""

from __future__ import annotations

import pytest
from ansible_collections.evercert.entra.plugins.module_utils._report.changes import Comparison
from ansible_collections.evercert.entra.plugins.module_utils._report.page_script import SCRIPT
from ansible_collections.evercert.entra.tests.unit.reports import HOSTILE, OTHER_TENANT, a_row
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

ROWS = (
    a_row("orders-api", 200),
    a_row("payroll-sync", 12),
    a_row("invoice-mailer", -3),
    a_row("badge-printer", None),
    a_row("Archive-export", 45),
)


def names(page):
    return page.locator("#body button").all_inner_texts()


def sort_by(page, name):
    page.locator("#columns button", has_text=name).click()


def test_the_most_urgent_come_first(open_page):
    page = open_page(*ROWS)

    assert names(page) == ["invoice-mailer", "payroll-sync", "badge-printer", "Archive-export", "orders-api"]
    assert page.locator("#shown").inner_text() == "5 of 5 shown"


def test_a_click_on_a_heading_sorts_and_another_one_turns_the_order(open_page):
    page = open_page(*ROWS)

    sort_by(page, "Application")
    forward = names(page)
    sort_by(page, "Application")

    assert forward == ["Archive-export", "badge-printer", "invoice-mailer", "orders-api", "payroll-sync"]
    assert names(page) == forward[::-1]
    assert page.locator("th[aria-sort]").get_attribute("aria-sort") == "descending"


def test_what_has_no_value_is_last_in_either_order(open_page):
    page = open_page(*ROWS)

    sort_by(page, "Days left")
    assert names(page)[-1] == "badge-printer"
    sort_by(page, "Days left")
    assert names(page) == ["orders-api", "Archive-export", "payroll-sync", "invoice-mailer", "badge-printer"]


def test_statuses_words_and_attention_narrow_the_table(open_page):
    page = open_page(*ROWS)

    page.get_by_label("healthy").uncheck()
    assert names(page) == ["invoice-mailer", "payroll-sync", "badge-printer"]
    page.get_by_role("checkbox", name="needs attention").check()
    assert names(page) == ["invoice-mailer", "payroll-sync"]
    page.get_by_role("searchbox").fill("PAYROLL near")
    expect(page.locator("#shown")).to_have_text("1 of 5 shown")
    assert names(page) == ["payroll-sync"]
    page.get_by_role("button", name="Show all").click()
    assert len(names(page)) == 5


def test_an_application_opens_with_its_findings_remedies_and_certificates(open_page):
    page = open_page(*ROWS)

    page.get_by_role("button", name="payroll-sync").click()

    detail = page.locator("#detail")
    told = detail.inner_text()
    assert detail.get_by_role("heading", level=2).inner_text() == "payroll-sync"
    assert all(part in told for part in ("It is near_expiry.", "Renew it.", "2026-12-04 (12 days)"))
    assert ROWS[1]["certificates"][0]["thumbprint"] in told
    assert ROWS[1]["certificates"][0]["key_id"] in told


def test_the_keyboard_is_enough(open_page):
    page = open_page(*ROWS)

    page.locator("#frame-box").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.locator("#detail h2").inner_text() == "payroll-sync"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.innerText") == "payroll-sync"
    page.keyboard.press("End")
    assert page.evaluate("document.activeElement.innerText") == "orders-api"
    page.keyboard.press("Home")
    assert page.evaluate("document.activeElement.innerText") == "invoice-mailer"
    page.locator("#columns button").first.focus()
    page.keyboard.press("Enter")
    assert names(page)[0] == "Archive-export"


def test_hostile_names_are_only_text(open_page):
    page = open_page(*(a_row(name, 12) for name in HOSTILE))

    assert names(page)[:2] != []
    assert not page.evaluate("window.alerted")
    assert page.locator("#body script, #body img, #attention script, #attention img").count() == 0
    for place in range(len(HOSTILE)):
        page.locator("#body button").nth(place).click()
        page.keyboard.press("Escape")
    assert page.evaluate("violations") == []


def test_nothing_may_leave_the_page_or_run_in_it(open_page):
    """What an injection would try is stopped by the policy, should one ever succeed."""
    page = open_page(*ROWS)
    assert page.evaluate("violations") == []

    with pytest.raises(Exception, match="TrustedHTML"):
        page.evaluate("document.body.innerHTML = '<b>x</b>'")
    page.evaluate(
        """() => { const image = new Image(); image.src = "https://localhost:1/x.png"; document.body.append(image);
        const style = document.createElement("style"); style.textContent = "body{display:none}";
        document.head.append(style); }"""
    )
    page.wait_for_timeout(50)  # the events come after the deeds
    blocked = " ".join(page.evaluate("violations"))

    assert all(name in blocked for name in ("require-trusted-types-for", "img-src", "style-src"))
    assert page.locator("h1").is_visible()
    open_page.heard.clear()  # the browser has told of each in its console


def test_30_000_rows_stay_usable(open_page, many_rows):
    page = open_page(*many_rows)

    assert page.locator("#table").get_attribute("aria-rowcount") == "30001"
    assert page.locator("#body tr").count() < 80
    sort_by(page, "Application")
    page.locator("#frame-box").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("End")
    assert page.evaluate("document.activeElement.innerText") == "application-29999"
    assert page.locator("#body tr").count() < 80
    page.get_by_role("searchbox").fill("application-1234")
    expect(page.locator("#shown")).to_have_text("10 of 30,000 shown")
    assert names(page)[0] == "application-12340"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_barrier_is_found(open_page, scheme):
    """axe-core: contrast, names, roles and order, in both schemes, with an application open and without."""
    rows = (*ROWS, a_row("elsewhere", 20, tenant=OTHER_TENANT))
    page = open_page(*rows, color_scheme=scheme)

    without = Axe().run(page).response["violations"]
    page.get_by_role("button", name="payroll-sync").click()
    opened = Axe().run(page).response["violations"]

    assert [(each["id"], each["nodes"][0]["html"]) for each in (*without, *opened)] == []


def test_several_tenants_are_told_apart_and_one_is_chosen(open_page):
    page = open_page(*ROWS, a_row("elsewhere", 20, tenant=OTHER_TENANT))

    page.get_by_role("combobox").select_option(OTHER_TENANT)

    assert names(page) == ["elsewhere"]


def test_what_changed_is_shown_and_found(open_page):
    before = Comparison("2026-11-21T10:00:00Z")
    for row in (a_row("payroll-sync", 40), a_row("gone", 12), *ROWS[2:]):
        before.remember(row)
    page = open_page(*ROWS, before=before)

    assert page.locator(".changes li").all_inner_texts() == ["1 new", "1 gone", "0 renewed", "1 status changed"]
    page.get_by_label("changed", exact=True).check()
    assert names(page) == ["payroll-sync", "orders-api"]
    assert page.locator("#body tr td:last-child").all_inner_texts() == ["was healthy", "new"]


def test_counts_and_what_needs_attention_need_no_script(open_page):
    page = open_page(*ROWS, java_script_enabled=False)

    assert page.locator(".card").all_inner_texts() != []
    assert page.locator("#attention tbody th").count() == 2
    assert page.locator("#attention").is_visible()
    assert "Allow the script" in page.locator("noscript").inner_text()


def test_paper_has_counts_timeline_and_what_needs_attention(open_page, tmp_path):
    page = open_page(*ROWS)
    assert not page.locator("#attention").is_visible()

    page.emulate_media(media="print")

    assert page.locator("#attention").is_visible()
    assert page.locator(".timeline").is_visible()
    assert not page.locator("#applications").is_visible()
    assert page.pdf().startswith(b"%PDF")


def test_an_empty_report_says_so(open_page):
    page = open_page()

    assert page.locator("#body").inner_text() == "No application was found."


def test_the_script_makes_no_markup_of_data():
    assert not any(word in SCRIPT for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "Function("))
