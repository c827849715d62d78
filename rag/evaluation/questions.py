"""A JSONL file to Questions: every line checked, every evidence quote located in its article.

One JSON object a line. Required: `id`, `type`, `question`, `answerable`. Optional: `history` (earlier turns),
`answer` (a reference answer, or a list of them), `must_include` (groups of alternatives; one of each group must be
said), `must_not_include`, `evidence` (`{article, quote}`, and `"within": true` where the answer lies somewhere within a
longer quote), `sources_required` and `source_any` (article ids).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from rag.errors import EvaluationError, QuestionError
from rag.pipeline import clean_question, user_turns
from rag.types import Article

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Quote:
    """An evidence quote as a span of its article; `within` where the answer lies somewhere in it, not all over it."""

    article_id: str
    start: int
    end: int
    within: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """One line of a question file, its evidence located in the articles."""

    id: str
    type: str
    question: str
    answerable: bool
    history: tuple[dict[str, str], ...] = ()
    answer: tuple[str, ...] = ()
    must_include: tuple[tuple[str, ...], ...] = ()
    must_not_include: tuple[str, ...] = ()
    evidence: tuple[Quote, ...] = ()
    sources_required: tuple[str, ...] = ()
    source_any: tuple[str, ...] = ()


FIELDS = tuple(field.name for field in fields(Question))


def load_questions(path: Path, articles: Mapping[str, Article]) -> list[Question]:
    """Return the questions of a file, in its order.

    Raises:
        EvaluationError: the file cannot be read or is empty; or a line is no JSON object, lacks a field or has one of
            the wrong kind, repeats an id, names an unknown article, or quotes what its article does not hold.
    """
    questions: dict[str, Question] = {}
    lines: dict[str, int] = {}
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        try:
            question = _question(line, articles)
            if question.id in questions:
                raise ValueError(f"id {question.id!r} is on line {lines[question.id]} already; every question needs its own")
        except (ValueError, QuestionError) as error:
            raise EvaluationError(f"{path}, line {number}: {str(error).rstrip('.')}. Mend that line and run again.") from None
        questions[question.id], lines[question.id] = question, number
    if not questions:
        raise EvaluationError(f"{path} holds no questions; it is empty. Put one JSON object a line in it.")
    return list(questions.values())


def _lines(path: Path) -> list[str]:
    """Return a file's lines; only a line feed ends one, since JSON text may hold any other separator."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EvaluationError(
            f"Cannot read the questions in {path} ({error.strerror or error}). Name a JSONL file with --questions FILE."
        ) from error
    try:
        return data.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise EvaluationError(f"{path}, line {line}: byte {error.start} is not UTF-8 text. Save the file as UTF-8.") from None


def _question(line: str, articles: Mapping[str, Article]) -> Question:
    """Return one line as a Question. Raises ValueError or QuestionError with the reason."""
    try:
        record = json.loads(line)
    except ValueError as error:
        raise ValueError(f"this is not JSON ({error})") from None
    if not isinstance(record, dict):
        raise ValueError("a question must be a JSON object in braces")
    for name in ("id", "type", "question", "answerable"):
        if name not in record:
            raise ValueError(f"the field {name!r} is missing")
    if unknown := sorted(set(record) - set(FIELDS)):
        logger.warning("Question %r has fields that are not scored: %s.", record["id"], ", ".join(unknown))
    if not isinstance(record["answerable"], bool):
        raise ValueError(f"'answerable' must be true or false, not {record['answerable']!r}")
    clean_question(record["question"])
    user_turns(record.get("history"))
    return Question(
        id=_text(record["id"], "id"),
        type=_text(record["type"], "type"),
        question=record["question"],
        answerable=record["answerable"],
        history=tuple(record.get("history") or ()),
        answer=_references(record.get("answer")),
        must_include=tuple(_texts(group, "must_include", least=1) for group in _list(record.get("must_include"), "must_include")),
        must_not_include=_texts(record.get("must_not_include"), "must_not_include"),
        evidence=tuple(_locate(item, articles) for item in _list(record.get("evidence"), "evidence")),
        sources_required=_known(record.get("sources_required"), "sources_required", articles),
        source_any=_known(record.get("source_any"), "source_any", articles),
    )


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{name!r} must be text, not {value!r}")
    return value


def _list(value: Any, name: str) -> Sequence[Any]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise ValueError(f"{name!r} must be a list, not {value!r}")
    return value


def _texts(value: Any, name: str, *, least: int = 0) -> tuple[str, ...]:
    items = tuple(_text(item, name) for item in _list(value, name))
    if len(items) < least:
        raise ValueError(f"{name!r} has an empty group; give it at least one alternative")
    return items


def _references(value: Any) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value
    return tuple(reference for reference in _list(listed, "answer") if reference == "" or _text(reference, "answer"))


def _known(value: Any, name: str, articles: Mapping[str, Article]) -> tuple[str, ...]:
    for id_ in (ids := _texts(value, name)):
        _article(id_, articles)
    return ids


def _article(id_: Any, articles: Mapping[str, Article]) -> Article:
    if not isinstance(id_, str) or id_ not in articles:
        ids = ", ".join(list(articles)[:10]) + (", …" if len(articles) > 10 else "")
        raise ValueError(f"there is no article {id_!r} in the corpus, which has {ids}")
    return articles[id_]


def _locate(item: Any, articles: Mapping[str, Article]) -> Quote:
    if not isinstance(item, dict) or not {"article", "quote"} <= set(item):
        raise ValueError('\'evidence\' must hold objects such as {"article": "id", "quote": "its exact words"}')
    article = _article(item["article"], articles)
    quote = _text(item["quote"], "quote")
    start = article.text.find(quote)
    if start < 0:
        raise ValueError(f"article {article.id!r} does not hold the quote {quote[:60]!r}; copy it exactly")
    return Quote(article.id, start, start + len(quote), item.get("within") is True)
