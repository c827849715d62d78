"""The page over the bundled models and articles, once from end to end."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from rag.config import Settings
from rag.pipeline import Assistant
from rag.window.shelf import Rights
from tests import documents
from tests.browser.conftest import Open, ask
from tests.window.fakes import Served

pytestmark = pytest.mark.real
Serve = Callable[..., Served]
PATIENCE = 120_000
"""Milliseconds for what a model does; a busy machine is slow."""


def test_a_starter_is_answered_with_quotes_that_stand_in_the_articles(assistant: Assistant, serve: Serve, open_page: Open) -> None:
    page = open_page(serve(assistant).url)
    page.set_default_timeout(PATIENCE)
    page.wait_for_selector('[data-state="ready"]')
    page.locator(".welcome .suggestion").first.click()
    page.wait_for_selector('.turns[data-running="false"] .claim .mark')
    for mark in page.locator(".claim .mark").all():
        mark.click()
        number = mark.inner_text()
        lit = page.locator(f'#panel mark.lit[data-numbers~="{number}"]')
        expect(lit.first).to_be_in_viewport()
        quote = page.get_by_role("tooltip").locator("p").first.inner_text()
        assert lit.first.inner_text().removeprefix(number).strip()[:20] in quote
    ask(page, "What is the capital of Portugal?")
    expect(page.locator(".refusal")).to_be_visible()


def test_stop_stops_the_bundled_model(assistant: Assistant, serve: Serve, open_page: Open) -> None:
    """Row S3."""
    talkative = Assistant(settings=assistant.settings.with_overrides(phrase="always"))
    page = open_page(serve(talkative).url)
    page.set_default_timeout(PATIENCE)
    page.wait_for_selector('[data-state="ready"]')
    page.locator("#box textarea").fill("How does Peter die, and who is to blame for it?")
    page.keyboard.press("Enter")
    expect(page.locator(".phase")).to_contain_text("Reading", timeout=PATIENCE)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".card h3")).to_have_text("Stopped", timeout=PATIENCE)
    ask(page, "What is the capital of Portugal?")
    expect(page.locator(".refusal")).to_be_visible()


def test_a_dropped_document_is_asked_about_at_once_and_cited_where_it_stands(
    assistant: Assistant, settings: Settings, serve: Serve, open_page: Open
) -> None:
    own = Assistant(settings=settings, embedder=assistant._ensure_embedder(), reader=assistant.reader)
    page = open_page(serve(own, rights=Rights(originals=True, articles=True)).url)
    page.set_default_timeout(PATIENCE)
    page.wait_for_selector('[data-state="ready"]')
    document = {"name": "lamp.docx", "mimeType": "application/octet-stream", "buffer": documents.docx()}
    page.locator("#panel .drop input").set_input_files([document])
    expect(page.locator("#note").get_by_role("status")).to_contain_text(f"Added “{documents.TITLE}”", timeout=PATIENCE)
    ask(page, "Who carried the lamp up the steps of the tower?")
    expect(page.locator(".claim .says").first).to_contain_text("Odile Brandt")
    expect(page.locator("#panel .title")).to_have_text(documents.TITLE)
    expect(page.locator("#panel mark.lit").first).to_contain_text("Odile Brandt")
