"""A conversation to take away: Markdown with footnotes, and JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from rag.types import Answer, Citation
from rag.window.render import web_address
from rag.window.turns import Turn

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~$])")
_LIST_MARK = re.compile(r"^(\d*)([-+=.)])")
ENDINGS = {
    "stopped": "Stopped before the answer was complete.",
    "interrupted": "The answer was interrupted.",
    "failed": "The question could not be answered.",
}


def as_markdown(turns: Sequence[Turn]) -> str:
    """Return a conversation as Markdown whose footnotes are numbered through, so that every mark is unique.

    Text of articles and models is escaped: in Markdown, too, it stays text.
    """
    lines, notes = ["# Conversation with Footnote", ""], list[str]()
    for turn in turns:
        lines += [f"## {_plain(turn.question)}", ""]
        if turn.ending != "answered":
            lines += [f"*{_plain(turn.problem or ENDINGS[turn.ending])}*", ""]
        if turn.answer:
            lines += _body(turn.answer, offset=len(notes))
            notes += [_note(citation, len(notes) + i) for i, citation in enumerate(turn.answer.citations, start=1)]
    return "\n".join([*lines, *notes]).rstrip() + "\n"


def as_json(turns: Sequence[Turn]) -> str:
    """Return a conversation as JSON: each question with its ending, its rating and the answer's `to_dict()`."""
    records: list[dict[str, Any]] = [
        {
            "question": turn.question,
            "ending": turn.ending,
            "problem": turn.problem,
            "rating": turn.rating,
            "answer": turn.answer.to_dict() if turn.answer else None,
        }
        for turn in turns
    ]
    return json.dumps({"turns": records}, ensure_ascii=False, indent=2) + "\n"


def _body(answer: Answer, *, offset: int) -> list[str]:
    if answer.refused:
        return [_plain(answer.text), ""]
    position = {citation.number: offset + i for i, citation in enumerate(answer.citations, start=1)}
    lines = ["**The articles differ.**", ""] if answer.disagreement else []
    for claim in answer.claims:
        marks = "".join(f"[^{position[c.number]}]" for c in claim.citations)
        source = f"{_plain(' and '.join(dict.fromkeys(c.publisher or c.title for c in claim.citations)))}: " if answer.disagreement else ""
        lines += [f"{source}{_plain(claim.text)}{marks}", ""]
    return lines


def _note(citation: Citation, number: int) -> str:
    link = f" <{citation.url}>" if web_address(citation.url) else ""
    return f"[^{number}]: {_plain(citation.source)}: “{_plain(citation.quote)}”{link}"


def _plain(text: str) -> str:
    """Return text on one line in which nothing is Markdown."""
    line = _MARKDOWN.sub(r"\\\1", " ".join(text.split()))
    return _LIST_MARK.sub(r"\1\\\2", line)
