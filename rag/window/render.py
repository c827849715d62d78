"""Turns, articles and status to HTML, through templates that escape every value. The only place where markup is made."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from rag.types import Answer, Article, Citation, Claim, Event
from rag.window.article import Spot, lay_out
from rag.window.shelf import Note, Rights
from rag.window.startup import Status
from rag.window.turns import Turn

PHASES = {"search": "Searching", "read": "Reading {}", "check": "Checking", "claim": "Checking", "done": "Checking"}
WAITING = "Waiting for another question to be answered"
VERDICTS = {
    "quoted": "These are the article's own words, unchanged.",
    "shortened": "These are the article's own words. “…” stands for words left out; the footnote shows them all.",
    "supported": "The model phrased this. Its names and numbers, and whether it says yes or no, are checked against the cited text, "
    "which holds {} of its content words.",
}
STEPS = {"load": "Open the index", "search": "Search", "read": "Read", "check": "Check"}


@dataclass(frozen=True, slots=True)
class Column:
    """One side of a disagreement: the source or sources, and what they say."""

    source: str
    claims: tuple[Claim, ...]


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("rag.window"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(day=day, percent=percent, web=web_address)
    environment.globals.update(columns=columns, explain=explain, spots=_spots, sources=sources, steps=steps)
    return environment


def conversation_html(
    turns: Sequence[Turn],
    names: Mapping[str, str],
    *,
    suggestions: Sequence[str] = (),
    running: bool = False,
    event: Event | None = None,
) -> str:
    """Return the conversation, or the welcome where there is none yet.

    `names` tells how the articles are called, by id; `suggestions` are questions to ask (next). While `running`, the last
    turn is in the making and `event` is what it has come to.
    """
    return _templates().get_template("conversation.html").render(
        turns=turns, names=names, suggestions=suggestions, running=running,
        phase=phase(event) if running else "", elapsed=event.elapsed if event else 0.0,
    )  # fmt: skip


def article_html(
    article: Article, spots: Sequence[Spot], *, alone: bool = False, original: bool = False, rights: Rights | None = None
) -> str:
    """Return the source panel with one article in full, its spots marked.

    `alone` leaves out the way to other articles, `original` says that it stands in its retelling's place.
    """
    blocks, lost = lay_out(article, spots)
    if blocks and blocks[0].kind == "heading" and [(piece.text, piece.numbers) for piece in blocks[0].pieces] == [(article.title, ())]:
        del blocks[0]  # it stands above the article already
    return (
        _templates()
        .get_template("article.html")
        .render(article=article, blocks=blocks, lost=lost, alone=alone, original=original, rights=rights or Rights())
    )


def articles_html(articles: Mapping[str, Article], status: Status, rights: Rights | None = None) -> str:
    """Return the source panel with the list of articles, and a form to add some where the page may."""
    return _templates().get_template("articles.html").render(articles=articles.values(), status=status, rights=rights or Rights())


def note_html(note: Note) -> str:
    """Return how far a change of the corpus is, or what came of it; "" where there was none."""
    return _templates().get_template("note.html").render(note=note).strip()


def status_html(status: Status) -> str:
    """Return the line in the page's head: the model, the corpus and the state of the index."""
    return _templates().get_template("status.html").render(status=status)


def notice_html(status: Status) -> str:
    """Return what stands above the conversation: progress while something loads, the reason where it failed, else ""."""
    return _templates().get_template("notice.html").render(status=status).strip()


def phase(event: Event | None) -> str:
    """Return what is being done, in a person's words."""
    return PHASES[event.stage].format(event.detail) if event else WAITING


def columns(answer: Answer) -> list[Column]:
    """Return the claims of a disagreement by the sources that make them, in order of appearance."""
    grouped: dict[str, list[Claim]] = {}
    for claim in answer.claims:
        grouped.setdefault(sources(claim.citations), []).append(claim)
    return [Column(source, tuple(claims)) for source, claims in grouped.items()]


def sources(citations: Sequence[Citation]) -> str:
    """Return the names of the cited sources, each once."""
    return " and ".join(dict.fromkeys(citation.publisher or citation.title for citation in citations))


def explain(claim: Claim) -> str:
    """Return in a sentence why a claim may be shown."""
    verdict = "shortened" if claim.verdict == "quoted" and "…" in claim.text else claim.verdict
    return VERDICTS[verdict].format(percent(claim.support))


def steps(answer: Answer) -> list[tuple[str, float, float]]:
    """Return the name, the seconds and the share (0..1) of each step of an answer, in order."""
    total = max(sum(seconds for name, seconds in answer.timings.items() if name != "total"), 1e-9)
    timed = [(name, seconds) for name, seconds in answer.timings.items() if name != "total"]
    return [(STEPS.get(name, name.capitalize()), seconds, seconds / total) for name, seconds in timed]


def percent(share: float) -> str:
    """Return a share of 1 as a whole percentage, held between 0 % and 100 %."""
    return f"{round(100 * min(1.0, max(0.0, share)))} %"


def day(text: str) -> str:
    """Return an ISO date as a person writes it, and anything else as it is."""
    try:
        value = date.fromisoformat(text)
    except ValueError:
        return text
    return f"{value.day} {value:%B} {value.year}"


def web_address(url: str) -> str:
    """Return an address that a page may link to (http or https, no space, quote or bracket in it), else ""."""
    return url if re.fullmatch(r"https?://[^\s<>\"'`\\]+", url) else ""


def _spots(answer: Answer) -> str:
    """Return the citations of an answer as the JSON that the page's script reads."""
    return json.dumps([
        {
            "number": c.number, "article_id": c.article_id, "start": c.start, "end": c.end, "quote": c.quote,
            "source": c.publisher or c.title, "date": day(c.date), "edition": c.edition,
        }
        for c in answer.citations
    ])  # fmt: skip
