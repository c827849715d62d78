"""The corpus changed from the page, without one: what is told, what is left on the disk, and who may."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

import app
from rag.config import Settings
from rag.errors import CorpusError, IndexStoreError
from rag.fetch import Page as WebPage
from rag.index import Index, Progress
from rag.pipeline import Assistant
from rag.window.guard import LARGEST_DROP, LARGEST_REQUEST
from rag.window.shelf import Dropped, Note, Rights, Shelf
from rag.window.startup import Startup
from tests.conftest import QueueReader, WordEmbedder
from tests.window.fakes import ScriptedAssistant, Served

TEXT = b"The lamp on Skerry Point\n\nOdile Brandt carried the lamp up the ninety steps.\n"


def dropped(name: str, data: bytes = TEXT) -> Dropped:
    return Dropped(name, base64.b64encode(data).decode())


def offline(url: str) -> WebPage:
    raise CorpusError(f"{url} cannot be found. Check that this machine is online.")


@pytest.fixture
def shelf(settings: Settings) -> Shelf:
    """Return a shelf over the small corpus, its index loaded."""
    return ready(Assistant(settings=settings, embedder=WordEmbedder(), reader=QueueReader()))


def ready(assistant: Assistant) -> Shelf:
    startup = Startup(assistant)
    startup.start()
    while not startup.status.settled:
        threading.Event().wait(0.01)
    return Shelf(startup, assistant.settings.corpus_path, fetch=offline)


def last(notes: Iterator[Note]) -> Note:
    *_, settled = notes
    return settled


def test_a_change_is_told_while_it_is_made_and_when_it_is_done(shelf: Shelf, corpus: Path) -> None:
    first, *_, settled = shelf.drop([dropped("lamp.txt")])
    assert (first.state, first.text) == ("busy", "Reading 1 file")
    assert settled == Note("done", "Added “The lamp on Skerry Point”.", "lamp")
    assert (corpus / "lamp.md").is_file()
    assert last(shelf.remove("lamp")) == Note("done", "“The lamp on Skerry Point” is out of the corpus.")
    assert not (corpus / "lamp.md").exists()


@pytest.mark.parametrize("name", ["../../escaped.txt", "/etc/escaped.txt", "..\\..\\escaped.txt", "C:\\escaped.txt", "a/../escaped.txt"])
def test_a_files_name_leads_nowhere_but_into_the_corpus(shelf: Shelf, corpus: Path, name: str) -> None:
    assert last(shelf.drop([dropped(name)])).article == "escaped"
    assert [file.name for file in corpus.parent.rglob("escaped*")] == ["escaped.md"]


@pytest.mark.parametrize("name", ["", ".", "..", "/", "x" * 300 + ".txt", "nul\0.txt"])
def test_a_name_that_is_no_files_name_ends_in_words(shelf: Shelf, name: str) -> None:
    note = last(shelf.drop([dropped(name)]))
    assert note.state == "failed"
    assert "article" in note.text or "did not arrive whole" in note.text


def test_what_is_no_base64_did_not_arrive_whole(shelf: Shelf) -> None:
    assert "did not arrive whole" in last(shelf.drop([Dropped("a.txt", "%%%")])).text


def test_only_web_addresses_are_fetched(shelf: Shelf, tmp_path: Path) -> None:
    """A path typed there would be read from the server's own disk."""
    secret = tmp_path / "secret.txt"
    secret.write_text("A secret of this machine that no page may have.")
    for address in (str(secret), f"file://{secret}", "../secret.txt", ""):
        assert last(shelf.fetch(address)) == Note("failed", "A web address begins with https:// or http://")
    assert "online" in last(shelf.fetch(" https://example.org/story ")).text


@pytest.mark.parametrize("id_", ["nothing", "../harbour", "", "harbour.md"])
def test_an_unknown_article_is_neither_removed_nor_replaced(shelf: Shelf, corpus: Path, id_: str) -> None:
    assert last(shelf.remove(id_)).state == "failed"
    assert last(shelf.load_original(id_)).state == "failed"
    assert sorted(file.name for file in corpus.iterdir()) == ["harbour.md", "quay.txt"]


