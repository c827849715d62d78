"""Questions to Evidence."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.corpus import load_corpus
from rag.index import build_index
from rag.retriever import WEIGHTS, Retriever, standalone_question

from .conftest import WordEmbedder


@pytest.fixture
def retriever(corpus: Path) -> Retriever:
    embedder = WordEmbedder()
    return Retriever(build_index(load_corpus(corpus), embedder), embedder)


def test_the_sentence_that_answers_comes_first(retriever: Retriever) -> None:
    assert retriever.retrieve("Who rang the bell?").evidence[0].sentence.text.startswith("Mara Quist")


def test_evidence_is_ranked_by_score_and_tells_its_parts(retriever: Retriever) -> None:
    evidence = retriever.retrieve("What did the fire destroy?").evidence
    assert [e.score for e in evidence] == sorted((e.score for e in evidence), reverse=True)
    assert set(evidence[0].parts) == set(WEIGHTS)


def test_passages_come_in_the_order_of_their_best_sentence(retriever: Retriever) -> None:
    found = retriever.retrieve("What did the fire destroy?")
    assert [p.score for p in found.passages] == sorted((p.score for p in found.passages), reverse=True)
    assert found.passages[0].start <= found.evidence[0].sentence.start < found.passages[0].end


def test_every_article_keeps_its_own_evidence(retriever: Retriever) -> None:
    found = retriever.retrieve("How many boats did the fire destroy?")
    assert {e.sentence.article_id for e in found.evidence[:2]} == {"harbour", "quay"}


def test_a_name_counts_where_a_pronoun_stands_for_it(retriever: Retriever, tmp_path: Path) -> None:
    folder = tmp_path / "pronouns"
    folder.mkdir()
    (folder / "a.txt").write_text("Mara Quist came to the quay. She rang the big bell.\n\nTove Lind slept.\n\nThey rang bells elsewhere.\n")
    embedder = WordEmbedder()
    found = Retriever(build_index(load_corpus(folder), embedder), embedder).retrieve("When did Mara ring the big bell?")
    assert found.evidence[0].sentence.text == "She rang the big bell."


def test_a_long_sentence_is_cut_to_the_part_asked_for() -> None:
    from rag.types import Article

    text = (
        "The mayor, who had come from the south in the spring with two trunks and a parrot, praised the crews, "
        "while Mara Quist rang the bell until her hands were sore, and Tove Lind carried the children out of the ice house."
    )
    embedder = WordEmbedder()
    index = build_index([Article("a", "A", text)], embedder)
    best = Retriever(index, embedder).retrieve("Who rang the bell?").evidence[0]
    assert "Mara Quist rang the bell" in best.focus_text
    assert best.focus_text.startswith("… ")
    assert len(best.focus_text.split()) < len(text.split())
    assert text[slice(*best.focus)] in text


def test_a_question_that_leans_back_is_searched_for_with_the_one_before() -> None:
    assert standalone_question("and why did she do it?", ["Who is Mara?"]) == "Who is Mara? and why did she do it?"
    assert standalone_question("What did Tove carry?", ["Who is Mara?"]) == "What did Tove carry?"
    assert standalone_question("and why?", []) == "and why?"


def test_token_vectors_are_kept_and_bounded(retriever: Retriever, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.retriever.CACHED_SENTENCES", 3)
    retriever.retrieve("Who rang the bell?")
    assert len(retriever._tokens) == 3


def test_a_warmed_up_retriever_reads_no_sentence_again(corpus: Path) -> None:
    embedder = WordEmbedder()
    retriever = Retriever(build_index(load_corpus(corpus), embedder), embedder)
    retriever.warm_up()
    embedder.texts.clear()
    retriever.retrieve("Who rang the bell?")
    assert "rang" in embedder.texts
    assert not {"boats", "flames", "mayor", "pier"} & set(embedder.texts)
