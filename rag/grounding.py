"""Select, verify, reconcile, refuse: pure functions that decide what may be shown as an answer. No model has a say here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz import process
from rapidfuzz.distance import DamerauLevenshtein

from rag.questions import asked_for, asks_for_several, unmeasured, unnamed
from rag.text import content_stems, fold, names, negations, numbers, stem, words
from rag.types import Article, Citation, Claim, Evidence, Sentence, Verdict
from rag.verifier import SUPPORT_FLOOR, verify

NEARLY = 0.94
"""Another sentence speaks too where its score is at least this share of the best one's."""
SEVERAL = 0.8
"""At this share any sentence does for a question that asks for more than one thing, and so does another article's that agrees
with one that speaks, or gives another number or time."""
CLAIMS, SEVERAL_CLAIMS = 2, 3
AGREE = 0.5
"""Two articles say the same where they share this much of what either adds to the question."""
SAME_THING = 2
"""Words, names left out, that sentences of two articles must share before they can differ about anything."""
GIVEN_WITHIN = 5
"""Where a name or a quantity is asked for, one of so many sentences, best first, must give it."""
LEAST_MISSPELT = 4
"""Letters of a name's stem from which on it may be misspelt."""
DEED_FLOOR = 0.385
"""A deed whose tokens are all less similar than this to those of the best sentences is not told. Of 31 "who" questions of
FairytaleQA none is below, of questions who composed, directed or paid for a story most are."""
COSINE_FLOOR = 0.3
"""A question whose best sentences are all less similar than this has no evidence, whatever words they share."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A claim before footnotes are numbered: its words and the evidence that bears it, the best first."""

    text: str
    evidence: tuple[Evidence, ...]
    support: float = 1.0
    verdict: Verdict = "quoted"


def answerable(question: str, evidence: Sequence[Evidence], vocabulary: frozenset[str], deed: float = 1.0) -> bool:
    """Tell whether the evidence can answer a question at all.

    It cannot where no sentence is similar enough, where the question names somebody or a number that is nowhere in the
    articles, where it asks for a name or a quantity that no sentence gives, or who did what no sentence tells of (`deed`, as in
    `Retrieved`). `vocabulary` holds the stems of all their words; a name that is one letter off is that name, misspelt.
    """
    if deed < DEED_FLOOR or not any(e.parts.get("sentence", 0.0) >= COSINE_FLOOR for e in evidence[:3]):
        return False
    nearest = [e.sentence.text for e in evidence[:GIVEN_WITHIN]]
    if unnamed(question, nearest) or unmeasured(question, nearest):
        return False
    figures = {number for number in numbers(question) if number in question}
    return figures <= vocabulary and all(_known(stem(name), vocabulary) for name in names(question))


def _known(name: str, vocabulary: frozenset[str]) -> bool:
    """Tell whether a name's stem is one of the articles', a slip of one letter allowed after the first of four or more."""
    if name in vocabulary or len(name) < LEAST_MISSPELT:
        return name in vocabulary
    alike = (known for known in vocabulary if known.startswith(name[0]))
    return process.extractOne(name, alike, scorer=DamerauLevenshtein.distance, score_cutoff=1) is not None


def select(
    question: str, evidence: Sequence[Evidence], *, belongs: Sequence[Evidence] = (), stands: Sequence[Evidence] = ()
) -> list[list[Evidence]]:
    """Return the evidence to show, one list a claim: the best sentence, and what else is nearly as good.

    Articles that agree share a claim. `belongs` are sentences that belong to the best one, `stands` sentences it leads to
    that answer for themselves; where there are such, nothing else is needed.
    """
    several, figures = asks_for_several(question), asked_for(question) in ("number", "time")
    best = evidence[0].score
    groups: list[list[Evidence]] = [[evidence[0], *belongs], *([e] for e in stands)]
    if stands:
        return groups
    heard = {e.sentence.article_id for e in groups[0]}
    others = [e for e in evidence[1:] if e.sentence.article_id not in heard]  # another article speaks before a second sentence
    for e in evidence[1:] if several else [*others, *(e for e in evidence[1:] if e not in others)]:
        heard = {other.sentence.article_id for group in groups for other in group}
        fresh = e.sentence.article_id not in heard
        home = next((group for group in groups if fresh and _agree(question, group[0], e)), None)
        contradicts = fresh and figures and any(_differ(question, group[0], e) for group in groups)
        if e.score < best * (SEVERAL if several or home or contradicts else NEARLY):
            continue
        if home:
            home.append(e)
        elif len(groups) < (SEVERAL_CLAIMS if several else CLAIMS):
            groups.append([e])
    return groups


