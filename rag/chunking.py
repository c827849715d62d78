"""Articles to Passages and Sentences, each a span that slices back to its text.

Blocks (paragraphs, headings, captions) are found first, then langchain-text-splitters cuts each section into passages,
then every passage edge is moved to the nearest sentence end, so no sentence is ever cut in two.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sentencex import get_sentence_boundaries

from rag.types import Article, Kind, Passage, Sentence

CHUNK_SIZE = 500
"""Characters in a passage at most, unless one sentence is longer: three or four sentences of news prose."""
FEWEST_WORDS = 3
"""A sentence of fewer words ("Yes.") cannot stand as evidence on its own."""
FINGERPRINT = f"sections+recursive:{CHUNK_SIZE}:0+sentencex:3"
"""Changes whenever the same text would be cut differently; the index is rebuilt when it does."""

_BLOCK = re.compile(r"[^\s](?:.|\n(?![ \t]*\n))*")
_LEADING_DATE = re.compile(r"\s*date:?\s+\d{4}-\d{2}-\d{2}\b\s*", re.IGNORECASE)
_MARKDOWN_HEADING = re.compile(r"#{1,6}[ \t]+(.+?)[ \t]*#*[ \t]*$")
_CREDIT = re.compile(
    r"\(\s*(?:image|photo|picture|video)?\s*(?:credit|source|courtesy|via)s?\b[^)]*\)"
    r"|\b(?:(?:photo|image|picture) (?:credit|by|source)s?\b|credit:).*",
    re.IGNORECASE,
)
_CAPTION_LABEL = re.compile(r"[*_]*(?:photo|image|picture|caption|figure|credit)s?\b[^.]{0,20}:", re.IGNORECASE)
_MARKUP = re.compile(r"[*_`#>\s-]*")
_WORD = re.compile(r"\w+")
_LONGEST_HEADING = 120
_LONGEST_CAPTION = 400


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, heading or caption: its span, its kind and the heading above it."""

    start: int
    end: int
    kind: Kind
    section: str


def split_article(article: Article) -> tuple[tuple[Passage, ...], tuple[Sentence, ...]]:
    """Return an article's passages in order and its sentences; `sentence.passage` is a position in those passages.

    A heading is context (`section`) and, where it states something, a sentence of kind "heading"; captions are sentences
    of kind "caption". A question is never a sentence to answer with.
    """
    passages: list[Passage] = []
    sentences: list[Sentence] = []
    for section in _sections(article):
        spans = [(start, end, block.kind) for block in section for start, end in _sentence_spans(article.text, block)]
        for group in _group(article.text, section, spans):
            start, end = spans[group[0]][0], spans[group[-1]][1]
            passages.append(Passage(article.id, start, end, article.text[start:end], section[0].section))
            for i in group:
                if sentence := _sentence(article, spans, i, section[0].section, len(passages) - 1):
                    sentences.append(sentence)
    return tuple(passages), tuple(sentences)


def _sentence(article: Article, spans: Sequence[tuple[int, int, Kind]], i: int, section: str, passage: int) -> Sentence | None:
    start, end, kind = spans[i]
    text = article.text[start:end]
    if len(_WORD.findall(text)) < FEWEST_WORDS or text.rstrip("'\"’” *").endswith("?"):
        return None
    if kind == "caption" and not _CREDIT.sub("", text).strip(" .*_"):
        return None
    before = next((spans[j] for j in range(i - 1, -1, -1) if spans[j][2] == "text"), None) if kind == "text" else None
    previous = article.text[before[0] : before[1]] if before else ""
    return Sentence(article.id, start, end, text, section, previous, kind, passage)


def _sections(article: Article) -> Iterator[list[Block]]:
    """Yield the blocks under each heading, the heading itself first where it is no mere title."""
    section: list[Block] = []
    for block in blocks(article):
        if block.kind == "heading" and section:
            yield section
            section = []
        section.append(block)
    if section:
        yield section


def blocks(article: Article) -> Iterator[Block]:
    """Yield paragraphs, headings and captions in order, each under the last heading above it."""
    date = _LEADING_DATE.match(article.text)
    heading = ""
    for match in _BLOCK.finditer(article.text, date.end() if date else 0):
        kind = _kind(match.group())
        if kind == "heading":
            markdown = _MARKDOWN_HEADING.match(match.group())
            heading = markdown.group(1) if markdown else match.group().strip()
        yield Block(match.start(), match.end(), kind, heading)


def _kind(block: str) -> Kind:
    """Tell a paragraph from a heading and from a caption by its shape alone."""
    if _MARKDOWN_HEADING.match(block):
        return "heading"
    if len(block) <= _LONGEST_CAPTION and (_CREDIT.search(block) or _CAPTION_LABEL.match(block)):
        return "caption"
    bare = block.strip().strip("*_")
    open_ended = not bare.endswith((".", "!", ":", ";", ",", "…")) and not re.search(r"[.!]['\"’”)]$", bare)
    lone_line = "\n" not in bare and len(bare) <= _LONGEST_HEADING and not re.match(r"[-*+>|]\s|\d+[.)]\s|\W*$", bare)
    return "heading" if lone_line and open_ended and not bare[:1].islower() else "text"


def _sentence_spans(text: str, block: Block) -> list[tuple[int, int]]:
    """Return the spans of a block's sentences, outer spaces and list or emphasis marks left out.

    A heading is one, and so is a caption with its credit, since "who took it" is asked of the two together.
    """
    body = text[block.start : block.end]
    bounds = [(0, len(body))]
    if block.kind == "text":
        bounds = [(b["start_index"], b["end_index"]) for b in get_sentence_boundaries("en", body)]
    spans = []
    for start, end in bounds:
        markup = _MARKUP.match(body, start, end)
        start = markup.end() if markup else start
        if block.kind == "caption" and (label := _CAPTION_LABEL.match(body, start, end)):
            start = label.end() + len(body[label.end() : end]) - len(body[label.end() : end].lstrip())
        end = start + len(body[start:end].rstrip(" \t\n*_"))
        if end > start:
            spans.append((block.start + start, block.start + end))
    return spans


def _group(text: str, section: Sequence[Block], spans: Sequence[tuple[int, int, Kind]]) -> list[list[int]]:
    """Return the positions of the sentences of each passage: a sentence goes where its middle falls.

    A heading goes with what follows it.
    """
    from langchain_text_splitters import RecursiveCharacterTextSplitter  # here, since only a new article is split

    start, end = section[0].start, section[-1].end
    splitter = RecursiveCharacterTextSplitter(
        chunk_size=CHUNK_SIZE, chunk_overlap=0, add_start_index=True, strip_whitespace=False, keep_separator="end",
        separators=["\n\n", "\n", ". ", "? ", "! ", " ", ""],
    )  # fmt: skip
    starts = [start + document.metadata["start_index"] for document in splitter.create_documents([text[start:end]])]
    groups: dict[int, list[int]] = {}
    for i in range(len(spans)):
        body = next((span for span in spans[i:] if span[2] != "heading"), spans[i])
        chunk = bisect_right(starts, (body[0] + body[1]) // 2)
        groups.setdefault(chunk, []).append(i)
    return [groups[chunk] for chunk in sorted(groups)]
