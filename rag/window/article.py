"""An article to blocks of text with the cited spans in them. Offsets are those of `article.text` throughout."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from rag.chunking import Block, blocks
from rag.types import Article, Kind

Style = Literal["", "em", "strong"]

_EMPHASIS = re.compile(r"(\*{1,3})(?=\S)([^*]+?)(?<=\S)\1")
_LIST = re.compile(r"^[ \t]*(?:[-*+]|\d+[.)])[ \t]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Spot:
    """A span to mark: a citation by its footnote number, or a passage that is no citation, with the number 0."""

    number: int
    start: int
    end: int
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text that is marked and styled alike; `opens` are the footnotes that begin with it."""

    text: str
    numbers: tuple[int, ...] = ()
    opens: tuple[int, ...] = ()
    style: Style = ""


@dataclass(frozen=True, slots=True)
class LaidOut:
    """A heading, caption or paragraph in pieces; a `listed` one keeps its line breaks."""

    kind: Kind
    pieces: tuple[Piece, ...]
    listed: bool = False


@dataclass(slots=True)
class _Span:
    start: int
    end: int
    hidden: bool = False
    style: Style = ""


def lay_out(article: Article, spots: Sequence[Spot]) -> tuple[list[LaidOut], tuple[int, ...]]:
    """Return an article's blocks with the spots marked, and the numbers of those whose quote is no longer in it.

    A quote that has moved since the answer was given is found again where it now stands.
    """
    found = [(spot, place) for spot in spots for place in [_place(article, spot)]]
    placed = [place for _, place in found if place]
    opened: set[int] = set()
    laid = []
    for block in blocks(article):
        pieces = tuple(_pieces(article.text, block, placed, opened))
        if pieces:
            laid.append(LaidOut(block.kind, pieces, bool(_LIST.search(article.text[block.start : block.end]))))
    return laid, tuple(sorted({spot.number for spot, place in found if not place}))


def _place(article: Article, spot: Spot) -> Spot | None:
    if 0 <= spot.start < spot.end <= len(article.text) and (not spot.quote or article.text[spot.start : spot.end] == spot.quote):
        return spot
    start = article.text.find(spot.quote) if spot.quote else -1
    return replace(spot, start=start, end=start + len(spot.quote)) if start >= 0 else None


def _pieces(text: str, block: Block, spots: Sequence[Spot], opened: set[int]) -> Iterator[Piece]:
    """Yield a block's visible pieces, cut wherever a mark, a style or hidden markup begins or ends."""
    markup = list(_markup(text, block))
    here = [spot for spot in spots if spot.start < block.end and spot.end > block.start]
    edges = {block.start, block.end}
    inner = {edge for span in markup for edge in (span.start, span.end)} | {edge for spot in here for edge in (spot.start, spot.end)}
    edges |= {edge for edge in inner if block.start < edge < block.end}
    ordered = sorted(edges)
    for start, end in pairwise(ordered):
        if any(span.hidden and span.start <= start and end <= span.end for span in markup):
            continue
        style: Style = next((span.style for span in markup if span.style and span.start <= start and end <= span.end), "")
        numbers = tuple(sorted({spot.number for spot in here if spot.start <= start and end <= spot.end}))
        opens = tuple(number for number in numbers if number not in opened)
        opened.update(opens)
        yield Piece(text[start:end], numbers, opens, style)


def _markup(text: str, block: Block) -> Iterator[_Span]:
    """Yield the Markdown of a block: marks to hide, and what they style."""
    body = text[block.start : block.end]
    if block.kind == "heading" and body.startswith("#"):
        yield _Span(block.start, block.end - len(body.lstrip("#").lstrip()), hidden=True)
        yield _Span(block.start + len(body.rstrip().rstrip("#").rstrip()), block.end, hidden=True)
    for match in _EMPHASIS.finditer(body):
        yield _Span(block.start + match.start(), block.start + match.start(2), hidden=True)
        yield _Span(block.start + match.start(2), block.start + match.end(2), style="em" if len(match[1]) == 1 else "strong")
        yield _Span(block.start + match.end(2), block.start + match.end(), hidden=True)
