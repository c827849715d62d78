"""A question file is checked line by line before any work."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from rag.config import PROJECT
from rag.corpus import load_corpus
from rag.errors import EvaluationError
from rag.evaluation.questions import Question, load_questions
from rag.types import Article

ARTICLES = {"bell": Article("bell", "The bell", "Mara rang the bell at nine. Nobody came.")}
GOOD = {"id": "a", "type": "fact", "question": "Who rang the bell?", "answerable": True}


def load(tmp_path: Path, *records: Any) -> list[Question]:
    file = tmp_path / "questions.jsonl"
    file.write_text("\n".join(r if isinstance(r, str) else json.dumps(r) for r in records), encoding="utf-8")
    return load_questions(file, ARTICLES)


def test_a_full_line_becomes_a_question_with_its_quote_located(tmp_path: Path) -> None:
    record = {
        **GOOD, "answer": "Mara.", "must_include": [["mara"]], "must_not_include": ["nobody"], "sources_required": ["bell"],
        "evidence": [{"article": "bell", "quote": "Nobody came."}], "history": [{"role": "user", "content": "Hello there"}],
    }  # fmt: skip
    [question] = load(tmp_path, record)
    [quote] = question.evidence
    assert ARTICLES["bell"].text[quote.start : quote.end] == "Nobody came."
    assert (question.answer, question.must_include, quote.within) == (("Mara.",), (("mara",),), False)


def test_blank_lines_and_a_byte_order_mark_do_not_matter(tmp_path: Path) -> None:
    questions = load(tmp_path, "\ufeff" + json.dumps(GOOD), "", "  ", {**GOOD, "id": "b"})
    assert [question.id for question in questions] == ["a", "b"]


def test_a_line_separator_inside_a_question_ends_no_line(tmp_path: Path) -> None:
    [question] = load(tmp_path, json.dumps({**GOOD, "question": "Who\u2028rang it?"}, ensure_ascii=False))
    assert question.question == "Who\u2028rang it?"


def test_an_answer_may_be_a_list_of_references(tmp_path: Path) -> None:
    assert load(tmp_path, {**GOOD, "answer": ["Mara", "she"]})[0].answer == ("Mara", "she")


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ("{", "line 2: this is not JSON"),
        ("[1]", "line 2: a question must be a JSON object"),
        ({**GOOD, "id": "a"}, "line 2: id 'a' is on line 1 already"),
        ({"id": "b", "type": "fact", "answerable": True}, "line 2: the field 'question' is missing"),
        ({**GOOD, "id": 7}, "line 2: 'id' must be text, not 7"),
        ({**GOOD, "id": "b", "answerable": "yes"}, "line 2: 'answerable' must be true or false, not 'yes'"),
        ({**GOOD, "id": "b", "question": "?!"}, "line 2: There is no question to answer"),
        ({**GOOD, "id": "b", "history": ["hi"]}, "line 2: History must be a list"),
        ({**GOOD, "id": "b", "must_include": ["mara"]}, "line 2: 'must_include' must be a list, not 'mara'"),
        ({**GOOD, "id": "b", "must_include": [[]]}, "line 2: 'must_include' has an empty group"),
        ({**GOOD, "id": "b", "answer": 5}, "line 2: 'answer' must be a list, not 5"),
        ({**GOOD, "id": "b", "evidence": ["bell"]}, "line 2: 'evidence' must hold objects"),
        ({**GOOD, "id": "b", "evidence": [{"article": "bel", "quote": "x"}]}, "line 2: there is no article 'bel' in the corpus, which has"),
        ({**GOOD, "id": "b", "evidence": [{"article": "bell", "quote": "Nix"}]}, "line 2: article 'bell' does not hold the quote 'Nix'"),
        ({**GOOD, "id": "b", "sources_required": ["quay"]}, "line 2: there is no article 'quay'"),
    ],
)  # fmt: skip
def test_a_bad_line_is_named_with_its_number_and_reason(tmp_path: Path, record: Any, message: str) -> None:
    """Row X8."""
    with pytest.raises(EvaluationError, match="run again") as caught:
        load(tmp_path, GOOD, record)
    assert message in str(caught.value)


def test_a_line_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_bytes(json.dumps(GOOD).encode() + b"\n{\xff}")
    with pytest.raises(EvaluationError, match=r"line 2: byte .* is not UTF-8"):
        load_questions(file, ARTICLES)


@pytest.mark.parametrize("content", ["", "\n \n"])
def test_an_empty_file_is_an_error(tmp_path: Path, content: str) -> None:
    """Row X8."""
    with pytest.raises(EvaluationError, match="holds no questions"):
        load(tmp_path, content)


def test_a_missing_file_names_the_option_to_give(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"No such file.*--questions FILE"):
        load_questions(tmp_path / "none.jsonl", ARTICLES)


def test_a_field_that_nothing_scores_is_warned_about(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        load(tmp_path, {**GOOD, "must_includ": [["mara"]]})
    assert "'a' has fields that are not scored: must_includ" in caplog.text


def test_the_bundled_questions_fit_the_bundled_articles() -> None:
    articles = {article.id: article for article in load_corpus(PROJECT / "corpus")}
    assert len(load_questions(PROJECT / "corpus" / "questions.jsonl", articles)) > 100
