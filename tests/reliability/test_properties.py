"""For any text at all: it is loaded, cut, cited and shown without a crash, and `quote == text[start:end]`. Rows C9, Q3, Q8, X3, X9."""

from __future__ import annotations

import json
import string
import tempfile
from contextlib import suppress
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from rag.chunking import split_article
from rag.config import Settings
from rag.corpus import article_from_text, decode_text, load_article, save_article
from rag.errors import CorpusError, IndexStoreError, QuestionError
from rag.formats import read_document
from rag.grounding import answer_text, cite, draft
from rag.index import build_index
from rag.pipeline import Assistant, clean_question
from rag.prompts import neutral, parse_reading, read_messages
from rag.retriever import Retriever
from rag.text import clean, fold, numbers, printable, words
from rag.types import Answer, Article, Evidence
from rag.verifier import verify
from rag.window.article import Spot, lay_out
from rag.window.export import as_json, as_markdown
from rag.window.render import article_html, conversation_html
from rag.window.turns import Turn, dump_turns, load_turns
from tests.conftest import QueueReader, WordEmbedder
from tests.window.test_render import Elements

PIECES = st.sampled_from([
    "\r\n", "\n", "\n\n", "\t", "\f", "\v", "\x85", "\u2028", "\u00a0", "\u200b", "\u200d", "\u202e", "\u2066", "\ufeff", "e\u0301", "ﬁ",
    "ß", "İ",
    "🙂", "👩‍👩‍👧", "שלום", "مرحبا", "你好。", "[1]", "…", "# ", "## What then?", "- ", "1. ", "> ", "*", "**", "`", "```", "---\n",
    "| a | b |",
    "<b>", "</mark>", "<!--", "&lt;", "{{", "{%", "<|im_end|>", "![x](http://e.example)", "Dr. Quist ", "e.g. ", "“", "”", "’s",
    "(Image credit: X)",
    "\x1b[31m", "\x07", "Who? ", "It did. ", "The fire destroyed 12 boats. ", "date 2024-05-02 ", "title: x\n",
])  # fmt: skip
TEXTS = st.lists(
    st.one_of(
        PIECES,
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12),
        st.text(string.ascii_letters + " .", max_size=20),
    ),
    max_size=40,
).map("".join)
ANY = st.one_of(TEXTS, st.text(max_size=80))
some = settings(max_examples=150, deadline=None, derandomize=True)
few = settings(max_examples=40, deadline=None, derandomize=True)


@some
@given(TEXTS)
def test_every_span_of_any_text_slices_back_to_its_text(text: str) -> None:
    """Row C9."""
    article = Article("a", "A", text)
    passages, sentences = split_article(article)
    for span in (*passages, *sentences):
        assert span.text == text[span.start : span.end]
        assert span.text.strip()
    for sentence in sentences:
        assert 0 <= sentence.passage < len(passages)
        assert passages[sentence.passage].start <= sentence.start < sentence.end <= passages[sentence.passage].end


@some
@given(TEXTS, TEXTS, TEXTS)
def test_any_text_written_to_the_corpus_is_read_back_as_it_was(text: str, title: str, publisher: str) -> None:
    """Row C9: but for line ends, which are line feeds from then on, and NUL, which no text has."""
    text = text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")
    with tempfile.TemporaryDirectory() as folder:
        file = save_article(Path(folder) / "a.md", Article("a", clean(title)[:200], text, publisher=clean(publisher)[:200]))
        article = load_article(file)
    assert article.text == text
    assert article.publisher == " ".join(clean(publisher)[:200].split())


@some
@given(
    st.binary(max_size=200),
    st.sampled_from(["a.txt", "a.md", "a.html", "a.pdf", "a.docx", "a", "a.exe"]),
    st.sampled_from([b"", b"%PDF-1.4\n", b"PK\x03\x04word/", b"<html><p>", b"---\n"]),
)
def test_any_bytes_are_an_article_or_an_error_in_words(data: bytes, name: str, start: bytes) -> None:
    """Row C2."""
    with suppress(CorpusError):
        assert read_document(start + data, name, id_="a").text.strip()
    with suppress(CorpusError):
        text = decode_text(start + data, name)
        assert article_from_text(text, name, "a").text in text


@some
@given(ANY, ANY)
def test_helpers_on_words_take_any_text(text: str, other: str) -> None:
    """Row Q3."""
    assert clean(clean(text)) == clean(text)
    assert printable(printable(text)) == printable(text)
    clean(text).encode()
    for helper in (fold, words, numbers, neutral):
        helper(text)
    assert 0 <= verify(clean(text), clean(other), question=clean(other)).support <= 1
    reading = parse_reading(text, 3)
    assert all(0 <= position < 3 for position in reading.pointed)
    reading.text.encode()
    assert "<|" not in read_messages(text, [other])[-1]["content"]


