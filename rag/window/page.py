"""The page: Gradio's components, laid out and wired to the desk."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.events import api
from pydantic import TypeAdapter, ValidationError

from rag.errors import RagError
from rag.fetch import fetch as fetch_page
from rag.library import Fetch
from rag.pipeline import Assistant
from rag.types import Event
from rag.window import feedback, render
from rag.window.answering import UNEXPECTED, Desk
from rag.window.article import Spot
from rag.window.export import as_json, as_markdown
from rag.window.shelf import Dropped, Note, Rights, Shelf
from rag.window.startup import Startup
from rag.window.suggest import Suggestions
from rag.window.turns import Rating, Turn, dump_turns, load_turns

ASSETS = files("rag.window") / "assets"
STORAGE = "footnote-conversation"
POLL = 0.5
"""Seconds between two looks at the start-up, while it lasts."""
AT_ONCE = 4
"""Questions of pages, and of programs, that may stand in line at once; IN_QUEUE more wait for a place there."""
IN_QUEUE = 16
HEARTBEAT = 0.25
"""Seconds between two signs of life while a question is answered: Gradio sees at a yield, and only there, that a page has gone."""

Saved = list[dict[str, Any]]
Updates = tuple[Any, ...]
Change = Callable[[gr.EventData], Iterator[Note]]
_spots = TypeAdapter(list[Spot])
_dropped = TypeAdapter(list[Dropped])


class Page:
    """The chat window over an assistant: `blocks` is Gradio's application, `startup` loads the models behind it."""

    def __init__(
        self, assistant: Assistant, *, rights: Rights | None = None, feedback_file: Path | None = None, fetch: Fetch = fetch_page
    ) -> None:
        """Lay the page out; nothing is loaded before `startup.start()` or the first question.

        `rights` says what the page may change of the corpus, by default nothing; `fetch` gets web addresses for it.
        """
        self.desk = Desk(assistant)
        self.startup = Startup(assistant)
        self.rights = rights or Rights()
        self._shelf = Shelf(self.startup, assistant.settings.corpus_path, fetch=fetch)
        self._questions = Suggestions.of_corpus(assistant.settings.corpus_path)
        self._headings: tuple[object, Suggestions] = (None, Suggestions())
        self.feedback_file = feedback_file or feedback.feedback_file()
        with gr.Blocks(title="Footnote", analytics_enabled=False, fill_width=True) as self.blocks:
            self._lay_out()
            self._wire()
        self.blocks.queue(max_size=IN_QUEUE, api_open=False, default_concurrency_limit=AT_ONCE)

    def _lay_out(self) -> None:
        def source(wanted: dict[str, Any]) -> str:  # Gradio marks the functions it gives to the browser, and cannot mark a method
            return self.source(wanted)

        def welcome(_: dict[str, Any]) -> str:
            return self._conversation(())

        status = self.startup.status
        self.saved = gr.BrowserState([], storage_key=STORAGE, secret=STORAGE)  # no secret to keep: it is the reader's own browser
        self.timer = gr.Timer(POLL)
        self.exported = gr.JSON(visible=False)
        self.bar = gr.HTML(
            render.status_html(status), elem_id="bar", html_template=asset("bar.html"), js_on_load=part("bar"), apply_default_css=False
        )
        with gr.Row(elem_id="panes"):
            with gr.Column(elem_id="talk"):
                self.notice = gr.HTML(render.notice_html(status), elem_id="notice", js_on_load=part("notice"), apply_default_css=False)
                self.conversation = gr.HTML(
                    self._conversation(()), elem_id="conversation", js_on_load=asset("window.js"), server_functions=[welcome],
                    apply_default_css=False,
                )  # fmt: skip
                self.box = gr.Textbox(
                    elem_id="box", label="Your question", show_label=False, container=False, lines=1, max_lines=8, max_length=2000,
                    placeholder="Ask about the articles", autofocus=True, submit_btn="Send",
                )  # fmt: skip
            self.panel = gr.HTML(
                render.articles_html({}, status, self.rights), elem_id="panel", html_template=asset("panel.html"), js_on_load=part("panel"),
                server_functions=[source], apply_default_css=False,
            )  # fmt: skip
            if self.rights.originals:
                self.note = gr.HTML("", elem_id="note", js_on_load=part("note") + asset("shelf.js"), apply_default_css=False)

    def _wire(self) -> None:
        asking: dict[str, Any] = {
            "outputs": [self.box, self.conversation, self.saved], "show_progress": "hidden", "api_visibility": "private",
            "concurrency_id": "pages", "concurrency_limit": AT_ONCE, "trigger_mode": "multiple",
        }  # fmt: skip
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "queue": False}
        state = [self.bar, self.notice, self.timer]
        self.blocks.load(self.show_startup, None, state, **quiet)
        self.timer.tick(self.show_startup, None, state, **quiet)
        self.notice.submit(self.begin_again, None, state, **quiet)
        self.blocks.load(self.restore, self.saved, self.conversation, **quiet)
        self.box.submit(self.ask, [self.box, self.saved], **asking)
        self.conversation.submit(self.ask_suggested, self.saved, **asking)
        self.conversation.retry(self.retry, self.saved, **asking)
        self.conversation.edit(self.edit, self.saved, **asking)
        self.box.stop(self.stop, None, None, **quiet)
        self.conversation.like(self.rate, self.saved, [self.conversation, self.saved], **quiet)
        self.bar.clear(self.clear, None, [self.conversation, self.saved], **quiet)
        exported = self.bar.download(self.export, self.saved, self.exported, **quiet)
        exported.then(None, self.exported, None, js="(file) => window.footnote.save(file)", api_visibility="private")
        if self.rights.originals:
            self.note.submit(
                self.change, None, [self.note, *state], show_progress="hidden", api_visibility="private",
                concurrency_id="shelf", concurrency_limit=AT_ONCE, trigger_mode="multiple",
            )  # fmt: skip
        api(self.answer, api_name="answer", concurrency_id="programs", concurrency_limit=AT_ONCE)

    # Questions and answers

    def ask(self, question: str, saved: Saved, request: gr.Request) -> Iterator[Updates]:
        """Yield the page as the answer to a question grows."""
        if not question.strip():
            yield gr.skip(), gr.skip(), gr.skip()
            return
        yield from self._grow(question, load_turns(saved), request)

    def ask_suggested(self, saved: Saved, request: gr.Request, event: gr.EventData) -> Iterator[Updates]:
        """Ask a question that the page suggested."""
        yield from self._grow(str(event.question), load_turns(saved), request)

    def retry(self, saved: Saved, request: gr.Request, event: gr.EventData) -> Iterator[Updates]:
        """Ask the question of a turn again; the turn and what follows it are replaced."""
        turns = load_turns(saved)
        if 0 <= (number := int(event.turn)) < len(turns):
            yield from self._grow(turns[number].question, turns[:number], request)

    def edit(self, saved: Saved, request: gr.Request, event: gr.EventData) -> Iterator[Updates]:
        """Ask another question in the place of a turn; the turn and what follows it are replaced."""
        turns = load_turns(saved)
        if 0 <= (number := int(event.turn)) < len(turns):
            yield from self._grow(str(event.question), turns[:number], request)

    def stop(self, request: gr.Request) -> None:
        """Stop the question that this page is asking."""
        self.desk.stop(request.session_hash or "")

    def _grow(self, question: str, before: tuple[Turn, ...], request: gr.Request) -> Iterator[Updates]:
        turn, shown, told = Turn(question), None, time.monotonic()
        yield gr.Textbox(value="", submit_btn=False, stop_btn="Stop"), self._running(before, turn, None), dump_turns((*before, turn))
        for turn, event in self.desk.ask(request.session_hash or "", question, before):
            news = (event.stage, event.detail, event.claim) if event else None
            if news != shown or time.monotonic() - told > HEARTBEAT:
                drawn = self._running(before, turn, event) if news != shown else gr.skip()
                shown, told = news, time.monotonic()
                yield gr.skip(), drawn, gr.skip()
        if turn.ending == "interrupted":
            return  # by another question of the same page, which draws it from here
        turns = (*before, turn)
        yield gr.Textbox(submit_btn="Send", stop_btn=False), self._conversation(turns), dump_turns(turns)

    def answer(self, question: str, history: list[dict[str, str]] | None = None) -> dict[str, Any]:
        """Answer a question from the articles, with a footnote on every claim, or refuse where they do not hold the answer.

        Args:
            question: The question, in words, at most 2000 characters.
            history: The conversation before it, oldest first, as {"role": "user" or "assistant", "content": text}.

        Returns:
            The answer: text, refused, disagreement, claims and citations (each quote with its article and character
            span), passages, evidence, the standalone question, timings in seconds, and the model's name.
        """
        try:
            return self.desk.answer(question, history or None).to_dict()
        except RagError as error:
            raise gr.Error(str(error), print_exception=False) from error
        except Exception as error:
            raise gr.Error(UNEXPECTED) from error

    # The conversation as a whole

    def restore(self, saved: Saved) -> str:
        """Return the conversation that the browser kept."""
        return self._conversation(load_turns(saved))

    def clear(self) -> Updates:
        """Forget the conversation, in the browser too."""
        return self._conversation(()), []

    def rate(self, saved: Saved, event: gr.EventData) -> Updates:
        """Keep a like, a dislike, the reason for one or its withdrawal in the file on this machine."""
        turns = list(load_turns(saved))
        if not 0 <= (number := int(event.turn)) < len(turns):
            return gr.skip(), gr.skip()
        rating: Rating = "up" if event.liked is True else "down" if event.liked is False else ""
        turns[number] = replace(turns[number], rating=rating)
        if not feedback.keep(turns[number], str(event.reason), self.feedback_file):
            raise gr.Error("Your feedback could not be kept; the terminal that Footnote runs in says why.", print_exception=False)
        return self._conversation(turns), dump_turns(turns)

    def export(self, saved: Saved, event: gr.EventData) -> dict[str, str]:
        """Return the conversation as a file for the browser to save."""
        turns = load_turns(saved)
        if event.format == "json":
            return {"name": "conversation.json", "type": "application/json", "text": as_json(turns)}
        return {"name": "conversation.md", "type": "text/markdown", "text": as_markdown(turns)}

    def _conversation(self, turns: tuple[Turn, ...] | list[Turn]) -> str:
        """Return settled turns as HTML, with what could be asked next."""
        if not turns:
            return render.conversation_html((), self._names(), suggestions=self.suggestions.starters())
        asked = [turn.question for turn in turns]
        answer = turns[-1].answer
        suggested = self.suggestions.after(answer, asked) if answer else []
        return render.conversation_html(turns, self._names(), suggestions=suggested)

    def _running(self, before: tuple[Turn, ...], turn: Turn, event: Event | None) -> str:
        """Return a conversation whose last turn is in the making."""
        return render.conversation_html((*before, turn), self._names(), running=True, event=event)

    @property
    def suggestions(self) -> Suggestions:
        """Questions that can be answered: the corpus' own, else those that its articles ask in their headings."""
        articles = self.startup.articles
        if not self._questions.items and self._headings[0] is not articles:
            self._headings = (articles, Suggestions.of_articles(articles.values()))
        return self._questions if self._questions.items else self._headings[1]

    def _names(self) -> dict[str, str]:
        return {article.id: article.name for article in self.startup.articles.values()}

    # The articles, and getting ready

    def source(self, wanted: dict[str, Any]) -> str:
        """Return the source panel: an article with the spots marked that the page's script asks for, else the list."""
        articles = self.startup.articles
        article = articles.get(str(wanted.get("article", "")))
        if article is None:
            return render.articles_html(articles, self.startup.status, self.rights)
        try:
            spots = _spots.validate_python(wanted.get("spots", []))
        except ValidationError:
            spots = []
        alone = len(articles) == 1 and not self.rights.articles
        return render.article_html(article, spots, alone=alone, original=self._shelf.is_original(article.id), rights=self.rights)

    def change(self, event: gr.EventData) -> Iterator[Updates]:
        """Yield the page while the corpus is changed as it wishes; a wish that it has no right to changes nothing."""
        begin = self._changes.get(str(event.wish))
        for note in begin(event) if begin else ():
            status = [gr.skip()] * 3 if note.state == "busy" else self.show_startup()
            yield render.note_html(note), *status

    @property
    def _changes(self) -> dict[str, Change]:
        """What the page may do to the corpus, by the name its script has for it."""
        shelf, allowed = self._shelf, dict[str, Change]()
        if self.rights.originals:
            allowed["original"] = lambda event: shelf.load_original(str(event.article))
            allowed["restore"] = lambda event: shelf.restore(str(event.article))
        if self.rights.articles:
            allowed["remove"] = lambda event: shelf.remove(str(event.article))
            allowed["fetch"] = lambda event: shelf.fetch(str(event.url), replaces=event.replaces is True)
            allowed["drop"] = lambda event: shelf.drop(_dropped.validate_python(event.files), replaces=event.replaces is True)
        return allowed

    def show_startup(self) -> Updates:
        """Return the state of index and models; the page looks again while that can change."""
        status = self.startup.status
        return render.status_html(status), render.notice_html(status), gr.Timer(active=not status.settled)

    def begin_again(self) -> Updates:
        """Try once more to load what failed."""
        self.startup.start()
        return self.show_startup()


def theme() -> gr.themes.Base:
    """Return Gradio's plain theme in fonts that every computer has."""
    sans = ["ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
    return gr.themes.Base(font=sans, font_mono=["ui-monospace", "Consolas", "monospace"])


def asset(name: str) -> str:
    """Return the text of one of the page's own files."""
    return (ASSETS / name).read_text(encoding="utf-8")


def part(name: str) -> str:
    """Return the script that makes a component known to window.js. The events it names are those the page listens to."""
    return f"(window.footnote ??= {{}}).{name} = {{ element, trigger, props, server, watch }};"
