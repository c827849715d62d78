"""Files to Articles."""

from __future__ import annotations

from pathlib import Path

import pytest

import rag.corpus
from rag.config import PROJECT
from rag.corpus import load_article, load_corpus
from rag.errors import CorpusError


def write(folder: Path, name: str, text: str | bytes) -> Path:
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_front_matter_gives_title_publisher_date_url_and_edition(corpus: Path) -> None:
    article = load_corpus(corpus)[0]
    assert (article.id, article.title, article.publisher, article.date) == ("harbour", "The harbour fire", "The Gull", "2024-05-02")
    assert article.url == "https://example.org/fire"
    assert article.text.startswith("The fire in the harbour")


def test_first_line_of_plain_text_is_its_title_where_it_stands_alone(corpus: Path) -> None:
    assert load_corpus(corpus)[1].title == "The night the quay burned"


def test_plain_text_without_a_title_line_is_named_after_its_file(tmp_path: Path) -> None:
    article = load_article(write(tmp_path, "night-shift.txt", "It began at nine. Nobody saw it.\n\nThen it ended.\n"))
    assert article.title == "Night shift"


def test_leading_date_becomes_the_date_and_stays_in_the_text(tmp_path: Path) -> None:
    article = load_article(write(tmp_path, "a.txt", " date 2024-03-05 On that wet morning it rained.\n"))
    assert article.date == "2024-03-05"
    assert article.text.startswith(" date 2024-03-05")


def test_markdown_title_is_used_when_front_matter_has_none(tmp_path: Path) -> None:
    assert load_article(write(tmp_path, "a.md", "# A day out\n\nWe went by boat.\n")).title == "A day out"


def test_byte_order_mark_and_windows_line_ends_leave_no_trace(tmp_path: Path) -> None:
    assert load_article(write(tmp_path, "a.txt", b"\xef\xbb\xbfOne line.\r\nAnother.\r\n")).text == "One line.\nAnother.\n"


def test_files_about_the_folder_and_hidden_files_are_no_articles(corpus: Path) -> None:
    write(corpus, "README.md", "About this folder.")
    write(corpus, ".draft.md", "Not yet.")
    assert [article.id for article in load_corpus(corpus)] == ["harbour", "quay"]


def test_empty_articles_are_left_out(corpus: Path) -> None:
    write(corpus, "blank.txt", " \n\n")
    assert [article.id for article in load_corpus(corpus)] == ["harbour", "quay"]


def test_missing_folder_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"No corpus folder at .*nowhere.*Create it"):
        load_corpus(tmp_path / "nowhere")


def test_folder_without_articles_says_what_was_looked_for(tmp_path: Path) -> None:
    """Row I11."""
    with pytest.raises(CorpusError, match=r"looked for \*\.md and \*\.txt"):
        load_corpus(tmp_path)


def test_text_that_is_not_utf8_is_refused_with_the_byte(corpus: Path) -> None:
    write(corpus, "latin.txt", "caf\xe9".encode("latin-1"))
    with pytest.raises(CorpusError, match=r"latin\.txt is not UTF-8 text \(byte 3\)"):
        load_corpus(corpus)


def test_an_article_removed_while_the_folder_is_read_is_passed_over(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row I17."""
    listed = rag.corpus.article_files(corpus)
    (corpus / "quay.txt").unlink()
    monkeypatch.setattr(rag.corpus, "article_files", lambda folder: listed)
    assert [article.id for article in load_corpus(corpus)] == ["harbour"]


def test_an_article_larger_than_the_limit_is_refused_before_it_is_read(corpus: Path) -> None:
    with (corpus / "huge.txt").open("wb") as file:
        file.truncate(51 * 1024 * 1024)
    with pytest.raises(CorpusError, match=r"huge\.txt is 53,477,376 bytes; an article may have 52,428,800"):
        load_corpus(corpus)


def test_two_files_of_one_stem_are_refused_by_name(corpus: Path) -> None:
    """Row C6."""
    write(corpus, "quay.md", "Another quay.")
    with pytest.raises(CorpusError, match=r"quay\.md and quay\.txt would both be article"):
        load_corpus(corpus)


@pytest.mark.parametrize("block", ["title: [a, b]", "title: a: b", "- just\n- a list", "title: &x {a: b}"])
def test_front_matter_that_is_not_plain_fields_is_refused(tmp_path: Path, block: str) -> None:
    with pytest.raises(CorpusError, match="front matter"):
        load_article(write(tmp_path, "a.md", f"---\n{block}\n---\nText.\n"))


def test_bundled_corpus_holds_two_retellings_that_say_so() -> None:
    articles = load_corpus(PROJECT / "corpus")
    assert [(a.id, a.publisher, a.edition) for a in articles] == [
        ("ending-explained", "Marie Claire", "retelling"),
        ("finale-twist", "MEAWW", "retelling"),
    ]


def test_retellings_share_no_run_of_eight_words_with_the_originals(shared: Path) -> None:
    def runs(text: str) -> set[tuple[str, ...]]:
        import re

        words = re.findall(r"[a-z0-9]+", text.lower().replace("’", "'").replace("'", ""))
        return {tuple(words[i : i + 8]) for i in range(len(words) - 7)}

    originals = set().union(*(runs(article.text) for article in load_corpus(shared / "articles")))
    for article in load_corpus(PROJECT / "corpus"):
        assert not runs(article.text) & originals
