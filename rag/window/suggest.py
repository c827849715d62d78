"""Questions the corpus can answer: to start with, and after an answer."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from rag.chunking import blocks
from rag.text import content_stems
from rag.types import Answer, Article

logger = logging.getLogger(__name__)

QUESTION_FILE = "questions.jsonl"
LONGEST = 90
"""Characters of a suggested question; a longer one does not fit a button."""
MOST_ARTICLES = 200
"""Articles whose headings are looked at."""
ALIKE = 0.6
"""Two questions that share this part of their content words ask for the same thing."""
FIRST_KINDS = ("why_how", "both_articles", "conflict", "fact")
"""Kinds of the question-file format that show best what the corpus holds; starters take one of each, in this order."""
TRICKY_KINDS = frozenset(("false_premise", "paraphrase"))
"""Kinds that are made to mislead a reader or a search; nobody should be led to ask them."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A question known to be answerable, its kind, and the stems of the question and of the evidence that answers it."""

    question: str
    kind: str
    asks: frozenset[str]
    about: frozenset[str]


class Suggestions:
    """The answerable questions of a corpus: those of its own question file, else the headings that ask something."""

    def __init__(self, items: Sequence[Suggestion] = ()) -> None:
        self.items = tuple(items)

    @classmethod
    def of_corpus(cls, corpus: Path) -> Suggestions:
        """Return the questions of a corpus; none where its question file is missing or unreadable.

        Only questions that stand alone are taken, written as a person would publish them: from a capital to "?".
        """
        try:
            lines = (corpus / QUESTION_FILE).read_text(encoding="utf-8").splitlines()
            return cls([item for line in lines if line.strip() and (item := _suggestion(json.loads(line)))])
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, KeyError, TypeError) as error:
            logger.warning("No suggestions: %s cannot be used (%s).", QUESTION_FILE, error)
            return cls()

    @classmethod
    def of_articles(cls, articles: Iterable[Article]) -> Suggestions:
        """Return the questions that articles ask in their headings, to answer them in the section below."""
        sections: dict[str, str] = {}
        for article in islice(articles, MOST_ARTICLES):
            for block in blocks(article):
                if block.section.endswith("?") and len(block.section) <= LONGEST:
                    sections[block.section] = sections.get(block.section, "") + article.text[block.start : block.end]
        return cls([
            Suggestion(question, "section", frozenset(content_stems(question)), frozenset(content_stems(text)))
            for question, text in sections.items()
        ])  # fmt: skip

    def starters(self, count: int = 4) -> list[str]:
        """Return questions to start with, each of another kind as far as there are kinds."""
        first: dict[str, str] = {}
        for item in self.items:
            first.setdefault(item.kind, item.question)
        chosen = [first[kind] for kind in (*FIRST_KINDS, *first) if kind in first] + [item.question for item in self.items]
        return list(dict.fromkeys(chosen))[:count]

    def after(self, answer: Answer, asked: Collection[str], count: int = 3) -> list[str]:
        """Return questions near to an answer (or to the question, where it was refused) that were not asked yet."""
        said = [claim.text for claim in answer.claims] + [citation.quote for citation in answer.citations]
        here = frozenset(content_stems(" ".join([answer.question, *said])))
        seen = [frozenset(content_stems(question)) for question in asked]
        chosen: list[str] = []
        for item in sorted(self.items, key=lambda item: -len(item.about & here) / max(1, len(item.about)) ** 0.5):
            if not any(_alike(item.asks, other) for other in seen):
                chosen.append(item.question)
                seen.append(item.asks)
            if len(chosen) == count:
                break
        return chosen


def _alike(a: frozenset[str], b: frozenset[str]) -> bool:
    return len(a & b) >= ALIKE * min(len(a), len(b))


def _suggestion(record: dict[str, object]) -> Suggestion | None:
    question = str(record["question"]).strip()
    kind = str(record.get("type", ""))
    fit = len(question) <= LONGEST and question[:1].isupper() and question.endswith("?") and kind not in TRICKY_KINDS
    if record["answerable"] is not True or record.get("history") or not fit:
        return None
    evidence = record.get("evidence")
    quotes = [str(item["quote"]) for item in evidence] if isinstance(evidence, list) else []
    asks = frozenset(content_stems(question))
    return Suggestion(question, kind, asks, asks | frozenset(content_stems(" ".join(quotes))))
