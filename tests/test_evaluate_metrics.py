"""Every metric on small cases worked by hand; ranking also against scikit-learn, ROUGE-L against a plain table."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from rag.evaluation.metrics import (
    INVENTED,
    METRICS,
    MISLED,
    NOT_CITED,
    NOT_RETRIEVED,
    REFUSED,
    WORDS_MISSING,
    Case,
    cause,
    contains,
    outcomes,
    right,
    rouge_l_f1,
    scores,
)
from rag.evaluation.questions import Question, Quote
from rag.evaluation.ranking import overlaps, rank
from rag.types import Answer, Article, Citation, Claim, Evidence, Passage, Sentence, Usage

TEXT = "Mara rang the bell at nine. The fire destroyed 12 boats. A dog slept in the harbour."
BELL, FIRE, DOG = Quote("harbour", 0, 27), Quote("harbour", 28, 56), Quote("harbour", 57, 84)
ARTICLES = {"harbour": Article("harbour", "Harbour", TEXT), "quay": Article("quay", "Quay", TEXT)}
WHO = Question("q", "fact", "Who rang the bell?", True, answer=("Mara did.",), must_include=(("mara",),), evidence=(BELL,))


def sentence(quote: Quote) -> Sentence:
    return Sentence(quote.article_id, quote.start, quote.end, TEXT[quote.start : quote.end])


def citation(quote: Quote, text: str = "") -> Citation:
    number = 1 + quote.start + 1000 * (quote.article_id == "quay")
    return Citation(number, quote.article_id, "", quote.start, quote.end, text or TEXT[quote.start : quote.end])


def claim(text: str, *quotes: Quote) -> Claim:
    return Claim(text, tuple(citation(quote) for quote in quotes), 0.9, "supported")


def case(question: Question, *claims: Claim, retrieved: tuple[Quote, ...] = (), **fields: Any) -> Case:
    answer = Answer(
        " ".join(c.text + " [1]" for c in claims) or "The articles do not answer this.", question.question, claims=claims,
        refused=not claims, evidence=tuple(Evidence(sentence(quote), 1.0) for quote in retrieved),
        passages=tuple(Passage(quote.article_id, quote.start, quote.end, "") for quote in retrieved),
    )  # fmt: skip
    sentences = {(q.article_id, q.start, q.end): sentence(q) for q in (BELL, FIRE, DOG)}
    return Case(question, replace(answer, **fields), ARTICLES, sentences, seconds=2.0)


def value(name: str, case: Case) -> float | None:
    score = scores(case).get(name)
    return None if score is None else score.value


@pytest.mark.parametrize(
    ("text", "wanted", "found"),
    [
        ("It destroyed 12 boats.", "12", True),
        ("It destroyed 120 boats.", "12", False),
        ("MARA rang [1] it", "mara rang it", True),
        ("Frau Müller’s bell", "muller's", True),
        ("a well–known bell", "well-known", True),
        ("Marathon", "mara", False),
        ("(mara)", "mara", True),
        ("mara_1", "mara", False),
        ("two\n\nwords", "two words", True),
    ],
)
def test_a_string_is_found_at_word_edges_without_case_accents_and_marks(text: str, wanted: str, found: bool) -> None:
    assert contains(text, wanted) is found


@pytest.mark.parametrize(
    ("span", "quote", "found"),
    [
        (Quote("harbour", 0, 27), BELL, True),
        (Quote("harbour", 0, 17), BELL, True),  # 17 of 27 is 63 %
        (Quote("harbour", 0, 16), BELL, False),  # 16 of 27 is 59 %
        (Quote("quay", 0, 27), BELL, False),
        (Quote("harbour", 0, 84), BELL, True),
        (Quote("harbour", 28, 56), BELL, False),
        (Quote("harbour", 3, 8), BELL, False),
        (Quote("harbour", 3, 8), replace(BELL, within=True), True),
        (Quote("harbour", 25, 35), replace(BELL, within=True), False),
    ],
)
def test_a_span_overlaps_a_quote_by_six_tenths_of_it(span: Quote, quote: Quote, found: bool) -> None:
    assert overlaps(span, quote) is found


def test_ranking_of_a_hand_worked_case() -> None:
    """Two quotes reached at ranks 2 and 4; a second span on the first quote gains nothing."""
    spans = [DOG, BELL, BELL, FIRE]
    gains = (1 / math.log2(3) + 1 / math.log2(5)) / (1 + 1 / math.log2(3))
    expected = {"recall@1": 0, "recall@3": 1, "MRR": 0.5, "nDCG@10": gains, "quotes reached@10": 1}
    assert {name: rank(name, spans, [BELL, FIRE]) for name in expected} == pytest.approx(expected)


def test_nothing_retrieved_ranks_as_nothing() -> None:
    assert [rank(name, [], [BELL]) for name in ("recall@10", "MRR", "nDCG@10", "quotes reached@10")] == [0, 0, 0, 0]


def test_a_passage_that_holds_two_quotes_reaches_both() -> None:
    whole = Quote("harbour", 0, 84)
    assert (rank("quotes reached@10", [whole], [BELL, FIRE]), rank("nDCG@10", [whole], [BELL, FIRE])) == (1, pytest.approx(1))


def test_what_comes_after_the_tenth_does_not_count() -> None:
    assert rank("MRR", [DOG] * 10 + [BELL], [BELL]) == 0


@pytest.mark.parametrize("seed", range(8))
def test_ndcg_agrees_with_scikit_learn(seed: int) -> None:
    rng = random.Random(seed)
    quotes = [Quote("harbour", 10 * i, 10 * i + 10) for i in range(3)]
    others = [Quote("quay", 10 * i, 10 * i + 10) for i in range(7)]
    spans = rng.sample(quotes + others, 10)
    relevance = np.array([[span in quotes for span in spans]], dtype=float)
    assert rank("nDCG@10", spans, quotes) == pytest.approx(ndcg_score(relevance, np.arange(10, 0, -1)[None, :]))


def plain_lcs(left: list[str], right: list[str]) -> int:
    table = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            table[i + 1][j + 1] = table[i][j] + 1 if a == b else max(table[i][j + 1], table[i + 1][j])
    return table[-1][-1]


@pytest.mark.parametrize("seed", range(8))
def test_rouge_l_agrees_with_a_plain_table(seed: int) -> None:
    rng = random.Random(seed)
    left, right = (rng.choices("the fire took 12 boats and a house".split(), k=rng.randint(1, 12)) for _ in range(2))
    common = plain_lcs(left, right)
    precision, recall = common / len(left), common / len(right)
    expected = 2 * precision * recall / (precision + recall) if common else 0.0
    assert rouge_l_f1(" ".join(left), " ".join(right)) == pytest.approx(expected)


def test_rouge_l_of_a_hand_worked_case() -> None:
    """Lin 2004: police killed the gunman / police kill the gunman share 3 of 4 words in order."""
    assert rouge_l_f1("Police kill the gunman!", "police killed the gunman") == 0.75
    assert rouge_l_f1("", "police") == 0.0


def test_the_best_of_several_references_counts() -> None:
    assert value("ROUGE-L F1", case(replace(WHO, answer=("no", "Mara rang it")), claim("Mara rang it", BELL))) == 1.0


def test_an_answer_is_correct_when_every_group_is_met() -> None:
    two = replace(WHO, must_include=(("mara", "quist"), ("nine", "9")))
    assert value("answer correctness", case(two, claim("Mara rang it at nine.", BELL))) == 1
    assert value("answer correctness", case(two, claim("Mara rang it.", BELL))) == 0


def test_a_forbidden_string_makes_an_answer_wrong() -> None:
    question = replace(WHO, must_not_include=("tove",))
    assert value("answer correctness", case(question, claim("Mara and Tove rang it.", BELL))) == 0


def test_a_refusal_of_an_answerable_question_is_wrong_whatever_it_says() -> None:
    refused = case(WHO, text="The articles do not say whether Mara did.")
    assert (value("answer correctness", refused), value("wrong refusals", refused), value("refusal precision", refused)) == (0, 1, 0)
    assert value("ROUGE-L F1", refused) == 0


def test_a_refusal_of_an_unanswerable_question_is_right_unless_it_says_what_it_must_not() -> None:
    nobody = replace(WHO, answerable=False, must_include=(), must_not_include=("tove",), evidence=())
    good, bad = case(nobody), case(nobody, text="Not told, but it was Tove.")
    assert (value("refusal recall", good), value("refusal precision", good), value("refusal recall", bad)) == (1, 1, 0)
    assert value("refusal recall", case(nobody, claim("Mara rang it.", BELL))) == 0
    assert value("wrong refusals", good) is None


def test_source_coverage_wants_all_required_and_one_of_the_others() -> None:
    question = replace(WHO, sources_required=("harbour",), source_any=("quay", "other"))
    both = claim("Mara rang it.", BELL, replace(BELL, article_id="quay"))
    assert value("source coverage", case(question, both)) == 1
    assert value("source coverage", case(question, claim("Mara rang it.", BELL))) == 0
    assert value("source coverage", case(WHO, both)) is None


def test_disagreement_is_wanted_of_conflicts_only() -> None:
    conflict = replace(WHO, type="conflict")
    shown, missed = case(conflict, claim("12", FIRE), disagreement=True), case(conflict, claim("12", FIRE))
    false = case(WHO, claim("12", FIRE), disagreement=True)
    assert [value("disagreement recall", c) for c in (shown, missed, false)] == [1, 0, None]
    assert [value("disagreement precision", c) for c in (shown, missed, false)] == [1, None, 0]


def test_citations_are_judged_by_the_evidence() -> None:
    found = scores(case(WHO, claim("Mara rang it.", BELL), claim("A dog slept.", DOG, FIRE)))
    assert found["citation precision (evidence)"] == (1, 3)
    assert found["citation recall (evidence)"] == (1, 2)


def test_citations_of_an_unanswerable_question_are_all_imprecise() -> None:
    found = case(replace(WHO, answerable=False, evidence=()), claim("Mara rang it.", BELL))
    assert (value("citation precision (evidence)", found), value("citation recall (evidence)", found)) == (0, 0)


def test_without_noted_evidence_citations_are_not_judged_by_it() -> None:
    unknown = case(replace(WHO, evidence=()), claim("Mara rang it.", BELL))
    assert (value("citation precision (evidence)", unknown), outcomes(unknown)) == (None, ())


def test_a_claim_is_recalled_when_its_citations_together_bear_it() -> None:
    """ALCE: neither sentence bears the claim alone, both do; a third is not needed."""
    joint = claim("Mara rang the bell and the fire destroyed 12 boats.", BELL, FIRE)
    found = scores(case(WHO, joint))
    assert (found["citation recall (verifier)"], found["citation precision (verifier)"]) == ((1, 1), (2, 2))
    padded = scores(case(WHO, claim(joint.text, BELL, FIRE, DOG)))
    assert padded["citation precision (verifier)"] == (2, 3)


def test_a_citation_beside_one_that_bears_the_claim_alone_is_not_needed() -> None:
    found = scores(case(WHO, claim("Mara rang the bell at nine.", BELL, FIRE)))
    assert (found["citation recall (verifier)"], found["citation precision (verifier)"]) == ((1, 1), (1, 2))


def test_no_citation_of_a_claim_that_is_not_borne_counts_as_precise() -> None:
    found = scores(case(WHO, claim("Tove stole the silver spoons.", BELL)))
    assert (found["citation recall (verifier)"], found["citation precision (verifier)"]) == ((0, 1), (0, 1))


def test_a_claim_without_citation_is_not_cited() -> None:
    assert scores(case(WHO, claim("Mara rang it.", BELL), claim("So it is.")))["claims cited"] == (1, 2)


def test_a_quote_that_is_not_its_articles_text_is_not_exact() -> None:
    changed = Claim("Mara rang it.", (citation(BELL), citation(FIRE, "The fire destroyed 14 boats.")), 1.0, "supported")
    assert scores(case(WHO, changed))["exact quotes"] == (1, 2)


def test_words_leave_footnote_marks_out() -> None:
    assert value("answer words p50", case(WHO, claim("Mara rang it.", BELL))) == 3
    assert value("answer words p50", case(WHO)) is None


def test_tokens_are_there_where_the_reader_counts_them() -> None:
    counted = replace(case(WHO), usage=Usage(500, 20))
    assert (value("tokens read p95", counted), value("tokens written p50", counted)) == (500, 20)
    assert value("tokens read p50", case(WHO)) is None


def test_claims_are_right_where_they_cite_the_evidence() -> None:
    assert outcomes(case(WHO, claim("Mara rang it.", BELL), claim("12 boats.", FIRE))) == ((0.9, True), (0.9, False))


UNANSWERABLE = replace(WHO, answerable=False, must_include=(), must_not_include=("tove",), evidence=())


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (case(WHO, claim("Mara.", BELL), retrieved=(BELL,)), ""),
        (case(UNANSWERABLE), ""),
        (case(WHO, claim("12 boats.", FIRE), retrieved=(FIRE,)), NOT_RETRIEVED),
        (case(WHO, retrieved=(BELL,)), REFUSED),
        (case(WHO, claim("12 boats.", FIRE), retrieved=(FIRE, BELL)), NOT_CITED),
        (case(WHO, claim("At nine.", BELL), retrieved=(BELL,)), WORDS_MISSING),
        (case(replace(WHO, must_not_include=("tove",)), claim("Mara, Tove.", BELL), retrieved=(BELL,)), MISLED),
        (case(UNANSWERABLE, claim("Mara.", BELL)), INVENTED),
        (case(UNANSWERABLE, text="It was Tove."), MISLED),
    ],
)
def test_a_failure_is_put_down_to_the_first_step_that_failed(found: Case, why: str) -> None:
    assert (cause(found), right(found)) == (why, not why)


def test_a_question_that_only_says_where_its_answer_is_is_right_when_it_is_cited() -> None:
    where = replace(WHO, must_include=())
    assert [right(case(where, claim("Mara.", BELL))), right(case(where, claim("12.", FIRE)))] == [True, False]
    assert right(case(replace(where, evidence=()), claim("Mara.", BELL))) is None


def test_every_metric_is_defined_in_words_and_named_once() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    assert all(len(metric.definition) > 20 and metric.definition[-1] in ".)" for metric in METRICS)
