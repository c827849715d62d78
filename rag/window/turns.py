"""The conversation as the browser keeps it: JSON to Turns and back. What comes from a browser is checked, never trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from rag.types import Answer

MOST_TURNS = 100
"""Turns kept; browsers give a page about 5 MB, and a turn takes some 10 kB. The oldest are forgotten first."""
PASSAGES_KEPT = 3
EVIDENCE_KEPT = 6

Ending = Literal["answered", "stopped", "failed", "interrupted"]
Rating = Literal["", "up", "down"]


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and what came of it.

    `answer` holds what was verified before a stop, if anything; it is None for a turn that failed, whose `problem` is
    the message a person should read. A turn is "interrupted" from its start until it ends in another way.
    """

    question: str
    answer: Answer | None = None
    ending: Ending = "interrupted"
    problem: str = ""
    rating: Rating = ""

    def kept(self) -> Turn:
        """Return the turn with as much of its answer as the page shows again after a reload."""
        if self.answer is None:
            return self
        answer = replace(self.answer, passages=self.answer.passages[:PASSAGES_KEPT], evidence=self.answer.evidence[:EVIDENCE_KEPT])
        return replace(self, answer=answer)


_turn = TypeAdapter(Turn)


def load_turns(saved: object) -> tuple[Turn, ...]:
    """Return the turns of a saved conversation, oldest first; what is no turn is left out."""
    items = saved[-MOST_TURNS:] if isinstance(saved, list) else []
    return tuple(turn for turn in map(_load_turn, items) if turn)


def _load_turn(item: object) -> Turn | None:
    try:
        return _turn.validate_python(item)
    except (ValidationError, RecursionError):
        return None


def dump_turns(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    """Return turns as plain JSON values, for the browser to keep."""
    return [_turn.dump_python(turn.kept(), mode="json") for turn in turns[-MOST_TURNS:]]


def history(turns: Sequence[Turn]) -> list[dict[str, str]]:
    """Return the conversation in the form `Assistant.stream` takes."""
    messages = []
    for turn in turns:
        messages.append({"role": "user", "content": turn.question})
        if turn.answer:
            messages.append({"role": "assistant", "content": turn.answer.text})
    return messages
