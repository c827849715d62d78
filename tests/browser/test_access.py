"""For everyone: keyboard, screen readers, contrast, phones, dark and light, reduced motion."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import BELL, BOATS, SKY, Open, ask
from tests.window.fakes import Served

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def violations(page: Page, axe: str) -> list[str]:
    """Return what axe-core finds at WCAG 2.2 AA, as rule and first element."""
    page.evaluate(axe)
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    found: list[dict[str, Any]] = page.evaluate("(options) => axe.run(document, options).then((r) => r.violations)", rules)
    return [f"{v['id']} ({v['impact']}): {v['nodes'][0]['html'][:120]}" for v in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_a_conversation(served: Served, open_page: Open, axe: str, scheme: str) -> None:
    page = open_page(served.url, color_scheme=scheme, reduced_motion="reduce")
    assert violations(page, axe) == []
    for question in (BELL, BOATS, SKY):
        ask(page, question)
    page.locator(".how summary").last.click()
    page.locator(".verdict summary").first.click()
    page.get_by_role("button", name="Helpful", exact=True).first.click()
    page.get_by_role("textbox", name="Why?").wait_for()
    assert violations(page, axe) == []


def test_axe_finds_nothing_on_a_phone_with_the_drawer_open(served: Served, open_page: Open, axe: str) -> None:
    page = open_page(served.url, reduced_motion="reduce", **PHONE)
    ask(page, BOATS)
    assert violations(page, axe) == []
    page.locator(".claim .mark").first.tap()
    expect(page.locator("#panel mark.lit")).to_be_in_viewport()
    assert violations(page, axe) == []


def test_on_a_phone_the_sources_are_a_drawer(served: Served, open_page: Open) -> None:
    page = open_page(served.url, **PHONE)
    panel = page.locator("#panel")
    expect(panel).to_be_hidden()
    ask(page, BELL)
    expect(panel).to_be_hidden()
    page.get_by_role("button", name="Footnote 1: The Gull").tap()
    expect(panel).to_be_visible()
    expect(panel.locator("mark.lit")).to_be_in_viewport()
    panel.locator("mark .mark").first.tap()
    expect(panel).to_be_hidden()
    expect(page.locator(".claim.lit")).to_be_in_viewport()
    page.get_by_role("button", name="Sources").tap()
    expect(panel).to_be_visible()
    page.get_by_role("button", name="Close").tap()
    expect(panel).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_nothing_is_cut_off_at_320_pixels(served: Served, open_page: Open) -> None:
    page = open_page(served.url, viewport={"width": 320, "height": 640})
    ask(page, BOATS)
    for name in ("New", "Theme", "Sources", "Send"):
        box = page.get_by_role("button", name=name).first.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 320
    assert page.evaluate("document.querySelector('#conversation').scrollWidth") <= 320


def test_everything_can_be_done_from_the_keyboard(page: Page) -> None:
    expect(page.locator("#box textarea")).to_be_focused()
    page.keyboard.type("Who rang")
    page.keyboard.press("Shift+Enter")
    expect(page.locator("#box textarea")).to_have_value("Who rang\n")
    page.locator("#box textarea").fill("")
    ask(page, BELL)
    mark = page.get_by_role("button", name="Footnote 1: The Gull")
    for _ in range(30):
        page.keyboard.press("Shift+Tab")
        if mark.evaluate("node => node === document.activeElement"):
            break
    expect(mark).to_be_focused()
    page.keyboard.press("Enter")
    back = page.get_by_role("button", name="Footnote 1: show the claim")
    expect(page.locator("#panel mark.lit")).to_have_attribute("data-numbers", "1")
    for _ in range(40):
        page.keyboard.press("Tab")
        if back.evaluate("node => node === document.activeElement"):
            break
    expect(back).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".claim.lit")).to_contain_text("Mara Quist rang the bell.")
    expect(mark).to_be_focused()


def test_opening_the_drawer_moves_the_focus_into_it_and_closing_it_back(served: Served, open_page: Open) -> None:
    page = open_page(served.url, viewport={"width": 390, "height": 844})
    ask(page, BELL)
    mark = page.get_by_role("button", name="Footnote 1: The Gull")
    mark.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Sources")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#panel")).to_be_hidden()
    expect(mark).to_be_focused()


def test_a_screen_reader_is_told_of_phases_and_answers(page: Page) -> None:
    log = page.get_by_role("log", name="Conversation")
    page.locator("#box textarea").fill("Read slowly, please")
    page.keyboard.press("Enter")
    expect(log.get_by_role("status")).to_contain_text("Reading The Gull")
    expect(log.locator('.phase [aria-hidden="true"].clock')).to_have_count(1)
    page.keyboard.press("Escape")
    expect(log.get_by_role("group", name="Answer 1", exact=True)).to_contain_text("Stopped")


def test_the_theme_can_be_chosen_and_is_remembered(page: Page) -> None:
    colour = "getComputedStyle(document.querySelector('#panel')).backgroundColor"
    light = page.evaluate(colour)
    page.get_by_role("button", name="Theme").click()
    dark = page.evaluate(colour)
    assert dark != light
    page.reload()
    page.wait_for_selector("#conversation .turns")
    expect(page.locator("body.dark")).to_have_count(1)
    assert page.evaluate(colour) == dark


def test_with_reduced_motion_nothing_moves(served: Served, open_page: Open) -> None:
    page = open_page(served.url, reduced_motion="reduce")
    ask(page, BELL)
    page.get_by_role("button", name="Footnote 3: The Gull").click()
    mark = page.locator("#panel mark.lit")
    expect(mark).to_be_in_viewport()
    assert mark.evaluate("node => getComputedStyle(node).animationName") == "none"
