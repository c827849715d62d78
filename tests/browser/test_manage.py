"""The corpus changed from the page: originals by one click, and with --manage files, web addresses and removal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Dialog, Page, expect

from rag.fetch import fetch
from rag.window.shelf import Rights
from tests import documents
from tests.browser.conftest import BELL, Open, ask
from tests.browser.test_access import PHONE, violations
from tests.servers import Site, answer, article_page
from tests.servers import serve as serve_site
from tests.window.fakes import ScriptedAssistant, Served

fetch_here = partial(fetch, allow_private=True)
MANAGE = Rights(originals=True, articles=True)
ORIGINAL = [
    "Flames were seen in the harbour shortly after nine on Thursday evening. Mara Quist, a welder who was still at her bench, "
    "rang the bell until the crews on both sides of the bay were awake.",
    "What did the fire destroy?",
    "Twelve boats were lost, and with them the ice house, which had stood since 1911. Nobody was hurt, and the last hose was "
    "rolled up at six in the morning.",
]

Start = Callable[..., Page]


@pytest.fixture
def site() -> Iterator[Site]:
    """Serve the original of the retelling, and another article, as publishers do."""
    pages = {
        "/fire": article_page("The harbour fire", ORIGINAL, site="The Gull"),
        "/lamp": article_page(documents.TITLE, list(documents.PARAGRAPHS), site="The Skerry Post", date="2024-05-02"),
    }
    with serve_site({path: answer(page) for path, page in pages.items()}) as running:
        yield running


@pytest.fixture
def own(tmp_path: Path, site: Site) -> Path:
    """Return a corpus of a retelling, whose original is at the site, and another article."""
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "harbour.md").write_text(
        f"---\ntitle: The harbour fire\npublisher: The Gull\nurl: {site.url}/fire\nedition: retelling\n---\n"
        "The fire in the harbour began at nine. Mara Quist, a welder, rang the bell and woke the crews.\n\n"
        "## What did the fire destroy?\n\nThe fire destroyed 12 boats and the old ice house. Nobody was hurt.\n"
    )
    (folder / "quay.txt").write_text("The night the quay burned\n\nMara Quist rang the bell when she saw the flames.\n")
    return folder


@pytest.fixture
def start(own: Path, tmp_path: Path, serve: Callable[..., Served], open_page: Open) -> Start:
    """Return a function that opens a page over the corpus with some rights."""

    def open_one(rights: Rights, *, state: str = "ready", fetcher: object = fetch_here, **options: object) -> Page:
        assistant = ScriptedAssistant(own, tmp_path / "index")
        cited = [("harbour", "Mara Quist, a welder, rang the bell"), ("quay", "Mara Quist rang the bell")]
        assistant.says(BELL, ("Mara Quist rang the bell.", "supported", cited))
        page = open_page(serve(assistant, rights=rights, fetch=fetcher).url, **options)
        page.wait_for_selector(f'.status[data-state="{state}"]')
        return page

    return open_one


def drop(page: Page, *files: tuple[str, bytes]) -> None:
    """Put files on the page's field for them; the list of articles is in the panel."""
    payload = [{"name": name, "mimeType": "application/octet-stream", "buffer": data} for name, data in files]
    page.locator("#panel .drop input").set_input_files(payload)


def test_one_click_loads_the_original_and_another_puts_the_retelling_back(start: Start, site: Site, own: Path) -> None:
    page = start(Rights(originals=True))
    ask(page, BELL)
    page.get_by_role("button", name="Footnote 1: The Gull").click()
    assert site.requests == []
    page.get_by_role("button", name="Load the original from The Gull").click()
    expect(page.locator("#note").get_by_role("status")).to_contain_text("stands in its retelling's place now")
    panel = page.locator("#panel")
    expect(panel.locator(".body")).to_contain_text("until the crews on both sides of the bay were awake")
    expect(panel.locator(".about")).to_contain_text("The original, in its retelling's place on this machine.")
    expect(panel.locator(".lost")).to_contain_text("Footnote 1 quoted words that it no longer holds")
    assert [path for path, _ in site.requests] == ["/fire"]
    page.get_by_role("button", name="Put the retelling back").click()
    expect(panel.locator("mark")).to_have_text("1Mara Quist, a welder, rang the bell")
    expect(panel.locator(".about")).to_contain_text("A retelling in other words")
    assert not (own / "originals").exists()


@pytest.mark.parametrize(
    ("page_there", "reason"),
    [(None, "answers 404"), (article_page(documents.TITLE, list(documents.PARAGRAPHS), site="The Gull"), "no longer shows the article")],
)
def test_an_original_that_is_not_to_be_had_leaves_the_retelling_and_says_why(
    start: Start, site: Site, page_there: str | None, reason: str
) -> None:
    site.answers = {"/fire": answer(page_there)} if page_there else {}
    page = start(Rights(originals=True))
    page.get_by_role("button", name="The harbour fire").click()
    page.get_by_role("button", name="Load the original from The Gull").click()
    note = page.locator("#note").get_by_role("alert")
    expect(note).to_contain_text(reason)
    expect(note).to_contain_text("The retelling stays.")
    expect(page.locator("#panel .body")).to_contain_text("The fire in the harbour began at nine.")
    expect(page.get_by_role("button", name="Load the original from The Gull")).to_be_enabled()
    note.get_by_role("button", name="Close this note").click()
    expect(note).to_have_count(0)


