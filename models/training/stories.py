"""FairytaleQA and made stories in one shape: a text's sentences, and questions with a label for every sentence.

FairytaleQA (Xu et al. 2022) names the section that holds an answer, not the sentence; the sentence is found here by the words
that it shares with the answer, then by those that it shares with the question.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.training import generate
from rag.chunking import split_article
from rag.text import content_stems
from rag.types import Article, Passage, Sentence

ANSWERS, DOUBTFUL, DOES_NOT = 1, -1, 0
ANSWER_SHARE = 0.5
"""Share of an answer's content stems that a sentence must hold to be taken for the one that answers."""
DOUBTFUL_SHARE = 0.3
"""A sentence of the right section with this share is neither an answer nor a fair negative."""
NEAR_BEST = 0.1


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with one label a sentence of its story: it answers, does not, or that is in doubt."""

    question: str
    kind: str
    answers: tuple[str, ...]
    labels: tuple[int, ...]

    @property
    def sure(self) -> bool:
        """Tell whether a sentence is known to answer."""
        return ANSWERS in self.labels


@dataclass(frozen=True, slots=True)
class Story:
    """A text in passages and sentences, with what is asked about it; `made` where a program wrote it."""

    article: Article
    passages: tuple[Passage, ...]
    sentences: tuple[Sentence, ...]
    asked: tuple[Asked, ...]
    made: bool = False


def fairytales(path: Path) -> list[Story]:
    """Return the stories of a FairytaleQA file: {"story", "sections": [{"id", "text"}], "questions": […]} a line."""
    return [_fairytale(json.loads(line)) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]


def made(count: int, seed: int) -> Iterator[Story]:
    """Yield stories made by program; the same seed makes the same ones."""
    for number, story in enumerate(generate.stories(count, seed)):
        yield _made(story, f"made-{seed}-{number}")


def _fairytale(record: dict[str, Any]) -> Story:
    text, spans = "", {}
    for section in record["sections"]:
        start = len(text)
        text += section["text"].strip() + "\n\n"
        spans[section["id"]] = (start, len(text) - 2)
    article = Article(record["story"], record["story"].replace("-", " "), text.rstrip())
    passages, sentences = split_article(article)
    asked = []
    for item in record["questions"]:
        where = [spans[i] for i in item["sections"] if i in spans]
        inside = [any(start <= s.start < end for start, end in where) for s in sentences]
        labels = label(item["question"], item["answers"], sentences, inside, explicit=item["explicit"])
        asked.append(Asked(item["question"], item["kind"], tuple(item["answers"]), tuple(labels)))
    return Story(article, passages, sentences, tuple(asked))


def label(question: str, answers: Sequence[str], sentences: Sequence[Sentence], inside: Sequence[bool], *, explicit: bool) -> list[int]:
    """Return a label for each sentence.

    Outside the sections that hold the answer no sentence answers. Inside, the one that shares most with the answer and then
    with the question does; near rivals are in doubt, and where the answer is implicit the whole section is.
    """
    doubtful = [DOUBTFUL if there else DOES_NOT for there in inside]
    asked = set(content_stems(question))
    wanted = [found for answer in answers if (found := set(content_stems(answer)) - asked or set(content_stems(answer)))]
    if not explicit or not wanted:
        return doubtful
    shares, scores = [0.0] * len(sentences), [0.0] * len(sentences)
    for i, sentence in enumerate(sentences):
        if inside[i]:
            stems, before = set(content_stems(sentence.text)), set(content_stems(sentence.previous))
            shares[i] = max(len(stems & w) / len(w) for w in wanted)
            near = len(asked & stems) + 0.5 * len(asked & (before - stems))
            scores[i] = shares[i] + 0.8 * near / max(1, len(asked))
    best = max((score for score, share in zip(scores, shares, strict=True) if share >= ANSWER_SHARE), default=None)
    if best is None:
        return doubtful
    return [_one(share, score, best) if there else DOES_NOT for share, score, there in zip(shares, scores, inside, strict=True)]


def _one(share: float, score: float, best: float) -> int:
    if share >= ANSWER_SHARE and score >= best - NEAR_BEST:
        return ANSWERS
    return DOUBTFUL if share >= DOUBTFUL_SHARE else DOES_NOT


def _made(story: generate.Story, name: str) -> Story:
    text, spans, section = "", [], ""
    for i, sentence in enumerate(story.sentences):
        if story.sections[i] != section:
            section = story.sections[i]
            text = f"{text.rstrip()}\n\n## {section}\n\n".lstrip()
        elif i and story.paragraphs[i] != story.paragraphs[i - 1]:
            text = f"{text.rstrip()}\n\n"
        spans.append((len(text), len(text) + len(sentence)))
        text += f"{sentence} "
    article = Article(name, "A story", text.strip())
    passages, sentences = split_article(article)
    asked = []
    for question in story.questions:
        answers = [spans[i] for i in question.answers]
        labels = [ANSWERS if any(min(s.end, b) - max(s.start, a) > 0.6 * (b - a) for a, b in answers) else DOES_NOT for s in sentences]
        asked.append(Asked(question.question, question.kind, (), tuple(labels)))
    return Story(article, passages, sentences, tuple(asked), made=True)


def shuffled(stories: Sequence[Story], rng: random.Random) -> Iterator[Story]:
    """Yield stories for ever, all of them before any comes again."""
    while True:
        yield from rng.sample(stories, len(stories))
