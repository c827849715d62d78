"""Tales and made stories to examples for the reader: the prompts of `rag.prompts`, and the replies to learn."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from models.training.generate import Story
from models.training.tales import Asked, statement
from rag import prompts
from rag.verifier import SUPPORT_FLOOR, verify

MOST_SENTENCES = 3
"""Numbered sentences of a prompt at most, the one that answers among them."""
REFUSALS = 0.15
"""Chance that the sentence that answers is left out, where there are others to show."""


@dataclass(frozen=True, slots=True)
class Example:
    """A conversation as `rag.prompts` writes it, and the reply to learn."""

    messages: list[dict[str, str]]
    reply: str


def examples(tales: Iterable[Asked], made: Iterable[Story], seed: int) -> list[Example]:
    """Return examples from fairy tales and made stories, shuffled; none teaches a reply that the verifier would not show."""
    rng = random.Random(seed)
    found = [*_of_tales(tales, rng), *_of_made(made, rng)]
    rng.shuffle(found)
    return found


def _of_tales(tales: Iterable[Asked], rng: random.Random) -> Iterator[Example]:
    for asked in tales:
        reply = statement(asked.question, asked.answer)
        if _passes(reply, asked.right, asked.question):
            yield _example(asked.question, asked.right, asked.others, reply, rng)


def _of_made(made: Iterable[Story], rng: random.Random) -> Iterator[Example]:
    for story in made:
        for told in story.told:
            others = [sentence for sentence in story.sentences if sentence not in told.cited]
            if not told.cited:
                yield Example(prompts.read_messages(told.question, rng.sample(others, MOST_SENTENCES)), prompts.REFUSAL)
            elif _passes(told.reply, told.cited[-1], told.question, context=told.cited[0]):
                yield _example(told.question, told.cited[-1], others, told.reply, rng)


def _passes(claim: str, cited: str, question: str, *, context: str = "") -> bool:
    return verify(claim, cited, question=question, context=context).support >= SUPPORT_FLOOR


def _example(question: str, right: str, others: Sequence[str], answer: str, rng: random.Random) -> Example:
    """Return one example; now and then the sentence that answers is left out, and the reply refuses."""
    shown = rng.sample(others, min(len(others), rng.randrange(MOST_SENTENCES)))
    if shown and rng.random() < REFUSALS:
        return Example(prompts.read_messages(question, shown), prompts.REFUSAL)
    place = rng.randint(0, len(shown))
    shown.insert(place, right)
    return Example(prompts.read_messages(question, shown), f"[{place + 1}] {answer}")
