"""Documents to Articles, each kind told and read."""

from __future__ import annotations

import io
import zipfile

import pytest

from rag.chunking import split_article
from rag.errors import CorpusError
from rag.formats import read_document
from rag.types import Article

from . import documents
from .servers import article_page

PAGE = article_page(documents.TITLE, list(documents.PARAGRAPHS), site="The Gull", date="2024-05-02", address="https://gull.example/lamp")


def read(data: bytes | str, name: str, content_type: str = "", url: str = "") -> Article:
    return read_document(data if isinstance(data, bytes) else data.encode(), name, id_="lamp", content_type=content_type, url=url)


def sentences(article: Article) -> list[str]:
    return [" ".join(sentence.text.split()) for sentence in split_article(article)[1]]


@pytest.mark.parametrize(("name", "data"), [("lamp.pdf", documents.pdf()), ("lamp.docx", documents.docx()), ("lamp.html", PAGE.encode())])
def test_every_kind_gives_the_title_the_date_and_whole_sentences(name: str, data: bytes) -> None:
    article = read(data, name)
    assert (article.title, article.date) == (documents.TITLE, "2024-05-02")
    found = sentences(article)
    assert "Odile put the fire out with her coat." in found
    assert "Jonas Rehn, a glazier from the mainland, brought a new pane of curved glass on the mail boat and refused to be paid." in found
    assert any(s.section == "What broke the glass?" for s in split_article(article)[1])


def test_a_web_page_is_left_with_its_article_alone() -> None:
    article = read(PAGE, "lamp.html")
    assert (article.publisher, article.url) == ("The Gull", "https://gull.example/lamp")
    for around in ("Horoscopes", "cookies", "Twenty thrillers", "newsletter", "rights reserved", "Advertisement", "dataLayer"):
        assert around not in article.text
    assert len(sentences(article)) == 6


def test_a_short_page_is_left_with_its_article_too() -> None:
    page = article_page("The bell", ["The bell of Tarn Abbey was cast in 1741 by Ruth Amsel, who lived there."], site="The Gull")
    assert read(page, "bell.html").text == "The bell of Tarn Abbey was cast in 1741 by Ruth Amsel, who lived there.\n"


def test_a_date_that_is_only_told_of_is_not_the_articles() -> None:
    page = PAGE.replace('<meta property="article:published_time" content="2024-05-02T09:30:00Z">', "")
    page = page.replace("In March a storm", "On 3 March 1903 a storm").replace("© The Gull.", "© 2019 The Gull.")
    assert read(page, "lamp.html").date == ""


def test_lists_and_tables_of_a_page_stay_readable() -> None:
    items = "<ul><li>The first of the three lamps was lit by hand.</li><li>The second burned gas from the works.</li></ul>"
    table = "<table><tr><th>Year</th><th>Keeper</th></tr><tr><td>1901</td><td>Ada Lind</td></tr></table>"
    page = PAGE.replace("<h2>", f"{items}{table}<h2>", 1)
    text = read(page, "lamp.html").text
    assert "- The first of the three lamps was lit by hand.\n- The second" in text
    assert "1901 | Ada Lind" in text


def test_a_caption_of_a_page_is_kept_as_a_caption() -> None:
    figure = '<figure><a href="/i"><img src="/i.jpg"></a><figcaption>Odile and <b>Jonas</b> on the tower.<p></p></figcaption></figure>'
    thumbnail = '<figure><img src="/t.jpg"><figcaption>Twenty lighthouses to see this year</figcaption></figure>'
    page = PAGE.replace("<h2>", f"{figure}<h2>", 1).replace('<li><a href="/a">', f'<li>{thumbnail}<a href="/a">')
    article = read(page, "lamp.html")
    assert "\n\nCaption: Odile and Jonas on the tower.\n\n" in article.text
    assert [s.text for s in split_article(article)[1] if s.kind == "caption"] == ["Odile and Jonas on the tower."]
    assert "Twenty lighthouses" not in article.text


def test_a_table_of_a_docx_keeps_its_rows() -> None:
    assert "Height of the tower | 31 metres" in read(documents.docx(), "lamp.docx").text


def test_a_pdf_without_a_title_is_named_by_its_largest_first_line() -> None:
    assert read(documents.pdf(metadata=False), "lamp.pdf").title == documents.TITLE


