"""Cleaning and comparing words."""

from __future__ import annotations

import pytest

from rag import text


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a\x00b\x1b[0m", "ab[0m"),
        ("  two\n lines ", "two lines"),
        ("zero\u200bwidth", "zerowidth"),
        ("\ud800x", "x"),
        ("naïve 😀", "naïve 😀"),
    ],
)
def test_clean_drops_what_cannot_be_seen(given: str, expected: str) -> None:
    assert text.clean(given) == expected


def test_fold_makes_spellings_of_one_word_equal() -> None:
    assert text.fold("Peña’s  “Naïve”—PLAN") == text.fold('pena\'s "naive"-plan')


def test_names_are_the_capitals_inside_a_sentence() -> None:
    assert text.names("The welder Mara Quist met Tove's crew. They ran.") == {"mara", "quist", "tove"}


def test_numbers_are_found_as_digits_and_as_words() -> None:
    assert text.numbers("Twelve boats, 1,400 people and 3.5 tons") == {"12", "1400", "3.5"}


@pytest.mark.parametrize(("given", "count"), [("He did not go.", 1), ("She didn’t, never!", 2), ("Nothing was lost", 1), ("A want", 0)])
def test_negations_are_counted(given: str, count: int) -> None:
    assert text.negations(given) == count


def test_content_stems_leave_out_stopwords_and_endings() -> None:
    assert text.content_stems("She was painting the painted boats") == ["paint", "paint", "boat"]
