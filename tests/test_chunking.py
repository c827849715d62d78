"""Articles to Passages and Sentences."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from rag.chunking import CHUNK_SIZE, split_article
from rag.config import PROJECT
from rag.corpus import load_corpus
from rag.types import Article


def sentences(text: str) -> list[tuple[str, str]]:
    return [(s.kind, s.text) for s in split_article(Article("a", "A", text))[1]]


def test_every_span_slices_back_to_its_text() -> None:
    for article in load_corpus(PROJECT / "corpus"):
        passages, found = split_article(article)
        for item in (*passages, *found):
            assert article.text[item.start : item.end] == item.text


def test_every_sentence_lies_inside_its_passage() -> None:
    for article in load_corpus(PROJECT / "corpus"):
        passages, found = split_article(article)
        for sentence in found:
            passage = passages[sentence.passage]
            assert passage.start <= sentence.start < sentence.end <= passage.end


def test_passages_stay_near_their_size_and_do_not_overlap() -> None:
    for article in load_corpus(PROJECT / "corpus"):
        passages, _ = split_article(article)
        assert max(len(passage.text) for passage in passages) < 1.5 * CHUNK_SIZE
        assert all(a.end <= b.start for a, b in pairwise(passages))


def test_a_heading_is_the_section_of_what_follows_and_a_question_is_no_sentence() -> None:
    _, found = split_article(Article("a", "A", "Lead text comes first.\n\n## Who did it?\n\nMara Quist did it."))
    assert [(s.section, s.text) for s in found] == [("", "Lead text comes first."), ("Who did it?", "Mara Quist did it.")]


def test_a_plain_line_without_a_full_stop_is_a_heading() -> None:
    _, found = split_article(Article("a", "A", "Why did it burn?\n\nA lamp fell over in the store."))
    assert [(s.section, s.text) for s in found] == [("Why did it burn?", "A lamp fell over in the store.")]


@pytest.mark.parametrize(
    "caption",
    [
        "Mara Quist at the quay (Image credit: Tove Lind)",
        "A screenshot of the fire (Image Source: YouTube | @harbour)",
        "*Photo: Mara Quist at the quay. Credit: Tove Lind / The Gull.*",
    ],
)
def test_a_caption_is_text_of_its_own_kind_and_never_a_heading(caption: str) -> None:
    _, found = split_article(Article("a", "A", f"The fire began at nine.\n\n{caption}\n\nIt was out by noon."))
    assert [s.kind for s in found] == ["text", "caption", "text"]
    assert {s.section for s in found} == {""}


def test_a_credit_alone_is_no_evidence() -> None:
    assert sentences("It burned all night.\n\n(Image credit: Tove Lind)") == [("text", "It burned all night.")]


def test_a_leading_date_is_not_part_of_the_first_sentence() -> None:
    assert sentences(" date 2025-11-10 The fire began at nine.") == [("text", "The fire began at nine.")]


def test_abbreviations_and_initials_do_not_end_a_sentence() -> None:
    assert len(sentences("Dr. M. Quist of St. Ives came at 9 a.m. on Sunday. She rang the bell.")) == 2


def test_each_sentence_knows_the_one_before_it_in_its_section() -> None:
    _, found = split_article(Article("a", "A", "Mara rang the bell. Then she ran home.\n\n## Later\n\nThe crews came at once."))
    assert [s.previous for s in found] == ["", "Mara rang the bell.", ""]


def test_originals_keep_their_captions_out_of_their_headings(shared: Path) -> None:
    for article in load_corpus(shared / "articles"):
        _, found = split_article(article)
        assert found
        assert not any("Image" in s.section for s in found)
