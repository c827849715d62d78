"""One question's answer to its scores: one function a metric, whose docstring is the definition that reports print.

A score is a total and a weight; a metric over questions is the sum of totals over the sum of weights, so that "of all
citations given, the share that …" counts citations and not questions. A metric that does not apply to a question gives
None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import cleandoc
from typing import Literal, NamedTuple

from rapidfuzz.distance import LCSseq

from rag.evaluation.questions import Question
from rag.evaluation.ranking import MEASURES, HasSpan, overlaps, rank
from rag.text import fold
from rag.types import Answer, Article, Citation, Claim, Sentence, Usage
from rag.verifier import SUPPORT_FLOOR, verify

_MARK = re.compile(r"\s*\[\d+\]")
_TOKEN = re.compile(r"[^\W_]+")


class Score(NamedTuple):
    """What one question adds to a metric."""

    total: float
    weight: float = 1.0

    @property
    def value(self) -> float:
        """The metric on this question alone."""
        return self.total / self.weight


@dataclass(frozen=True, slots=True)
class Case:
    """All that a metric may look at. `first` is None where no claim was shown, `usage` where the reader does not count."""

    question: Question
    answer: Answer
    articles: Mapping[str, Article]
    sentences: Mapping[tuple[str, int, int], Sentence]
    seconds: float = 0.0
    first: float | None = None
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class Metric:
    """A named score. `statistic` is how questions are put together: a ratio of sums, or a quantile (0..1)."""

    name: str
    group: str
    score: Callable[[Case], Score | None]
    better: Literal["higher", "lower", "neither"] = "higher"
    statistic: float | Literal["ratio"] = "ratio"
    unit: str = ""
    note: str = ""

    @property
    def definition(self) -> str:
        """What is measured and where the definition comes from, on one line."""
        return " ".join(f"{cleandoc(self.score.__doc__ or '')} {self.note}".split())


def contains(text: str, wanted: str) -> bool:
    """Tell whether a string is found in a text: compared without case, accents and citation marks, at word edges."""
    return re.search(rf"(?<!\w){re.escape(fold(wanted))}(?!\w)", fold(_MARK.sub("", text))) is not None


def _misled(case: Case) -> bool:
    return any(contains(case.answer.text, text) for text in case.question.must_not_include)


def _hits(case: Case, citation: HasSpan) -> bool:
    return any(overlaps(citation, quote) for quote in case.question.evidence)


# Answers


def right(case: Case) -> bool | None:
    """Tell whether a question was dealt with well, None where nothing can tell.

    That is a correct answer where the question says what to include, a citation that overlaps the evidence where it
    only says where the answer is, and a refusal where there is no answer.
    """
    if not case.question.answerable:
        return case.answer.refused and not _misled(case)
    if (correct := answer_correctness(case)) is not None:
        return bool(correct.total)
    return any(_hits(case, c) for c in case.answer.citations) if case.question.evidence else None


def questions_right(case: Case) -> Score | None:
    """Share of all questions dealt with well: a correct answer where the question says what to include, a citation that
    overlaps the evidence where it only says where the answer is, a refusal where there is no answer.
    """
    return None if (verdict := right(case)) is None else Score(verdict)


def answer_correctness(case: Case) -> Score | None:
    """Share of answerable questions whose answer says one alternative of every `must_include` group, says no
    `must_not_include` string and is no refusal. Strings are compared at word edges, without case, accents and footnote
    marks. (SQuAD's normalised matching, Rajpurkar 2016, with groups of alternatives.)
    """
    if not case.question.answerable or not case.question.must_include:
        return None
    said = all(any(contains(case.answer.text, option) for option in group) for group in case.question.must_include)
    return Score(said and not _misled(case) and not case.answer.refused)


def rouge_l(case: Case) -> Score | None:
    """Mean ROUGE-L F1 of answer and reference answer, the best of several references: harmonic mean of the shares of
    words in their longest common subsequence; 0 for a refusal. Tokens as in rouge-score, without stemming. (Lin 2004.)
    """
    if not case.question.answerable or not any(case.question.answer):
        return None
    if case.answer.refused:
        return Score(0.0)
    return Score(max(rouge_l_f1(_MARK.sub("", case.answer.text), reference) for reference in case.question.answer))


def rouge_l_f1(text: str, reference: str) -> float:
    """Return ROUGE-L F1 of two texts, 0..1; 0 where either has no word."""
    left, right = _TOKEN.findall(fold(text)), _TOKEN.findall(fold(reference))
    return 2 * LCSseq.similarity(left, right) / (len(left) + len(right)) if left and right else 0.0


def source_coverage(case: Case) -> Score | None:
    """Share of answerable questions whose citations include every article of `sources_required` and one of
    `source_any`.
    """
    wanted = case.question.sources_required or case.question.source_any
    if not case.question.answerable or not wanted:
        return None
    cited = {citation.article_id for citation in case.answer.citations}
    any_of = set(case.question.source_any)
    return Score(set(case.question.sources_required) <= cited and (not any_of or bool(cited & any_of)))


def disagreement_recall(case: Case) -> Score | None:
    """Share of the questions of type `conflict`, on which the articles differ, whose answer shows a disagreement."""
    return Score(case.answer.disagreement) if case.question.type == "conflict" else None


def disagreement_precision(case: Case) -> Score | None:
    """Share of the answers that show a disagreement whose question is of type `conflict`."""
    return Score(case.question.type == "conflict") if case.answer.disagreement else None


# Refusals


def refusal_precision(case: Case) -> Score | None:
    """Share of the refusals whose question the articles do not answer. (After SQuAD 2.0, Rajpurkar 2018.)"""
    return Score(not case.question.answerable) if case.answer.refused else None


def refusal_recall(case: Case) -> Score | None:
    """Share of unanswerable questions that are refused without saying a `must_not_include` string. (After SQuAD 2.0.)"""
    return None if case.question.answerable else Score(case.answer.refused and not _misled(case))


def wrong_refusals(case: Case) -> Score | None:
    """Share of answerable questions that are refused."""
    return Score(case.answer.refused) if case.question.answerable else None


# Retrieval


def _retrieval(view: str, measure: str, definition: str) -> Metric:
    def score(case: Case) -> Score | None:
        if not case.question.answerable or not case.question.evidence:
            return None
        spans: Mapping[str, Sequence[HasSpan]] = {
            "sentence": [evidence.sentence for evidence in case.answer.evidence],
            "passage": case.answer.passages,
        }
        return Score(rank(measure, spans[view], case.question.evidence))

    score.__doc__ = definition.format(view=view)
    return Metric(f"{view} {measure}", "retrieval", score)


_OVERLAPS = "A {view} overlaps a quote of its article when it holds at least 60 % of it."
_RETRIEVAL = {
    **{
        f"recall@{k}": f"Share of answerable questions with a {{view}} that overlaps an evidence quote among the first {k}. "
        f"{_OVERLAPS} (Top-k accuracy of Karpukhin 2020; Success@k of ir-measures.)"
        for k in (1, 3, 5, 10)
    },
    "MRR": "Mean reciprocal rank, among ten, of the first {view} that overlaps an evidence quote, 0 where none does. (Voorhees 1999.)",
    "nDCG@10": "Mean normalised discounted cumulative gain of ten, a quote counting where a {view} first overlaps it. (Järvelin 2002.)",
    "quotes reached@10": "Mean share of a question's evidence quotes that one of the first ten {view}s overlaps: TREC's recall.",
}


# Citations


def citation_precision_evidence(case: Case) -> Score | None:
    """Of all citations given, the share that overlaps an evidence quote of the question; on an unanswerable question
    none does. (ALCE's citation precision, Gao 2023, judged by hand-made evidence and not by a model.)
    """
    citations = case.answer.citations
    if not citations or _unjudged(case):
        return None
    return Score(sum(_hits(case, citation) for citation in citations), len(citations))


def citation_recall_evidence(case: Case) -> Score | None:
    """Of all claims made, the share with a citation that overlaps an evidence quote. (ALCE's citation recall, Gao 2023,
    judged by hand-made evidence and not by a model.)
    """
    claims = case.answer.claims
    if not claims or _unjudged(case):
        return None
    return Score(sum(any(_hits(case, citation) for citation in claim.citations) for claim in claims), len(claims))


def citation_precision_verifier(case: Case) -> Score | None:
    """Of all citations of all claims, the share that is needed: the claim is borne by its citations together, and this one
    either bears it alone or leaves it unborne when taken away. (ALCE, Gao 2023, with Footnote's own verifier in the place of
    an entailment model. Answers were let through by the same verifier, so this tells how tight citations are, not whether
    the verifier is right.)
    """
    pairs = [(claim, citation) for claim in case.answer.claims for citation in claim.citations]
    return Score(sum(_needed(case, claim, citation) for claim, citation in pairs), len(pairs)) if pairs else None


def citation_recall_verifier(case: Case) -> Score | None:
    """Of all claims made, the share that the text of all its citations together bears. (ALCE, Gao 2023, with Footnote's own
    verifier in the place of an entailment model; see citation precision (verifier) for what that leaves open.)
    """
    claims = case.answer.claims
    return Score(sum(_borne(case, claim, claim.citations) for claim in claims), len(claims)) if claims else None


def claims_cited(case: Case) -> Score | None:
    """Of all claims made, the share with at least one citation."""
    claims = case.answer.claims
    return Score(sum(bool(claim.citations) for claim in claims), len(claims)) if claims else None


def exact_quotes(case: Case) -> Score | None:
    """Of all citations given, the share whose quote is, character by character, what its article holds at its span."""
    citations = case.answer.citations
    exact = (case.articles[c.article_id].text[c.start : c.end] == c.quote for c in citations if c.article_id in case.articles)
    return Score(sum(exact), len(citations)) if citations else None


def _unjudged(case: Case) -> bool:
    """Tell whether evidence can say nothing: the question has an answer, but nobody noted where."""
    return case.question.answerable and not case.question.evidence


def _needed(case: Case, claim: Claim, citation: Citation) -> bool:
    others = [c for c in claim.citations if c is not citation]
    return _borne(case, claim, claim.citations) and (_borne(case, claim, [citation]) or not _borne(case, claim, others))


def _borne(case: Case, claim: Claim, citations: Sequence[Citation]) -> bool:
    """Tell whether the verifier finds a claim in the text of these citations: the one place where it is asked."""
    if not citations:
        return False
    sentences = [case.sentences.get((c.article_id, c.start, c.end)) for c in citations]
    context = " ".join(f"{s.section} {s.previous}" for s in sentences if s)
    cited = " ".join(c.quote for c in citations)
    return verify(claim.text, cited, question=case.answer.question, context=context).support >= SUPPORT_FLOOR


# Cost


def answer_words(case: Case) -> Score | None:
    """Words of an answer, footnote marks left out; refusals are not counted."""
    return None if case.answer.refused else Score(len(_MARK.sub("", case.answer.text).split()))


def seconds_first(case: Case) -> Score | None:
    """Seconds from the question to the first claim shown, models and index already loaded; refusals show none."""
    return None if case.first is None else Score(case.first)


def seconds_end(case: Case) -> Score | None:
    """Seconds from the question to the whole answer, models and index already loaded."""
    return Score(case.seconds)


def tokens_read(case: Case) -> Score | None:
    """Tokens in the prompts that the reader was given for a question, those kept from an earlier prompt included."""
    return None if case.usage is None else Score(case.usage.read)


def tokens_written(case: Case) -> Score | None:
    """Tokens that the reader wrote for a question."""
    return None if case.usage is None else Score(case.usage.written)


def _quantiles(name: str, score: Callable[[Case], Score | None], unit: str, group: str = "cost") -> list[Metric]:
    middle = Metric(f"{name} p50", group, score, "lower", 0.5, unit, "Median over questions.")
    return [middle, Metric(f"{name} p95", group, score, "lower", 0.95, unit, "95th percentile over questions.")]


METRICS = (
    Metric("questions right", "answers", questions_right),
    Metric("answer correctness", "answers", answer_correctness),
    Metric("ROUGE-L F1", "answers", rouge_l),
    Metric("source coverage", "answers", source_coverage),
    Metric("disagreement recall", "answers", disagreement_recall),
    Metric("disagreement precision", "answers", disagreement_precision),
    Metric("refusal precision", "refusals", refusal_precision),
    Metric("refusal recall", "refusals", refusal_recall),
    Metric("wrong refusals", "refusals", wrong_refusals, "lower"),
    *(_retrieval(view, measure, _RETRIEVAL[measure]) for view in ("sentence", "passage") for measure in MEASURES),
    Metric("citation precision (evidence)", "citations", citation_precision_evidence),
    Metric("citation recall (evidence)", "citations", citation_recall_evidence),
    Metric("citation precision (verifier)", "citations", citation_precision_verifier),
    Metric("citation recall (verifier)", "citations", citation_recall_verifier),
    Metric("claims cited", "citations", claims_cited),
    Metric("exact quotes", "citations", exact_quotes),
    *_quantiles("answer words", answer_words, "words"),
    *_quantiles("tokens read", tokens_read, "tokens"),
    *_quantiles("tokens written", tokens_written, "tokens"),
    *_quantiles("seconds to the first claim", seconds_first, "s", "time"),
    *_quantiles("seconds to the end", seconds_end, "s", "time"),
)
BY_NAME = {metric.name: metric for metric in METRICS}


def scores(case: Case) -> dict[str, Score]:
    """Return the score of every metric that applies."""
    found = {metric.name: metric.score(case) for metric in METRICS}
    return {name: Score(float(score.total), float(score.weight)) for name, score in found.items() if score is not None}


def outcomes(case: Case) -> tuple[tuple[float, bool], ...]:
    """Return the support of each claim, and whether one of its citations overlaps an evidence quote."""
    if _unjudged(case):
        return ()
    return tuple((claim.support, any(_hits(case, c) for c in claim.citations)) for claim in case.answer.claims)


REFUSED = "refused"
INVENTED = "answered the unanswerable"
NOT_RETRIEVED = "evidence not retrieved"
NOT_CITED = "evidence not cited"
MISLED = "said the wrong thing"
WORDS_MISSING = "words missing"
CAUSES = (NOT_RETRIEVED, NOT_CITED, WORDS_MISSING, MISLED, REFUSED, INVENTED)
"""The step at which a question went wrong, in the order of the steps."""


def cause(case: Case) -> str:
    """Return which of CAUSES made a question go wrong, "" where it was dealt with well or nothing can tell."""
    if right(case) is not False:
        return ""
    if not case.question.answerable:
        return MISLED if case.answer.refused else INVENTED
    if not any(_hits(case, evidence.sentence) for evidence in case.answer.evidence):
        return NOT_RETRIEVED
    if case.answer.refused:
        return REFUSED
    if not any(_hits(case, citation) for citation in case.answer.citations):
        return NOT_CITED
    return MISLED if _misled(case) else WORDS_MISSING
