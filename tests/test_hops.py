"""What the best sentence only leads to."""

from __future__ import annotations

from rag import hops
from rag.chunking import split_article
from rag.types import Article, Evidence, Sentence


def read(text: str) -> tuple[Sentence, ...]:
    return split_article(Article("a", "A", text))[1]


def test_a_sentence_that_repeats_the_question_leads_to_the_next() -> None:
    sentences = read("Mara went to the quay that night. She wanted to see the burning boats. Tove slept.")
    found = hops.neighbour("Why did Mara go to the quay that night?", Evidence(sentences[0], 0.9), sentences)
    assert found == sentences[1]


def test_a_sentence_that_answers_leads_nowhere() -> None:
    sentences = read("Mara went to the quay with a rope and a copper kettle. She wanted to see the boats.")
    assert hops.neighbour("Where did Mara go?", Evidence(sentences[0], 0.9), sentences) is None


def test_for_that_reason_leads_to_the_reason_before_it() -> None:
    sentences = read("The bell had cracked in the frost of that winter. For that reason nobody in the harbour town heard the alarm.")
    assert hops.neighbour("Why did nobody hear the alarm?", Evidence(sentences[1], 0.9), sentences) == sentences[0]


def test_a_neighbour_is_never_taken_from_another_section() -> None:
    sentences = read("Mara went to the quay.\n\n## Later\n\nTove slept through it all and woke at noon.")
    assert hops.neighbour("Did Mara go to the quay?", Evidence(sentences[0], 0.9), sentences) is None


CAST = "The welder Mara Quist (Ida Holm) rings the bell. Tove Lind (Una Berg) saves the children from the ice house."


def test_the_man_who_leads_to_the_name_in_brackets() -> None:
    sentences = read(f"{CAST} Later Tove carries a copper lamp into the burning church.")
    found = hops.cast("Who plays the woman with the copper lamp?", Evidence(sentences[2], 0.9), sentences)
    assert found[0] == sentences[1]


def test_no_second_step_where_the_best_sentence_names_the_performer() -> None:
    sentences = read(CAST)
    assert hops.cast("Who plays Mara Quist?", Evidence(sentences[0], 0.9), sentences) == []
    assert hops.cast("Where is Mara Quist?", Evidence(sentences[1], 0.9), sentences) == []
