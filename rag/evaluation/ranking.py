"""What was retrieved, as spans, to recall, reciprocal rank and nDCG. The only import of ir_measures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import ir_measures
from ir_measures import RR, R, Success, nDCG

from rag.evaluation.questions import Quote

OVERLAP = 0.6
"""Share of an evidence quote that a span must hold to count as overlapping it."""
DEPTH = 10
MEASURES = {
    "recall@1": Success @ 1,
    "recall@3": Success @ 3,
    "recall@5": Success @ 5,
    "recall@10": Success @ 10,
    "MRR": RR,
    "nDCG@10": nDCG @ 10,
    "quotes reached@10": R @ 1000,
}


class HasSpan(Protocol):
    """A passage, a sentence or a citation."""

    @property
    def article_id(self) -> str: ...  # noqa: D102
    @property
    def start(self) -> int: ...  # noqa: D102
    @property
    def end(self) -> int: ...  # noqa: D102


def overlaps(span: HasSpan, quote: Quote) -> bool:
    """Tell whether a span holds at least OVERLAP of an evidence quote of the same article.

    A quote that holds the answer only somewhere within it is overlapped, too, by a span of which at least OVERLAP lies
    in the quote.
    """
    shared = min(span.end, quote.end) - max(span.start, quote.start)
    length = quote.end - quote.start
    needed = OVERLAP * (min(length, span.end - span.start) if quote.within else length)
    return span.article_id == quote.article_id and shared > 0 and shared >= needed


def rank(measure: str, spans: Sequence[HasSpan], quotes: Sequence[Quote]) -> float:
    """Return one of MEASURES, 0..1, for the first DEPTH spans retrieved for a question, best first.

    The evidence quotes are the relevant documents. A span stands for the quotes that it is the first to overlap, one
    place in the ranking each; a span that reaches no new quote takes a place and gains nothing.
    """
    ranking: list[str] = []
    for place, span in enumerate(spans[:DEPTH]):
        new = [f"quote {i}" for i, quote in enumerate(quotes) if overlaps(span, quote) and f"quote {i}" not in ranking]
        ranking += new or [f"other {place}"]
    relevant = {f"quote {i}": 1 for i in range(len(quotes))}
    run = {document: float(len(ranking) - place) for place, document in enumerate(ranking)}
    return float(ir_measures.calc_aggregate([MEASURES[measure]], {"q": relevant}, {"q": run})[MEASURES[measure]])