def test_a_second_change_waits_for_the_first_and_a_page_that_leaves_does_not_break_one_off(settings: Settings, corpus: Path) -> None:
    going, may_go_on = threading.Event(), threading.Event()

    def slow(url: str) -> WebPage:
        going.set()
        may_go_on.wait()
        return WebPage(TEXT, "text/plain", url)

    assistant = Assistant(settings=settings, embedder=WordEmbedder(), reader=QueueReader())
    startup = Startup(assistant)
    shelf = Shelf(startup, corpus, fetch=slow)
    first = shelf.fetch("https://example.org/lamp.txt")
    next(first)
    going.wait()
    assert last(shelf.remove("quay")) == Note("failed", "Another change is being made. Try again when it is done.")
    first.close()
    may_go_on.set()
    while last(shelf.remove("quay")).state == "failed":
        threading.Event().wait(0.01)
    assert sorted(file.name for file in corpus.iterdir()) == ["harbour.md", "lamp.md"]


def test_an_index_that_cannot_follow_is_told_with_what_was_done(settings: Settings) -> None:
    class Stuck(Assistant):
        def refresh(self, progress: Progress | None = None, *, rebuild: bool = False) -> Index:
            raise IndexStoreError("The index is locked by another process. Try again.")

    note = last(ready(Stuck(settings=settings, embedder=WordEmbedder(), reader=QueueReader())).remove("quay"))
    assert (note.state, note.text) == (
        "failed",
        "“The night the quay burned” is out of the corpus. But the index could not follow: "
        "The index is locked by another process. Try again.",
    )


def test_removing_the_last_article_is_told_in_the_page_and_adding_one_begins_again(shelf: Shelf, fake_assistant: Assistant) -> None:
    startup = shelf._startup
    for id_ in ("harbour", "quay"):
        assert last(shelf.remove(id_)).state == "done"
    assert (startup.status.state, dict(startup.articles)) == ("failed", {})
    assert "No articles in" in startup.status.problem
    assert last(shelf.drop([dropped("lamp.txt")])).state == "done"
    while not startup.status.settled:
        threading.Event().wait(0.01)
    assert (startup.status.state, list(startup.articles)) == ("ready", ["lamp"])


@pytest.mark.parametrize(
    ("rights", "allowed"),
    [(Rights(), set()), (Rights(originals=True), {"original", "restore"})],
)
def test_a_wish_without_a_right_to_it_changes_nothing(
    fake_assistant: Assistant, corpus: Path, serve: Callable[..., Served], rights: Rights, allowed: set[str]
) -> None:
    page = serve(fake_assistant, rights=rights).page
    event = {"article": "quay", "url": "https://example.org", "files": [{"name": "a.txt", "data": ""}], "replaces": True}
    for wish in {"original", "restore", "remove", "fetch", "drop", "__init__", ""} - allowed:
        assert list(page.change(SimpleNamespace(wish=wish, **event))) == []
    assert sorted(file.name for file in corpus.iterdir()) == ["harbour.md", "quay.txt"]


def test_only_a_page_that_takes_articles_takes_large_requests(scripted: ScriptedAssistant, serve: Callable[..., Served]) -> None:
    managed = serve(scripted, rights=Rights(originals=True, articles=True))
    with httpx.Client(base_url=managed.url, timeout=60) as client:
        join = "/gradio_api/queue/join"
        assert client.post(join, content=b'["' + b"x" * LARGEST_REQUEST + b'"]').status_code != 413
        assert client.post(join, content=b'["' + b"x" * LARGEST_DROP + b'"]').status_code == 413
        assert client.post("/gradio_api/upload", files={"files": ("x.txt", TEXT)}).status_code == 404


def test_managing_is_off_unless_it_is_asked_for() -> None:
    assert app.parser().parse_args([]).manage is False
    assert app.rights("127.0.0.1", manage=False) == Rights(originals=True)
    assert app.rights("0.0.0.0", manage=False) == Rights()
    assert app.rights("0.0.0.0", manage=True) == Rights(originals=True, articles=True)
