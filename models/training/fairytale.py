"""FairytaleQA to questions with ranked, labelled candidate sentences: what the retriever of today finds in each story.

FairytaleQA (Xu et al., 2022) names the sections that hold an answer, not the sentence; the sentence is found here by the
words that it shares with the answer, then by those that it shares with the question.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rag.index import build_index
from rag.retriever import Retriever
from rag.text import content_stems
from rag.types import Article, Embedder

ANSWER_SHARE = 0.5
"""Share of an answer's content stems that a sentence must hold to be taken for the one that answers."""
KEPT = 48
"""Candidates of each question that are kept, best first."""
DOUBTFUL_SHARE = 0.3
"""A sentence of the right section with this share is neither an answer nor a fair negative."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence that the retriever found: what a ranker reads, today's score with its parts, and the label.

    `label` is 1 for a sentence that answers, 0 for one that does not, -1 where that is in doubt.
    """

    section: str
    previous: str
    text: str
    kind: str
    score: float
    parts: Mapping[str, float]
    label: int
    in_section: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with its candidates, best first by today's score; `sure` where a sentence is known to answer."""

    question: str
    story: str
    kind: str
    answers: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    sure: bool


def load_stories(path: Path) -> list[dict[str, Any]]:
    """Return the stories of a JSONL file: name, sections and questions."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def article_of(story: Mapping[str, Any]) -> tuple[Article, dict[str, tuple[int, int]]]:
    """Return a story as one article, and the span of each of its sections by id."""
    text, spans = "", {}
    for section in story["sections"]:
        start = len(text)
        text += section["text"].strip() + "\n\n"
        spans[section["id"]] = (start, len(text) - 2)
    return Article(story["story"], story["story"].replace("-", " "), text.rstrip()), spans


def asked(stories: Sequence[Mapping[str, Any]], embedder: Embedder) -> Iterator[Asked]:
    """Yield every question of the stories, each searched for in its own story by the retriever of today."""
    for story in stories:
        article, spans = article_of(story)
        retriever = Retriever(build_index([article], embedder), embedder)
        for item in story["questions"]:
            yield ask(retriever, item, [spans[i] for i in item["sections"] if i in spans])


def ask(retriever: Retriever, item: Mapping[str, Any], sections: Sequence[tuple[int, int]]) -> Asked:
    """Return one question with its candidates labelled."""
    found = retriever.retrieve(item["question"]).evidence[:KEPT]
    inside = [any(a <= e.sentence.start < b for a, b in sections) for e in found]
    texts = [(e.sentence.previous, e.sentence.text) for e in found]
    labels = label(item["question"], item["answers"], texts, inside, explicit=item["explicit"])
    candidates = tuple(
        Candidate(e.sentence.section, e.sentence.previous, e.sentence.text, e.sentence.kind, e.score, e.parts, int(y), i)
        for e, y, i in zip(found, labels, inside, strict=True)
    )
    story = next(iter(retriever.index.articles))
    return Asked(item["question"], story, item["kind"], tuple(item["answers"]), candidates, bool((labels == 1).any()))


def label(
    question: str, answers: Sequence[str], texts: Sequence[tuple[str, str]], inside: Sequence[bool], *, explicit: bool
) -> npt.NDArray[np.int64]:
    """Return 1, 0 or -1 for each (previous sentence, sentence): it answers, does not, or is in doubt.

    Outside the sections that hold the answer every sentence is a negative. Inside, the one that shares most with the
    answer and then with the question answers; its neighbours and near rivals are in doubt. Where the answer is implicit
    all of the section is in doubt.
    """
    labels = np.where(inside, -1 if not explicit else 0, 0)
    if not explicit:
        return labels
    asked_for = set(content_stems(question))
    wanted = [found for answer in answers if (found := set(content_stems(answer)) - asked_for or set(content_stems(answer)))]
    if not wanted:
        return np.where(inside, -1, 0)
    scores = np.zeros(len(texts))
    shares = np.zeros(len(texts))
    for i, (previous, text) in enumerate(texts):
        if not inside[i]:
            continue
        stems = set(content_stems(text))
        shares[i] = max(len(stems & w) / len(w) for w in wanted)
        near = len(asked_for & stems) + 0.5 * len(asked_for & (set(content_stems(previous)) - stems))
        scores[i] = shares[i] + 0.8 * near / max(1, len(asked_for))
    good = shares >= ANSWER_SHARE
    if not good.any():
        return np.where(inside, -1, 0)
    best = float(scores[good].max())
    labels[np.array(inside) & (shares >= DOUBTFUL_SHARE)] = -1
    labels[good & (scores >= best - 0.1)] = 1
    return labels
