"""The FairytaleQA benchmark: made-up stories of its format become a corpus and questions that run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rag.config import Settings
from rag.corpus import load_corpus
from rag.evaluation.questions import Question, load_questions
from rag.evaluation.run import SilentReader
from tests.benchmarks.fairytaleqa import load_stories, run, sample, write_corpus
from tests.conftest import WordEmbedder


def story(name: str, hero: str) -> dict[str, Any]:
    texts = (
        f"{hero} kept a black goat by the mill. It ate the miller's hat.",
        f'"Give it back," said the miller to {hero}. The goat ran off.',
    )
    return {
        "story": name,
        "sections": [{"id": str(i), "text": text} for i, text in enumerate(texts, start=1)],
        "questions": [
            {"question": f"What did {hero} keep by the mill?", "answers": ["a goat", "a black goat", "a goat"], "sections": ["1"],
             "explicit": True, "kind": "character"},
            {"question": f"Why was the miller cross with {hero}?", "answers": ["his hat was gone"], "sections": ["1", "2"],
             "explicit": False, "kind": "causal relationship"},
        ],
    }  # fmt: skip


def test_stories_become_articles_and_questions_with_their_sections_as_evidence(tmp_path: Path) -> None:
    (tmp_path / "data.jsonl").write_text("\n".join(map(json.dumps, [story("the-goat", "Ole"), story("the-hat", "Kari")])) + "\n")
    folder = write_corpus(load_stories(tmp_path / "data.jsonl"), tmp_path / "corpus")
    articles = {article.id: article for article in load_corpus(folder)}
    questions = load_questions(folder / "questions.jsonl", articles)
    assert [q.type for q in questions] == ["character", "causal relationship, implicit"] * 2
    assert questions[0].answer == ("a goat", "a black goat")
    assert [articles[q.article_id].text[q.start : q.end] for q in questions[1].evidence] == [
        s["text"] for s in story("", "Ole")["sections"]
    ]
    assert articles["the-goat"].title == "The goat"


def test_a_sample_is_seeded_and_takes_its_share_of_every_story() -> None:
    questions = [Question(f"{name}-{i:03}", "action", "What?", True) for name, n in (("long", 80), ("short", 20)) for i in range(n)]
    chosen = sample(questions, 10)
    assert [q.id.split("-")[0] for q in chosen] == ["long"] * 8 + ["short"] * 2
    assert chosen == sample(questions, 10) != sample(questions, 10, seed=1)
    assert sample(questions, None) == questions


def test_each_setting_runs_and_finds_the_section(tmp_path: Path) -> None:
    stories = [story("the-goat", "Ole"), story("the-hat", "Kari")]
    corpora = [write_corpus([one], tmp_path / one["story"]) for one in stories]
    for folders in (corpora, [write_corpus(stories, tmp_path / "all")]):
        found, _ = run(folders, None, WordEmbedder(), SilentReader(), Settings())
        assert found.complete
        assert [result.question.id for result in found.results] == ["the-goat-001", "the-goat-002", "the-hat-001", "the-hat-002"]
        assert all(result.scores["passage recall@1"].value == 1 for result in found.results)
