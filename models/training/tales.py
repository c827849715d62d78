"""FairytaleQA (Xu et al. 2022, Apache-2.0) to questions with the sentence that answers each.

The data name the section that holds an answer, not the sentence; that is found here by the words that it shares with the answer,
then by those that it shares with the question. Questions whose answer has to be inferred are left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.chunking import split_article
from rag.text import STOPWORDS, content_stems
from rag.types import Article, Sentence

ANSWER_SHARE = 0.5
"""Share of an answer's content stems that a sentence must hold to be taken for the one that answers."""
ASKED_SHARE = 0.8
"""Worth of sharing all of the question's content stems, beside 1 for all of the answer's."""
BEFORE_SHARE = 0.5
"""A question's word in the sentence before counts this much."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, its answer in a few words, the sentence that gives it, and sentences of other sections, which do not."""

    question: str
    answer: str
    right: str
    others: tuple[str, ...]


def fairytales(path: Path, limit: int | None = None) -> Iterator[Asked]:
    """Yield the questions of a file of stories, {"sections": [{"id", "text"}], "questions": […]} a line; of the first so many."""
    lines = [line for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
    for line in lines[:limit]:
        yield from _asked(json.loads(line))


def _asked(record: dict[str, Any]) -> Iterator[Asked]:
    told = {section["id"]: _sentences(section["text"]) for section in record["sections"]}
    for item in record["questions"]:
        inside = [sentence for id_ in item["sections"] for sentence in told.get(id_, ())]
        right = answering(item["question"], item["answers"], inside) if item["explicit"] else None
        if right is not None:
            others = tuple(s.text for id_, sentences in told.items() if id_ not in item["sections"] for s in sentences)
            yield Asked(item["question"], item["answers"][0], right.text, others)


def _sentences(text: str) -> tuple[Sentence, ...]:
    return split_article(Article("tale", "Tale", text))[1]


def answering(question: str, answers: Sequence[str], sentences: Sequence[Sentence]) -> Sentence | None:
    """Return the sentence that gives one of the answers, or None where none shares enough words with any."""
    asked = set(content_stems(question))
    wanted = [found for answer in answers if (found := set(content_stems(answer)) - asked or set(content_stems(answer)))]
    best, chosen = 0.0, None
    for sentence in sentences if wanted else ():
        stems, before = set(content_stems(sentence.text)), set(content_stems(sentence.previous))
        share = max(len(stems & answer) / len(answer) for answer in wanted)
        near = len(asked & stems) + BEFORE_SHARE * len(asked & (before - stems))
        score = share + ASKED_SHARE * near / max(1, len(asked))
        if share >= ANSWER_SHARE and score > best:
            best, chosen = score, sentence
    return chosen


def statement(question: str, answer: str) -> str:
    """Return an answer as a sentence with the question's words where they can be turned, else as a sentence of its own."""
    asked, said = question.strip().rstrip("?").strip(), answer.strip().rstrip(".")
    if match := re.fullmatch(r"[Ww]ho (?!did\b|does\b|do\b)(.+)", asked):
        said = f"{said} {match.group(1)}"
    elif re.match(r"[Ww]hy ", asked) and not said.lower().startswith(("because", "so that", "to ")):
        first = said.split(" ", 1)[0]
        said = f"because {first.lower() if first.lower() in STOPWORDS else first}{said[len(first) :]}"
    return f"{said[:1].upper()}{said[1:]}."