def _added(question: str, e: Evidence) -> set[str]:
    """Return the content stems that a sentence adds to the question."""
    return set(content_stems(e.sentence.text)) - set(content_stems(question))


def _agree(question: str, a: Evidence, b: Evidence) -> bool:
    left, right = _added(question, a), _added(question, b)
    shared = len(left & right) / max(1, min(len(left), len(right)))
    return a.sentence.article_id != b.sentence.article_id and shared >= AGREE and not _differ(question, a, b)


def _differ(question: str, a: Evidence, b: Evidence) -> bool:
    """Tell whether two sentences of different articles tell the same thing differently: other people or numbers, or a denial.

    They tell the same thing where they share enough words that are no names.
    """
    if a.sentence.article_id == b.sentence.article_id:
        return False
    called = {stem(name) for e in (a, b) for name in names(f"x {e.sentence.text}")}
    shared = set(content_stems(a.sentence.text)) & set(content_stems(b.sentence.text)) - called
    if len(shared) < SAME_THING:
        return False
    asked, known = asked_for(question), {fold(word) for word in words(question)}
    if asked in ("number", "time"):
        left, right = numbers(a.sentence.text), numbers(b.sentence.text)
        return bool(left and right and not left & right)
    if asked == "person":
        left, right = names(a.sentence.text) - known, names(b.sentence.text) - known
        said = [{fold(word) for word in words(e.sentence.text)} for e in (a, b)]
        return bool(left and right and not left & said[1] and not right & said[0])
    smaller = min(len(set(content_stems(e.sentence.text))) for e in (a, b))
    return len(shared) >= 0.5 * smaller and negations(a.sentence.text) % 2 != negations(b.sentence.text) % 2


def disagreement(question: str, groups: Sequence[Sequence[Evidence]]) -> bool:
    """Tell whether the articles differ on a question, by the first sentence of each claim."""
    firsts = [group[0] for group in groups]
    return any(_differ(question, a, b) for i, a in enumerate(firsts) for b in firsts[i + 1 :])


def draft(question: str, group: Sequence[Evidence], text: str, pointed: Sequence[Evidence]) -> Draft:
    """Return what may be said of one claim's evidence.

    The reader's words stand where the sentences it points at bear them and they add something to the question; else the
    claim is the article's own wording.
    """
    cited = " ".join(e.sentence.text for e in pointed)
    context = " ".join(f"{e.sentence.section} {e.sentence.previous}" for e in pointed)
    support = verify(text, cited, question=question, context=context).support if pointed and text else 0.0
    if support >= SUPPORT_FLOOR and set(content_stems(text)) - set(content_stems(question)):
        return Draft(text, tuple(group), support, "supported")
    home = group[0].sentence.article_id
    own = sorted((e for e in group if e.sentence.article_id == home), key=lambda e: e.sentence.start)
    return Draft(" ".join(e.focus_text for e in own), tuple(group))


def cite(drafts: Sequence[Draft], articles: Mapping[str, Article]) -> tuple[Claim, ...]:
    """Return claims whose citations are cut from the articles and numbered in reading order, one number a span."""
    numbered: dict[tuple[str, int, int], Citation] = {}
    claims = []
    for item in drafts:
        citations = []
        for sentence in (e.sentence for e in item.evidence):
            key = (sentence.article_id, sentence.start, sentence.end)
            if key not in numbered:
                numbered[key] = _citation(articles[sentence.article_id], sentence, len(numbered) + 1)
            citations.append(numbered[key])
        claims.append(Claim(item.text, tuple(citations), item.support, item.verdict))
    return tuple(claims)


def _citation(article: Article, sentence: Sentence, number: int) -> Citation:
    quote = article.text[sentence.start : sentence.end]
    return Citation(
        number, article.id, article.title, sentence.start, sentence.end, quote,
        article.url, article.publisher, article.date, article.edition,
    )  # fmt: skip


def answer_text(claims: Sequence[Claim], articles: Mapping[str, Article], *, differ: bool) -> str:
    """Return claims as a person reads them, each followed by its footnote marks."""
    lines = []
    for claim in claims:
        marks = "".join(f"[{citation.number}]" for citation in claim.citations)
        sources = " and ".join(dict.fromkeys(articles[c.article_id].name for c in claim.citations))
        lines.append(f"{sources}: {claim.text} {marks}" if differ else f"{claim.text} {marks}")
    return "\n\n".join((["The articles differ."] if differ else []) + lines)