def test_page_numbers_of_a_pdf_are_no_text() -> None:
    assert not any(line.strip() in ("1", "2") for line in read(documents.pdf(), "lamp.pdf").text.splitlines())


def test_a_sentence_cut_by_a_page_break_is_whole_again() -> None:
    parts = ("The keeper wrote in the log that the wind had", "Nothing.", "turned to the north before midnight. The rest is gone.", "End.")
    pdf = documents.pdf(paragraphs=(parts[0], "", parts[2], parts[3]))
    assert "The keeper wrote in the log that the wind had turned to the north before midnight." in sentences(read(pdf, "log.pdf"))


def test_a_word_hyphenated_at_a_line_end_is_whole_again() -> None:
    pdf = documents.pdf(
        paragraphs=("The light-\nhouse stood on the extra-\nordinary rock of Skerry Point.", "", "It was tall and it was old.", "")
    )
    assert "The lighthouse stood on the extraordinary rock of Skerry Point." in sentences(read(pdf, "rock.pdf"))


def test_markdown_keeps_its_front_matter_and_its_text_untouched() -> None:
    article = read("---\ntitle: T\npublisher: P\n---\nText  with two spaces.\r\n", "a.md")
    assert (article.title, article.publisher, article.text) == ("T", "P", "Text  with two spaces.\n")


def test_what_the_bytes_are_counts_more_than_the_name() -> None:
    """Row C14."""
    assert read(documents.pdf(), "page.html", "text/html").title == documents.TITLE
    assert read(documents.docx(), "download", "application/octet-stream").title == documents.TITLE
    assert read(PAGE, "download", "text/html; charset=utf-8", url="https://gull.example/x").title == documents.TITLE


def test_a_page_in_another_character_set_is_read_without_garbling() -> None:
    page = PAGE.replace("Odile Brandt", "Odile Brändström").replace('charset="utf-8"', 'charset="iso-8859-1"').encode("latin-1", "replace")
    assert "Odile Brändström carried the lamp" in read(page, "lamp.html").text


def test_a_page_that_lies_about_its_character_set_is_read_as_what_it_is() -> None:
    """Row C14."""
    page = PAGE.replace("Odile Brandt", "Odile Brändström").replace('charset="utf-8"', 'charset="iso-8859-1"')
    assert "Odile Brändström carried the lamp" in read(page, "lamp.html", "text/html; charset=latin-1").text


@pytest.mark.parametrize(
    ("data", "name", "said"),
    [
        (b"\x89PNG\r\n", "picture.png", r"no document that can be read \(\.png\)\. Readable are text"),
        (b"%PDF-1.7\nbroken", "a.pdf", "a.pdf cannot be read as pdf"),
        (documents.pdf()[:400], "a.pdf", "a.pdf (cannot be read|holds no text)"),
        (b"PK\x03\x04word/broken", "a.docx", "a.docx cannot be read as docx"),
        (b"not a zip", "a.docx", "no document that can be read"),
        (b"<html><body></body></html>", "a.html", "a.html holds no"),
        (b"", "a.html", "a.html"),
        (b"caf\xe9", "a.txt", r"not UTF-8 text \(byte 3\)"),
        (b"a\0b", "a.txt", "NUL"),
        (b"\n \n", "a.txt", "holds no text"),
        (b"---\ntitle: only this\n---\n", "a.md", "holds no text"),
        (b"---\ntitle: !!python/object/apply:os.system [x]\n---\nText.\n", "a.md", "must be one line of text"),
    ],
)
def test_what_cannot_be_read_is_named_with_what_to_do(data: bytes, name: str, said: str) -> None:
    with pytest.raises(CorpusError, match=said):
        read(data, name)


def test_a_scanned_pdf_says_that_it_needs_text_recognition() -> None:
    with pytest.raises(CorpusError, match="scanned PDF needs text recognition"):
        read(documents.pdf(paragraphs=("", "", "", ""), title=""), "scan.pdf")


def test_a_docx_that_unpacks_to_too_much_is_refused_before_it_is_unpacked() -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"\0" * 201 * 1024 * 1024)
    with pytest.raises(CorpusError, match="unpacks to"):
        read(bomb.getvalue(), "bomb.docx")


def test_a_title_of_many_thousand_characters_is_cut() -> None:
    assert len(read("---\ntitle: " + "x" * 60_000 + "\n---\nText.\n", "a.md").title) == 200
