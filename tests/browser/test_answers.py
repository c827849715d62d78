"""What an answer looks like: claims as they are verified, verdicts, disagreements, refusals, failures."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import BELL, BOATS, SKY, ask
from tests.window.fakes import ScriptedAssistant


def test_until_a_claim_is_verified_the_page_says_what_is_being_done_and_for_how_long(page: Page) -> None:
    page.locator("#box textarea").fill("Read slowly, please")
    page.keyboard.press("Enter")
    phase = page.locator(".phase")
    expect(phase).to_contain_text("Reading The Gull")
    expect(phase.locator(".clock")).to_have_text(re.compile(r"[1-9]\.\d s"))
    assert page.locator(".claim").count() == 0
    page.get_by_role("button", name="Stop").click()
    expect(phase).to_have_count(0)


def test_a_claim_is_shown_as_soon_as_it_is_verified_and_not_before(page: Page, scripted: ScriptedAssistant) -> None:
    question = "Who rang the bell, claim by claim?"
    scripted.script[question] = scripted.script[BELL]
    scripted.release.clear()
    page.locator("#box textarea").fill(question)
    page.keyboard.press("Enter")
    expect(page.locator(".claim .says")).to_have_text(["Mara Quist rang the bell.12"])
    expect(page.locator(".phase")).to_contain_text("Checking")
    expect(page.locator(".actions")).to_have_count(0)
    scripted.release.set()
    expect(page.locator(".claim .says")).to_have_text(["Mara Quist rang the bell.12", "Nobody was hurt.3"])
    expect(page.locator(".phase")).to_have_count(0)


def test_each_claim_carries_its_footnotes_its_verdict_and_the_reason_for_it(page: Page) -> None:
    ask(page, BELL)
    claims = page.locator(".claim")
    expect(claims).to_have_count(2)
    expect(claims.first.locator(".says")).to_have_text("Mara Quist rang the bell.12")
    expect(claims.first.locator("summary")).to_have_text("The Gull and The night the quay burned · supported")
    why = claims.first.locator(".verdict p")
    expect(why).to_be_hidden()
    claims.first.locator("summary").click()
    expect(why).to_contain_text("90 % of its content words")
    claims.nth(1).locator("summary").click()
    expect(claims.nth(1).locator(".verdict p")).to_have_text("These are the article's own words, unchanged.")


def test_sources_that_differ_stand_side_by_side(page: Page) -> None:
    ask(page, BOATS)
    expect(page.locator(".differ h3")).to_have_text("The articles differ")
    sides = page.locator(".side")
    expect(sides.locator("h4")).to_have_text(["The Gull", "The night the quay burned"])
    left, right = sides.nth(0).bounding_box(), sides.nth(1).bounding_box()
    assert left["x"] + left["width"] < right["x"]
    assert left["y"] == right["y"]


def test_a_refusal_shows_what_was_looked_for_the_nearest_passages_and_what_can_be_answered(page: Page) -> None:
    ask(page, SKY)
    card = page.locator(".refusal")
    expect(card.locator("h3")).to_have_text("The articles do not answer this.")
    expect(card).to_contain_text(f"Looked for: {SKY}")
    expect(card).to_contain_text("The nearest passages, which do not answer it")
    expect(card.locator(".passage")).to_have_count(3)
    offered = page.locator(".follow")
    expect(offered.locator("h3")).to_have_text("Questions these articles can answer")
    expect(offered.get_by_role("button", name="What did the mayor promise?")).to_be_visible()
    assert "Who is the mayor of the town?" not in offered.inner_text()


def test_how_it_was_answered_is_closed_at_first_and_stays_open_when_the_page_is_drawn_again(page: Page) -> None:
    ask(page, BELL)
    how = page.locator(".how").first
    expect(how.locator("dl")).to_be_hidden()
    how.locator("summary").click()
    expect(how.locator("dd").first).to_have_text(BELL)
    expect(how.locator(".evidence li")).to_have_count(5)
    expect(how.locator(".evidence li").first).to_contain_text("0.80")
    expect(how.locator(".steps")).to_contain_text("1.50 s")
    expect(how.locator("dd").last).to_have_text("scripted")
    ask(page, SKY)
    expect(how.locator("dl")).to_be_visible()


def test_a_failure_is_told_in_the_page_as_text(page: Page) -> None:
    ask(page, "Please fail")
    card = page.locator(".trouble")
    expect(card).to_contain_text("The model <b>broke</b>. Ask again.")
    expect(card.locator("b")).to_have_count(0)


def test_an_empty_question_asks_nothing(page: Page) -> None:
    page.locator("#box textarea").fill("   ")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Send").click()
    ask(page, BELL)
    expect(page.locator(".turn")).to_have_count(1)
