"""What people expect of a chat: stop, retry, edit, copy, rate, export, suggestions, and a conversation that stays."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import BELL, BOATS, PATIENCE, SKY, Open, ask, wait_until
from tests.window.fakes import ScriptedAssistant, Served


def test_stop_frees_the_model_at_once_and_the_next_question_is_answered(page: Page, scripted: ScriptedAssistant) -> None:
    scripted.closed.clear()
    page.locator("#box textarea").fill("Read slowly, please")
    page.keyboard.press("Enter")
    expect(page.locator(".phase")).to_contain_text("Reading")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".card h3")).to_have_text("Stopped")
    assert scripted.closed.is_set()
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    ask(page, BELL)
    expect(page.locator(".claim").first).to_contain_text("Mara Quist rang the bell.")


def test_escape_stops_too_and_what_is_typed_meanwhile_is_kept(page: Page, scripted: ScriptedAssistant) -> None:
    scripted.closed.clear()
    page.locator("#box textarea").fill("Read slowly, please")
    page.keyboard.press("Enter")
    expect(page.locator(".phase")).to_contain_text("Reading")
    page.locator("#box textarea").fill(BELL)
    page.keyboard.press("Enter")
    expect(page.locator(".turn")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator(".card h3")).to_have_text("Stopped")
    assert scripted.closed.is_set()
    expect(page.locator("#box textarea")).to_have_value(BELL)


def test_leaving_the_page_frees_the_model(served: Served, open_page: Open, scripted: ScriptedAssistant) -> None:
    """Row S3."""
    page = open_page(served.url)
    scripted.closed.clear()
    page.locator("#box textarea").fill("Read slowly, please")
    page.keyboard.press("Enter")
    expect(page.locator(".phase")).to_contain_text("Reading")
    page.close()
    assert scripted.closed.wait(PATIENCE)


def test_a_second_page_waits_in_line_and_sees_nothing_of_the_first(served: Served, open_page: Open, page: Page) -> None:
    """Row S10."""
    other = open_page(served.url)
    page.locator("#box textarea").fill("Read slowly, please")
    page.keyboard.press("Enter")
    expect(page.locator(".phase")).to_contain_text("Reading")
    other.locator("#box textarea").fill(BELL)
    other.keyboard.press("Enter")
    expect(other.locator(".phase")).to_contain_text("Waiting for another question")
    page.get_by_role("button", name="Stop").click()
    expect(other.locator(".claim")).to_have_count(2)
    expect(other.locator(".turn")).to_have_count(1)
    assert "slowly" not in other.content()
    expect(page.locator(".claim")).to_have_count(0)


def test_retry_asks_again_with_the_conversation_before_it(page: Page, scripted: ScriptedAssistant) -> None:
    ask(page, BELL)
    ask(page, SKY)
    asked = len(scripted.asked)
    page.locator(".turn").nth(1).get_by_role("button", name="Retry").click()
    wait_until(page, lambda: len(scripted.asked) > asked)
    page.wait_for_selector('.turns[data-running="false"]')
    expect(page.locator(".turn")).to_have_count(2)
    question, history = scripted.asked[asked]
    assert question == SKY
    assert [turn["content"] for turn in history] == [BELL, "Mara Quist rang the bell. [1][2]\n\nNobody was hurt. [3]"]


def test_an_edited_question_replaces_the_turn_and_what_follows_it(page: Page) -> None:
    ask(page, SKY)
    ask(page, BELL)
    page.locator(".turn").first.hover()
    page.get_by_role("button", name="Edit question 1").click()
    field = page.get_by_role("textbox", name="Edit question 1")
    expect(field).to_have_value(SKY)
    field.fill(BOATS)
    page.keyboard.press("Enter")
    expect(page.locator(".differ")).to_be_visible()
    expect(page.locator(".asked")).to_have_text([BOATS])


def test_copying_takes_the_footnotes_along(served: Served, open_page: Open) -> None:
    page = open_page(served.url, permissions=["clipboard-read", "clipboard-write"])
    ask(page, BELL)
    page.get_by_role("button", name="Copy").click()
    expect(page.locator("#said")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(
        "Mara Quist rang the bell. [1][2]\n\nNobody was hurt. [3]\n\n[1] The Gull, The harbour fire, 2024-05-02 (retelling)"
    )
    assert "“Mara Quist, a welder, rang the bell”" in copied


def test_a_rating_and_its_reason_are_kept_in_the_local_file(page: Page, feedback_file: Path) -> None:
    ask(page, BELL)
    page.get_by_role("button", name="Not helpful").click()
    expect(page.get_by_role("button", name="Not helpful")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("textbox", name="Why?").fill("It names only one bell")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#said")).to_have_text("Saved")
    wait_until(page, lambda: "only one bell" in feedback_file.read_text(encoding="utf-8"))
    first, second = (json.loads(line) for line in feedback_file.read_text(encoding="utf-8").splitlines()[-2:])
    assert (first["rating"], first["reason"]) == ("down", "")
    assert (second["rating"], second["reason"], second["question"]) == ("down", "It names only one bell", BELL)
    assert second["answer"]["claims"][0]["text"] == "Mara Quist rang the bell."


def test_a_reload_keeps_the_conversation_and_its_links_and_clearing_forgets_it(page: Page) -> None:
    ask(page, BELL)
    ask(page, SKY)
    page.reload()
    expect(page.locator(".asked")).to_have_text([BELL, SKY])
    page.get_by_role("button", name="Footnote 3: The Gull").click()
    expect(page.locator("#panel mark.lit")).to_have_text("3Nobody was hurt.")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator(".welcome")).to_be_visible()
    page.reload()
    expect(page.locator(".welcome")).to_be_visible()
    expect(page.locator(".turn")).to_have_count(0)
    assert "bell" not in page.evaluate("JSON.stringify(localStorage)")


def test_a_question_left_unanswered_by_a_reload_says_so(page: Page) -> None:
    page.locator("#box textarea").fill("Read slowly, please")
    page.keyboard.press("Enter")
    expect(page.locator(".phase")).to_contain_text("Reading")
    page.reload()
    expect(page.locator(".card h3")).to_have_text("Interrupted")
    expect(page.get_by_role("button", name="Retry")).to_be_visible()


def test_the_conversation_can_be_saved_as_markdown_and_as_json(page: Page) -> None:
    ask(page, BELL)
    files = {}
    for name in ("Markdown with footnotes", "JSON"):
        page.locator(".menu summary").click()
        with page.expect_download() as download:
            page.get_by_role("button", name=name).click()
        files[download.value.suggested_filename] = Path(download.value.path()).read_text(encoding="utf-8")
    assert "Mara Quist rang the bell.[^1][^2]" in files["conversation.md"]
    assert (
        "[^3]: The Gull, The harbour fire, 2024-05-02 (retelling): “Nobody was hurt.” <https://example.org/fire>"
        in files["conversation.md"]
    )
    assert json.loads(files["conversation.json"])["turns"][0]["answer"]["citations"][2]["quote"] == "Nobody was hurt."


def test_starters_and_follow_ups_ask_what_they_say(page: Page) -> None:
    starters = page.locator(".welcome .suggestion")
    expect(starters).to_have_text([BOATS, BELL, "What did the mayor promise?"])
    starters.nth(1).click()
    expect(page.locator(".asked")).to_have_text([BELL])
    follow = page.locator(".follow .suggestion")
    expect(follow).to_have_text([BOATS, "What did the mayor promise?"])
    follow.first.click()
    expect(page.locator(".asked")).to_have_text([BELL, BOATS])
    expect(page.locator(".differ")).to_be_visible()
