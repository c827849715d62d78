"""Every string and grammar sent to a model, the reading of its replies, and the refusal sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.text import clean
from rag.types import Reading

REFUSAL = "The articles do not answer this."
MAX_ANSWER_TOKENS = 48

_SYSTEM = (
    "Answer from the numbered sentences only. Give the number of the sentence that answers, then a short answer in that "
    "sentence's own words."
)
_EXAMPLES = (
    (
        ("The old clock in the town hall stopped in March.", "Ivo Brandt, a retired sailor, repaired it within a week."),
        "Who repaired the clock?",
        "[2] Ivo Brandt, a retired sailor, repaired it.",
    ),
    (
        ("The market closed at noon because a storm was coming.", "Sellers took their fish home."),
        "Why did the market close early?",
        "[1] The market closed because a storm was coming.",
    ),
)
_CONTROL = re.compile(r"<(?=[|｜/!\w])|\[(?=/?\w*[A-Z_]{2}\w*\])")


def read_messages(question: str, sentences: Sequence[str]) -> list[dict[str, str]]:
    """Return the conversation that asks for the sentence that answers and a short answer.

    The system message and the examples come first and never change, so a model can keep them evaluated.
    """
    messages = [{"role": "system", "content": _SYSTEM}]
    for evidence, asked, reply in _EXAMPLES:
        messages += [{"role": "user", "content": _task(asked, evidence)}, {"role": "assistant", "content": reply}]
    return [*messages, {"role": "user", "content": _task(question, sentences)}]


def read_grammar(count: int) -> str:
    """Return a GBNF grammar for `[n] text` in which n can only be one of the `count` sentences given (1 to 9)."""
    return f'root ::= "[" [1-{count}] "] " [^\\n\\[\\]<>]+'


def parse_reading(reply: str, count: int) -> Reading:
    """Return the sentences pointed at, as positions from 0, and the words after them.

    A number out of range is dropped, and so is what cannot be seen.
    """
    reply = clean(reply.replace("\ufffd", ""))
    match = re.match(r"\[(\d{1,9})\]\s*", reply)
    if not match:
        return Reading((), reply)
    position = int(match.group(1)) - 1
    return Reading((position,) if 0 <= position < count else (), reply[match.end() :])


def _task(question: str, sentences: Sequence[str]) -> str:
    numbered = [f"[{i}] {neutral(sentence)}" for i, sentence in enumerate(sentences, start=1)]
    return "\n".join([*numbered, f"Question: {neutral(question)}"])


def neutral(text: str) -> str:
    """Return text on one line in which nothing can be taken for a chat template's control token."""
    return _CONTROL.sub(lambda match: match.group() + " ", " ".join(text.split()))
