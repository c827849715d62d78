"""From a question to its Answer, through every door."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from itertools import pairwise
from pathlib import Path

import pytest

import rag
from rag.config import PROJECT, Settings, load_settings
from rag.corpus import load_corpus
from rag.errors import CorpusError, QuestionError, SettingsError
from rag.evaluate import load_questions
from rag.pipeline import Assistant
from rag.prompts import REFUSAL

from .conftest import QueueReader, WordEmbedder


def test_the_package_exports_what_it_says() -> None:
    assert all(getattr(rag, name) is not None for name in rag.__all__)


def test_importing_rag_loads_no_heavy_library() -> None:
    """Row D1."""
    code = "import sys, rag; print([m for m in ('torch', 'llama_cpp', 'gradio', 'faiss', 'numpy.random') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_every_claim_is_cited_and_every_quote_is_its_article_s(fake_assistant: Assistant, corpus: Path) -> None:
    texts = {article.id: article.text for article in load_corpus(corpus)}
    answer = fake_assistant.answer("Who rang the bell?")
    assert answer.claims
    assert all(claim.citations for claim in answer.claims)
    assert all(c.quote == texts[c.article_id][c.start : c.end] for c in answer.citations)
    assert "[1]" in answer.text


def test_sources_that_differ_are_both_shown(fake_assistant: Assistant) -> None:
    answer = fake_assistant.answer("How many boats did the fire destroy?")
    assert answer.disagreement
    assert "12" in answer.text
    assert "14" in answer.text
    assert {c.article_id for c in answer.citations} == {"harbour", "quay"}


def test_a_refusal_has_no_claims_and_asks_no_model(settings: Settings) -> None:
    reader = QueueReader("[1] Paris.")
    answer = Assistant(settings=settings, embedder=WordEmbedder(), reader=reader).answer("quantum chromodynamics?")
    assert (answer.refused, answer.claims, answer.text) == (True, (), REFUSAL)
    assert reader.prompts == []


def test_events_come_in_order_and_the_answer_last(fake_assistant: Assistant) -> None:
    events = list(fake_assistant.stream("Who rang the bell?"))
    assert next(e.stage for e in events) == "search"
    assert [e.claim for e in events if e.claim] == list(events[-1].answer.claims)  # type: ignore[union-attr]
    assert all(a.elapsed <= b.elapsed for a, b in pairwise(events))


def test_an_abandoned_stream_leaves_the_next_answer_as_it_would_be(fake_assistant: Assistant) -> None:
    expected = fake_assistant.answer("Who rang the bell?").text
    stream = fake_assistant.stream("How many boats did the fire destroy?")
    next(stream)
    next(stream)
    stream.close()
    assert fake_assistant.answer("Who rang the bell?").text == expected


def test_an_answer_is_json_and_prints_its_footnotes(fake_assistant: Assistant) -> None:
    answer = fake_assistant.answer("Who rang the bell?")
    assert json.loads(json.dumps(answer.to_dict()))["citations"][0]["number"] == 1
    assert "[2] The Gull, The harbour fire, 2024-05-02: “Mara Quist, a welder, rang the bell and woke the crews.”" in str(answer)


def test_a_follow_up_is_searched_for_with_the_question_before(fake_assistant: Assistant) -> None:
    history = [{"role": "user", "content": "Who rang the bell?"}, {"role": "assistant", "content": "Mara Quist."}]
    assert fake_assistant.answer("and why?", history).question == "Who rang the bell? and why?"


@pytest.mark.parametrize("question", ["", "  \n", "?", "\u200b", "…!"])
def test_a_question_without_words_is_refused_politely(fake_assistant: Assistant, question: str) -> None:
    with pytest.raises(QuestionError, match="no question to answer"):
        fake_assistant.answer(question)


@pytest.mark.parametrize("question", [None, 7, b"who?", ["who?"], {"q": "who?"}])
def test_a_question_must_be_text(fake_assistant: Assistant, question: object) -> None:
    """Row Q4."""
    with pytest.raises(QuestionError, match="must be text"):
        fake_assistant.answer(question)  # type: ignore[arg-type]


def test_a_question_too_long_names_the_limit(fake_assistant: Assistant) -> None:
    with pytest.raises(QuestionError, match=r"100,000 characters; 2,000 is the limit"):
        fake_assistant.answer("x" * 100_000)


@pytest.mark.parametrize(
    "history", ["text", [1], [{"role": "system", "content": "x"}], [{"role": "user"}], [{"role": "user", "content": 1}]]
)
def test_a_history_of_another_form_is_refused(fake_assistant: Assistant, history: object) -> None:
    """Row Q6."""
    with pytest.raises(QuestionError, match="History must be a list"):
        fake_assistant.answer("Who?", history)  # type: ignore[arg-type]


def test_settings_come_from_the_environment_and_unknown_ones_are_refused() -> None:
    assert load_settings({"RAG_THREADS": "3", "HOME": "/"}).cpu_threads == 3
    with pytest.raises(SettingsError, match=r"Unknown setting RAG_THREAD\. Known are: .*RAG_THREADS"):
        load_settings({"RAG_THREAD": "3"})
    with pytest.raises(SettingsError, match="must be a whole number"):
        load_settings({"RAG_THREADS": "many"})


def test_a_missing_corpus_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="No corpus folder"):
        Assistant(tmp_path / "none", embedder=WordEmbedder(), reader=QueueReader()).answer("Who?")


def test_the_shell_reports_an_error_in_one_line(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "rag", "ask", "Who?", "--corpus", str(tmp_path / "none")],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        check=False,
    )
    assert run.returncode == 1
    assert run.stderr.startswith("error: No corpus folder")
    assert "Traceback" not in run.stderr


@pytest.mark.real
def test_what_both_articles_tell_cites_both(assistant: Assistant) -> None:
    answer = assistant.answer("Which person exchanged the babies?")
    assert "Peter" in answer.text
    assert {c.article_id for c in answer.citations} == {"finale-twist", "ending-explained"}


@pytest.mark.real
@pytest.mark.parametrize(("question", "told"), [("Who is Marissa?", "businesswoman"), ("what is synesthesia", "neurological condition")])
def test_who_or_what_something_is_gets_the_sentence_that_says_so(assistant: Assistant, question: str, told: str) -> None:
    assert told in assistant.answer(question).text


@pytest.mark.real
@pytest.mark.parametrize(
    "question",
    [
        "What is the capital of France?",
        "how do i bake sourdough bread",
        "Who won the world cup in 2018?",
        "Who directed the series?",
        "how much was the ransom?",
    ],
)
def test_what_the_articles_do_not_hold_is_refused(assistant: Assistant, question: str) -> None:
    answer = assistant.answer(question)
    assert answer.refused
    assert answer.claims == ()


@pytest.mark.real
def test_every_citation_of_every_own_question_quotes_its_article_exactly(assistant: Assistant) -> None:
    articles = {article.id: article for article in load_corpus(PROJECT / "corpus")}
    for question in load_questions(PROJECT / "corpus" / "questions.jsonl", articles)[::6]:
        answer = assistant.answer(question.question, list(question.history))
        assert answer.refused == (not answer.claims)
        assert all(c.quote == articles[c.article_id].text[c.start : c.end] for c in answer.citations)


def test_a_reader_too_small_to_phrase_is_not_asked(settings: Settings) -> None:
    reader = QueueReader("[1] Mara Quist rang the bell.")
    reader.fluent = False
    answer = Assistant(settings=settings, embedder=WordEmbedder(), reader=reader).answer("Who rang the bell?")
    assert {claim.verdict for claim in answer.claims} == {"quoted"}
    assert reader.prompts == []


@pytest.mark.parametrize("phrase", ["always", "never"])
def test_a_setting_decides_whether_the_reader_phrases(settings: Settings, phrase: str) -> None:
    reader = QueueReader("[1] Mara Quist rang the bell.")
    reader.fluent = phrase == "never"
    Assistant(settings=settings.with_overrides(phrase=phrase), embedder=WordEmbedder(), reader=reader).answer("Who rang the bell?")
    assert bool(reader.prompts) is (phrase == "always")


@pytest.mark.real
def test_the_bundled_reader_phrases_under_its_grammar_when_told_to(assistant: Assistant) -> None:
    settings = assistant.settings.with_overrides(phrase="always")
    phrasing = Assistant(settings=settings, embedder=assistant._ensure_embedder(), reader=assistant.reader)
    answer = phrasing.answer("What did Peter hit Rob with?")
    assert "lamp" in answer.text
    assert answer.timings["read"] > 0


@pytest.mark.real
def test_threads_that_share_an_assistant_get_the_answers_of_one(assistant: Assistant) -> None:
    """Row G8."""
    settings = assistant.settings.with_overrides(phrase="always")
    phrasing = Assistant(settings=settings, embedder=assistant._ensure_embedder(), reader=assistant.reader)
    questions = ["Who is Carrie?", "What did Peter hit Rob with?", "Where does Milo hide?"]
    alone = [phrasing.answer(q).text for q in questions]
    together: dict[str, str] = {}
    threads = [threading.Thread(target=lambda q=q: together.update({q: phrasing.answer(q).text})) for q in questions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[q] for q in questions] == alone
