"""Where a long sentence is cut."""

from __future__ import annotations

import numpy as np

from rag.focus import LONGEST, focus

from .conftest import WordEmbedder


def cut(question: str, sentence: str) -> str:
    embedder = WordEmbedder()
    asked, tokens = embedder.encode_tokens([question, sentence])
    weights = np.full(len(asked.spans), 1 / len(asked.spans), np.float32)
    start, end = focus(sentence, tokens, asked.vectors, weights)
    return sentence[start:end]


FILLER = "which nobody in the town had seen since the winter of the great frost, when the whole wide bay froze from shore to shore"


def test_a_short_sentence_stays_whole() -> None:
    assert cut("Who rang?", "Mara rang the bell, and Tove ran home.") == "Mara rang the bell, and Tove ran home."


def test_a_long_sentence_keeps_the_part_nearest_to_the_question() -> None:
    assert "Mara rang the copper bell" in cut("Who rang the copper bell?", f"The ship, {FILLER}, came in, and Mara rang the copper bell.")


def test_a_cut_is_never_longer_than_asked_unless_it_keeps_an_attribution() -> None:
    assert len(cut("Who rang the copper bell?", f"The ship, {FILLER}, came in, and Mara rang the copper bell.").split()) <= LONGEST


def test_an_attribution_stays_with_what_it_attributes() -> None:
    sentence = f"In the tavern, {FILLER}, Tove always believed that the copper bell had been rung by Mara on that night of smoke."
    assert "Tove always believed that" in cut("Who rang the copper bell?", sentence)


def test_a_cut_begins_and_ends_on_words() -> None:
    part = cut(
        "Who rang the copper bell?",
        f"Mara rang the copper bell, {FILLER}, and the crews, who slept near the quay, woke, while the town, {FILLER}, lay still.",
    )
    assert part[0].isalnum()
    assert part[-1].isalnum()
