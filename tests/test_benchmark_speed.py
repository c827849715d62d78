"""The speed benchmark's arithmetic and picture; what it measures is measured by hand."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.benchmarks.speed import chart
from tests.benchmarks.speed_steps import Row, random_index, texts


def test_a_ratio_is_the_median_of_neighbouring_pairs_and_not_the_ratio_of_medians() -> None:
    """Pairs of 2, 2 and 3 times: the machine was ten times slower for the second."""
    assert Row("ours", "floor", ours=[2.0, 20.0, 3.0], floor=[1.0, 10.0, 1.0]).ratio == 2.0
    assert Row("ours", "", ours=[2.0]).ratio is None


def test_the_chart_is_well_formed_whatever_a_name_holds() -> None:
    row = Row("a < b & c", "floor", ours=[2.0], floor=[0.001])
    root = ElementTree.fromstring(chart([{**vars(row), "ratio": row.ratio}, {**vars(Row("alone", "")), "ratio": None}]))
    found = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert found == ["a < b & c", "floor", "2.00 s", "1.0 ms", "× 2000.00"]


def test_made_up_texts_are_the_same_every_time() -> None:
    assert list(islice(texts(3, 6), 3)) == list(islice(texts(3, 6), 3))


@pytest.mark.parametrize("count", [7, 120])
def test_a_random_index_has_so_many_passages_whose_sentences_are_their_articles_text(tmp_path: Path, count: int) -> None:
    index, vectors = random_index(count, tmp_path)
    again, _ = random_index(count, tmp_path)
    assert (len(index.passages), len(index.sentences), len(vectors)) == (count, count, count)
    assert all(index.articles[s.article_id].text[s.start : s.end] == s.text for s in index.sentences)
    assert again.sentences == index.sentences
    assert len(index.stores["sentence"]) == len(again.stores["sentence"]) == count
