"""Claims and sources find each other, in both directions."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import BELL, BOATS, SKY, ask
from tests.window.fakes import ScriptedAssistant


def test_a_footnote_turns_the_panel_to_its_article_and_lights_the_span(page: Page) -> None:
    ask(page, BELL)
    page.get_by_role("button", name="Footnote 2: The night the quay burned").click()
    expect(page.locator("#panel .title")).to_have_text("The night the quay burned")
    mark = page.locator("#panel mark.lit")
    expect(mark).to_contain_text("Mara Quist rang the bell")
    expect(mark).to_be_in_viewport()
    assert mark.evaluate("node => getComputedStyle(node).animationName") == "pulse"


def test_a_footnote_scrolls_the_panel_to_a_span_far_below(page: Page) -> None:
    ask(page, BELL)
    expect(page.locator('#panel mark[data-numbers="1"]')).to_be_in_viewport()
    page.get_by_role("button", name="Footnote 3: The Gull").click()
    expect(page.locator('#panel mark[data-numbers="3"]')).to_be_in_viewport()
    expect(page.locator('#panel mark[data-numbers="1"]')).not_to_be_in_viewport()


def test_the_panel_marks_and_numbers_every_span_that_the_answer_cites(page: Page) -> None:
    ask(page, BELL)
    marks = page.locator("#panel mark")
    expect(marks).to_have_text(["1Mara Quist, a welder, rang the bell", "3Nobody was hurt."])
    expect(page.locator("#panel .body")).to_contain_text("The fire destroyed 12 boats and the old ice house.")


def test_a_highlight_lights_the_claim_that_cites_it(page: Page) -> None:
    ask(page, BELL)
    ask(page, BOATS)
    page.locator(".turn").first.get_by_role("button", name="Footnote 1: The Gull").click()
    page.locator('#panel mark[data-numbers="3"]').click()
    lit = page.locator(".claim.lit")
    expect(lit).to_have_count(1)
    expect(lit).to_contain_text("Nobody was hurt.")
    expect(lit).to_be_in_viewport()


def test_hovering_or_focusing_a_footnote_shows_the_quote_with_its_source_and_date(page: Page) -> None:
    ask(page, BELL)
    card = page.get_by_role("tooltip")
    mark = page.get_by_role("button", name="Footnote 1: The Gull")
    mark.hover()
    expect(card).to_have_text("“Mara Quist, a welder, rang the bell”The Gull · 2 May 2024 · retelling")
    page.mouse.move(5, 5)
    expect(card).to_be_hidden()
    mark.focus()
    expect(card).to_be_visible()
    expect(mark).to_have_attribute("aria-describedby", "quote")
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()


def test_the_panel_says_that_a_text_is_a_retelling_and_links_to_its_publisher(page: Page) -> None:
    ask(page, BELL)
    expect(page.locator("#panel .edition")).to_contain_text("A retelling in other words, not the publisher's text.")
    link = page.locator("#panel .edition a")
    expect(link).to_have_attribute("href", "https://example.org/fire")
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    page.get_by_role("button", name="All articles").click()
    page.get_by_role("button", name="The night the quay burned", exact=True).click()
    expect(page.locator("#panel .title")).to_have_text("The night the quay burned")
    expect(page.locator("#panel .edition")).to_have_count(0)


def test_a_nearest_passage_of_a_refusal_opens_where_it_stands(page: Page) -> None:
    ask(page, SKY)
    page.locator(".refusal .passage").first.click()
    expect(page.locator("#panel mark.lit").first).to_contain_text("The fire in the harbour began at nine.")
    expect(page.locator("#panel mark .mark")).to_have_count(0)


def test_a_span_that_is_styled_in_part_lights_as_a_whole(page: Page, scripted: ScriptedAssistant) -> None:
    scripted.says("What burned?", ("The old ice house.", "supported", [("harbour", "12 boats and the *old* ice house")]))
    ask(page, "What burned?")
    expect(page.locator("#panel mark.lit")).to_have_text(["112 boats and the ", "old", " ice house"])