@some
@given(ANY)
def test_any_question_is_cleaned_or_refused_in_words(text: str) -> None:
    """Rows Q1 to Q3."""
    try:
        question = clean_question(text)
    except QuestionError as error:
        str(error).encode()
    else:
        assert question == printable(question)
        question.encode()


@few
@given(TEXTS, ANY)
def test_an_answer_from_any_article_to_any_question_is_whole(text: str, question: str) -> None:
    """Rows C9 and Q8: through index, retrieval, grounding and citing."""
    article = Article("a", "A", f"{text}\n\nThe fire destroyed 12 boats in the harbour. Mara rang the bell.\n")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "corpus").mkdir()
        save_article(Path(folder) / "corpus" / "a.md", article)
        chosen = Settings(corpus=f"{folder}/corpus", index_dir=f"{folder}/index")
        assistant = Assistant(settings=chosen, embedder=WordEmbedder(), reader=QueueReader("[1] Mara rang the bell."))
        for asked in (question, "How many boats did the fire destroy?"):
            try:
                answer = assistant.answer(asked)
            except QuestionError:
                continue
            kept = load_article(Path(folder) / "corpus" / "a.md").text
            assert all(c.quote == kept[c.start : c.end] for c in answer.citations)
            assert json.loads(json.dumps(answer.to_dict(), ensure_ascii=False).encode())["question"] == answer.question
            str(answer).encode()


@few
@given(TEXTS)
def test_every_sentence_of_any_text_can_be_found_and_cited(text: str) -> None:
    """Row C9: each of them, not only what a search would choose."""
    article = Article("a", "A", text)
    try:
        index = build_index([article], WordEmbedder())
    except IndexStoreError:
        return
    Retriever(index, WordEmbedder()).retrieve("Who destroyed the boats?")
    drafts = [draft("Who?", [Evidence(sentence, 0.5)], "", ()) for sentence in index.sentences]
    claims = cite(drafts, index.articles)
    assert all(c.quote == text[c.start : c.end] for claim in claims for c in claim.citations)
    answer_text(claims, index.articles, differ=True).encode()


@some
@given(TEXTS, st.lists(st.tuples(st.integers(-5, 200), st.integers(-5, 200), ANY), max_size=4), TEXTS)
def test_any_article_with_any_marks_is_shown_as_text(text: str, marks: list[tuple[int, int, str]], title: str) -> None:
    """Rows X3 and X9: no element, attribute or link but those of the templates; every visible character stands in the article."""
    article = Article("a", title, text, publisher=title, url=title, edition=title)
    spots = [Spot(number, start, end, quote) for number, (start, end, quote) in enumerate(marks, start=1)]
    laid, _ = lay_out(article, spots)
    for block in laid:
        assert all(piece.text in text for piece in block.pieces)
    assert_ours(Elements(article_html(article, spots)))


@some
@given(ANY, ANY, TEXTS)
def test_any_conversation_is_shown_and_exported_as_text(question: str, said: str, quote: str) -> None:
    """Rows X3 and X9."""
    cited = cite(
        [draft("x", [Evidence(sentence, 0.5)], "", ()) for sentence in split_article(Article("a", said, quote))[1]],
        {"a": Article("a", said, quote)},
    )
    answer = Answer(text=said, question=question, claims=cited, refused=not cited, disagreement=len(cited) > 1, model=said)
    turns = [Turn(question, answer, "answered"), Turn(question, ending="failed", problem=said)]
    assert_ours(Elements(conversation_html(turns, {"a": said}, suggestions=[question])))
    as_markdown(turns)
    as_json(turns)


@some
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["question", "answer", "ending", "text", "claims", "x"]), inner, max_size=4)
        ),
        max_leaves=12,
    )
)
def test_any_saved_conversation_is_turns_or_nothing(saved: object) -> None:
    """Row Q6: what a browser sends back."""
    assert load_turns(dump_turns(load_turns(saved))) == load_turns(saved)


def assert_ours(page: Elements) -> None:
    assert set(page.tags) <= OURS, set(page.tags) - OURS
    assert not [
        name for name, _ in page.attributes if name.startswith("on") or name in ("src", "srcset", "href", "action", "poster", "ping")
    ]


OURS = set(
    "article aside bdi button dd details div dl dt em form h1 h2 h3 h4 header input label li mark nav ol p section span strong "
    "summary sup textarea ul".split()
)
"""The elements of the page's templates."""
