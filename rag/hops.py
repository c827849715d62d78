"""The second step of a question: what the best sentence only leads to.

A sentence that merely repeats the question leads to the one after it; one that opens with "For that reason" leads to the one
before; and "who plays the man who …" leads from the man to the brackets behind his name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rag.questions import asked_for, fits, performers
from rag.text import content_stems, fold, names, words
from rag.types import Evidence, Sentence

LITTLE = 2
"""A sentence that adds no more content words than this to the question only repeats it."""
CASTS = 2
"""Performers named at most for one question."""

_POINTS_BACK = re.compile(
    r"^\W*(?:for (?:that|this|these) reasons?|that is why|this is why|therefore|as a result|because of (?:this|that)|so,?)\b", re.IGNORECASE
)


def neighbour(question: str, best: Evidence, sentences: Sequence[Sentence]) -> Sentence | None:
    """Return the sentence that the best one leads to, or None where it answers by itself.

    `sentences` are those of the best one's article, in order.
    """
    place = next((i for i, s in enumerate(sentences) if s.start == best.sentence.start), None)
    if place is None or best.sentence.kind != "text":
        return None
    if asked_for(question) == "reason" and _POINTS_BACK.search(best.sentence.text):
        step = -1
    elif len(set(content_stems(best.sentence.text)) - set(content_stems(question))) <= LITTLE:
        step = 1
    else:
        return None
    found = sentences[place + step] if 0 <= place + step < len(sentences) else None
    return found if found and found.kind == "text" and found.section == best.sentence.section else None


def cast(question: str, best: Evidence, sentences: Iterable[Sentence]) -> list[Sentence]:
    """Return sentences that name the performer of somebody in the best sentence, where a performer is asked for.

    None where the best sentence names the performer itself. People whom the question names are not who it asks for.
    """
    if asked_for(question) != "performer" or fits("performer", question, best.sentence.text) == 1:
        return []
    given = {fold(word) for word in words(question)}
    around = names(f"x {best.sentence.previous} {best.sentence.text}")
    found: dict[str, Sentence] = {}
    for sentence in sentences:
        for name in performers(sentence.text):
            if name in around and name not in given:
                found.setdefault(name, sentence)
    own = [s for name, s in found.items() if name in names(f"x {best.sentence.text}")]
    return list(dict.fromkeys([*own, *found.values()]))[:CASTS]