def test_a_page_without_rights_offers_no_change(start: Start) -> None:
    page = start(Rights())
    page.get_by_role("button", name="The harbour fire").click()
    expect(page.locator("#panel .edition")).to_contain_text("A retelling in other words")
    expect(page.locator("[data-wish], input[type=file], #note")).to_have_count(0)


def test_a_page_that_may_load_originals_offers_nothing_else(start: Start) -> None:
    page = start(Rights(originals=True))
    expect(page.locator("#panel .entry")).to_have_count(2)
    expect(page.locator("input[type=file], input[type=url]")).to_have_count(0)
    page.get_by_role("button", name="The harbour fire").click()
    expect(page.get_by_role("button", name="Load the original from The Gull")).to_be_visible()
    expect(page.get_by_role("button", name="Remove")).to_have_count(0)


def test_dropped_files_of_every_kind_are_articles_and_what_cannot_be_read_is_named(start: Start) -> None:
    page = start(MANAGE)
    drop(page, ("lamp.docx", documents.docx()), ("tower.pdf", documents.pdf()), ("picture.png", b"\x89PNG"))
    note = page.locator("#note").get_by_role("status")
    expect(note).to_contain_text(f"Added “{documents.TITLE}”, “{documents.TITLE}”.")
    expect(note).to_contain_text("Left out: picture.png")
    expect(page.locator("#panel .entry")).to_have_count(4)
    expect(page.locator(".status")).to_contain_text("4 articles")


def test_one_dropped_file_is_shown_at_once_and_its_name_and_text_stay_text(start: Start) -> None:
    page = start(MANAGE)
    drop(page, ("<img src=x onerror=alert(1)>.txt", b"<script>alert(2)</script> is what the lamp said, and no more than that.\n"))
    expect(page.locator("#panel .body")).to_have_text("<script>alert(2)</script> is what the lamp said, and no more than that.")
    expect(page.locator("#note img, #panel img")).to_have_count(0)


def test_an_article_is_fetched_from_its_address(start: Start, site: Site) -> None:
    page = start(MANAGE)
    page.get_by_role("textbox", name="Web address").fill(f"{site.url}/lamp")
    page.keyboard.press("Enter")
    expect(page.locator("#panel .title")).to_have_text(documents.TITLE)
    expect(page.locator("#panel .kicker").first).to_contain_text("The Skerry Post · 2 May 2024")
    expect(page.locator("#panel .body")).to_contain_text("carried the lamp up the ninety steps")


def test_an_address_of_this_machine_or_its_network_is_not_fetched(start: Start, site: Site) -> None:
    page = start(MANAGE, fetcher=fetch)
    page.get_by_role("textbox", name="Web address").fill(f"{site.url}/lamp")
    page.get_by_role("button", name="Fetch").click()
    expect(page.locator("#note").get_by_role("alert")).to_contain_text("not on the public internet")
    assert site.requests == []


def test_a_name_that_is_taken_is_replaced_only_when_asked(start: Start) -> None:
    page = start(MANAGE)
    drop(page, ("quay.txt", b"The quay again\n\nNothing burned that night after all.\n"))
    expect(page.locator("#note").get_by_role("alert")).to_contain_text("Tick “Replace” to put it in its place.")
    page.get_by_role("checkbox", name="Replace articles of the same name").check()
    drop(page, ("quay.txt", b"The quay again\n\nNothing burned that night after all.\n"))
    expect(page.locator("#panel .title")).to_have_text("The quay again")
    expect(page.locator(".status")).to_contain_text("2 articles")


def test_an_article_is_removed_when_the_reader_says_so_twice(start: Start, own: Path) -> None:
    page = start(MANAGE)
    asked: list[str] = []
    answers: list[Callable[[Dialog], None]] = [lambda dialog: dialog.dismiss(), lambda dialog: dialog.accept()]
    page.on("dialog", lambda dialog: (asked.append(dialog.message), answers.pop(0)(dialog)))
    page.get_by_role("button", name="The night the quay burned").click()
    page.get_by_role("button", name="Remove").click()
    expect(page.locator("#panel .title")).to_have_text("The night the quay burned")
    page.get_by_role("button", name="Remove").click()
    expect(page.locator("#panel .entry")).to_have_count(1)
    expect(page.get_by_role("heading", name="Sources")).to_be_focused()
    expect(page.locator(".status")).to_contain_text("1 article ·")
    assert asked == ["Remove “The night the quay burned” from the corpus?"] * 2
    assert not (own / "quay.txt").exists()


def test_an_empty_corpus_is_filled_from_the_page(start: Start, own: Path) -> None:
    for file in own.iterdir():
        file.unlink()
    page = start(MANAGE, state="failed")
    expect(page.locator("#notice").get_by_role("alert")).to_contain_text("No articles in")
    drop(page, ("lamp.docx", documents.docx()))
    expect(page.locator(".status")).to_contain_text("1 article ·")
    expect(page.locator("#notice").get_by_role("alert")).to_have_count(0)
    expect(page.locator(".welcome .suggestion")).to_have_text(["What broke the glass?"])
    page.reload()
    expect(page.locator("#panel .entry")).to_have_count(1)


def test_axe_finds_nothing_where_articles_are_managed(start: Start, axe: str) -> None:
    for options in ({}, {"color_scheme": "dark"}, PHONE):
        page = start(MANAGE, reduced_motion="reduce", **options)
        if options is PHONE:
            page.get_by_role("button", name="Sources").tap()
        page.get_by_role("textbox", name="Web address").fill("ftp://example.org")
        page.get_by_role("button", name="Fetch").click()
        expect(page.locator("#note").get_by_role("alert")).to_contain_text("https://")
        assert violations(page, axe) == []
