"""Verify, reconcile, refuse: pure functions that decide what may be shown as an answer. No model has a say here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.text import content_stems, names, negations, numbers, stem
from rag.types import Article, Citation, Claim, Evidence, Sentence, Verdict

SUPPORT_FLOOR = 0.8
"""Share of a claim's content words that the cited text must hold before the claim may be shown as supported."""
COSINE_FLOOR = 0.32
"""A question whose best sentence is less similar than this has no evidence, whatever words they share."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One article's answer before footnotes are numbered: its words and the sentences that bear them."""

    text: str
    sentences: tuple[Sentence, ...]
    support: float
    verdict: Verdict


def verify(claim: str, cited: str, *, context: str = "") -> float:
    """Return how far a cited text bears a claim, 0..1; 0 where it contradicts it or lacks a name or a number.

    The measure is the share of the claim's content stems found in the cited text. Every name must stand in the cited
    text or its `context` (heading and sentence before it), every number in the cited text, and both must deny equally.
    """
    stems = content_stems(claim)
    if not stems:
        return 0.0
    there = set(content_stems(cited))
    known = there | set(content_stems(context))
    if any(stem(name) not in known for name in names(claim)) or numbers(claim) - numbers(cited):
        return 0.0
    if negations(claim) % 2 != negations(cited) % 2:
        return 0.0
    return sum(1 for s in stems if s in there) / len(stems)


def draft(question: str, text: str, pointed: Sequence[Evidence], best: Evidence) -> Draft:
    """Return what may be said from one article: the reader's words where the sentences it points at bear them.

    They must also add something to the question; else it is the best sentence verbatim.
    """
    cited = " ".join(e.sentence.text for e in pointed)
    context = " ".join(f"{e.sentence.section} {e.sentence.previous}" for e in pointed)
    support = verify(text, cited, context=context)
    adds = set(content_stems(text)) - set(content_stems(question))
    if support >= SUPPORT_FLOOR and adds:
        return Draft(text, tuple(e.sentence for e in pointed), support, "supported")
    return Draft(" ".join(best.sentence.text.split()), (best.sentence,), 1.0, "quoted")


def answerable(question: str, evidence: Sequence[Evidence]) -> bool:
    """Tell whether any evidence is near enough to the question to answer it."""
    return any(e.parts.get("sentence", 0.0) >= COSINE_FLOOR for e in evidence[:3])


def reconcile(drafts: Sequence[Draft]) -> tuple[list[list[Draft]], bool]:
    """Return drafts grouped into claims, and whether the sources differ.

    Drafts that say the same (one's content words are mostly the other's) share a claim. They differ where their
    numbers or their denials do.
    """
    groups: list[list[Draft]] = []
    for item in drafts:
        home = next((group for group in groups if _same(group[0], item)), None)
        if home is None:
            groups.append([item])
        else:
            home.append(item)
    return groups, any(_differ(a[0], b[0]) for i, a in enumerate(groups) for b in groups[i + 1 :])


def _overlap(a: Draft, b: Draft) -> float:
    left, right = set(content_stems(a.text)), set(content_stems(b.text))
    return len(left & right) / max(1, min(len(left), len(right)))


def _same(a: Draft, b: Draft) -> bool:
    return _overlap(a, b) >= 0.6 and not _differ(a, b)


def _differ(a: Draft, b: Draft) -> bool:
    left, right = numbers(a.text), numbers(b.text)
    numbers_differ = bool(left and right and not (left & right))
    return _overlap(a, b) >= 0.5 and (numbers_differ or negations(a.text) % 2 != negations(b.text) % 2)


def cite(groups: Sequence[Sequence[Draft]], articles: dict[str, Article]) -> tuple[Claim, ...]:
    """Return claims whose citations are cut from the articles and numbered in reading order, one number a span."""
    numbered: dict[tuple[str, int, int], Citation] = {}
    claims = []
    for group in groups:
        citations = []
        for sentence in (s for item in group for s in item.sentences):
            key = (sentence.article_id, sentence.start, sentence.end)
            if key not in numbered:
                numbered[key] = _citation(articles[sentence.article_id], sentence, len(numbered) + 1)
            citations.append(numbered[key])
        best = min(group, key=lambda item: len(item.text))
        claims.append(Claim(best.text, tuple(dict.fromkeys(citations)), min(item.support for item in group), best.verdict))
    return tuple(claims)


def _citation(article: Article, sentence: Sentence, number: int) -> Citation:
    quote = article.text[sentence.start : sentence.end]
    return Citation(
        number, article.id, article.title, sentence.start, sentence.end, quote,
        article.url, article.publisher, article.date, article.edition,
    )  # fmt: skip


def answer_text(claims: Sequence[Claim], articles: dict[str, Article], *, disagreement: bool) -> str:
    """Return claims as a person reads them, each followed by its footnote marks."""
    lines = []
    for claim in claims:
        marks = "".join(f"[{citation.number}]" for citation in claim.citations)
        sources = " and ".join(dict.fromkeys(articles[c.article_id].name for c in claim.citations))
        lines.append(f"{sources}: {claim.text} {marks}" if disagreement else f"{claim.text} {marks}")
    return "\n\n".join((["The articles differ."] if disagreement else []) + lines)
