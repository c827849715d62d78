"""The page is there before the models are, and says what is wrong where they cannot be."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from rag.config import Settings
from rag.pipeline import Assistant
from tests.browser.conftest import Open
from tests.conftest import WordEmbedder
from tests.window.fakes import ScriptedAssistant, Served


def test_while_the_index_builds_the_page_shows_progress_and_the_articles(
    harbour: Path, tmp_path: Path, serve: Callable[..., Served], open_page: Open
) -> None:
    slow = ScriptedAssistant(harbour, tmp_path / "index")
    slow.ready.clear()
    page = open_page(serve(slow).url)
    expect(page.locator("#notice .loading")).to_contain_text("Building the index: 3 of 10 texts")
    expect(page.locator("#notice progress")).to_have_attribute("value", "3")
    expect(page.locator("#panel .entry")).to_have_count(2)
    expect(page.locator(".status")).to_contain_text("Opening the index")
    slow.ready.set()
    expect(page.locator(".status")).to_have_text(re.compile("scripted · 2 articles · [1-9][0-9]* passages · index ready"))
    expect(page.locator("#notice .loading")).to_have_count(0)


def test_a_broken_model_shows_the_reason_and_the_next_step_and_can_be_tried_again(
    harbour: Path, tmp_path: Path, serve: Callable[..., Served], open_page: Open
) -> None:
    broken = ScriptedAssistant(harbour, tmp_path / "index")
    broken.problem = "reader.gguf is empty. Fetch the file again as models/README.md says."
    page = open_page(serve(broken).url)
    card = page.locator("#notice").get_by_role("alert")
    expect(card).to_contain_text("Footnote cannot answer yet")
    expect(card).to_contain_text(broken.problem)
    expect(page.locator(".status")).to_have_text("Not ready")
    expect(page.locator("#panel .entry")).to_have_count(2)
    broken.problem = ""
    card.get_by_role("button", name="Try again").click()
    expect(page.locator(".status")).to_contain_text("index ready")
    expect(page.locator("#notice").get_by_role("alert")).to_have_count(0)


def test_a_model_that_is_no_model_is_told_by_its_name_while_the_articles_can_be_read(
    corpus: Path, settings: Settings, tmp_path: Path, serve: Callable[..., Served], open_page: Open
) -> None:
    (tmp_path / "mine.gguf").write_bytes(b"this is no model")
    broken = Assistant(settings=settings.with_overrides(model=str(tmp_path / "mine.gguf")), embedder=WordEmbedder())
    page = open_page(serve(broken).url)
    expect(page.locator("#notice").get_by_role("alert")).to_contain_text("mine.gguf")
    page.get_by_role("button", name="The harbour fire").click()
    expect(page.locator("#panel .body")).to_contain_text("The fire in the harbour began at nine.")


def test_questions_from_the_articles_headings_are_offered_as_soon_as_the_articles_are_read(
    corpus: Path, tmp_path: Path, serve: Callable[..., Served], open_page: Open
) -> None:
    slow = ScriptedAssistant(corpus, tmp_path / "index")
    slow.ready.clear()
    page = open_page(serve(slow).url)
    slow.ready.set()
    expect(page.locator(".welcome .suggestion")).to_have_text(["What did the fire destroy?"])
