"""The recipes behind our trained parts: their data, and how a change of weights becomes a small file."""

from __future__ import annotations

import random
from itertools import chain
from pathlib import Path

import pytest
import torch
from safetensors.numpy import load_file

from models.training import events, lexicon
from models.training.export import export
from models.training.generate import stories
from models.training.paraphrase import paraphrase, statement
from models.training.stories import ANSWERS, DOES_NOT, DOUBTFUL, fairytales, label, made
from rag.config import PROJECT
from rag.text import words
from rag.types import Sentence


def sentences(*texts: str) -> list[Sentence]:
    return [Sentence("tale", i, i + 1, text) for i, text in enumerate(texts)]


def test_the_same_seed_makes_the_same_stories() -> None:
    assert list(stories(3, 5)) == list(stories(3, 5))
    assert list(stories(1, 5)) != list(stories(1, 6))


def test_every_question_of_a_made_story_is_answered_by_a_sentence_or_said_not_to_be() -> None:
    for story in stories(20, 1):
        assert all(question.answers or question.kind == "none" for question in story.questions)
        assert all(0 <= i < len(story.sentences) for question in story.questions for i in question.answers)
        assert all(sentence in story.sentences for told in story.told for sentence in told.cited)


def test_the_one_who_did_a_deed_is_named_in_the_sentences_that_tell_it() -> None:
    deeds = [told for story in stories(20, 2) for told in story.told if "'s " not in told.question]
    assert len(deeds) > 50
    assert all(told.reply.split()[0] in " ".join(told.cited) for told in deeds)


def test_made_stories_name_nobody_of_the_bundled_articles() -> None:
    drawn = set(chain(lexicon.WOMEN, lexicon.MEN, lexicon.SURNAMES, lexicon.CITIES))
    assert not drawn & {word for article in (PROJECT / "corpus").glob("*.md") for word in words(article.read_text(encoding="utf-8"))}


def test_a_made_storys_answers_survive_the_cutting_into_sentences() -> None:
    story = next(made(1, 3))
    asked = [a for a in story.asked if a.kind == "who"]
    assert all(a.sure and len(a.labels) == len(story.sentences) for a in asked)


@pytest.mark.parametrize("frame", [*events.TO_PERSON, *events.WITH_THING, *events.ALONE])
def test_every_frame_has_paraphrases_that_read_as_clauses(frame: str) -> None:
    forms = (events.TO_PERSON | events.WITH_THING | events.ALONE)[frame]
    clauses = {form.clause(form.past, "Ruth", "a map", "her") for form in forms}
    assert len(clauses) == len(forms) > 1
    assert not any(set(clause.split()) & {"V", "P", "O", "{h}"} for clause in clauses)


def test_the_sentence_that_holds_the_answer_is_labelled() -> None:
    told = sentences("A king lived in a tower.", "He gave his daughter a golden ring.", "The ring was lost.", "A golden ring lay far away.")
    labels = label("What did the king give his daughter?", ["a golden ring"], told, [True, True, True, False], explicit=True)
    assert labels == [DOES_NOT, ANSWERS, DOUBTFUL, DOES_NOT]


@pytest.mark.parametrize(("answers", "explicit"), [(["a golden ring"], False), (["seven swans"], True), (["!"], True)])
def test_where_no_sentence_can_be_told_the_section_is_in_doubt(answers: list[str], explicit: bool) -> None:
    told = sentences("A king lived in a tower.", "He wept.", "A golden ring lay far away.")
    assert label("What did he find?", answers, told, [True, True, False], explicit=explicit) == [DOUBTFUL, DOUBTFUL, DOES_NOT]


def test_a_fairy_tale_keeps_its_sections_and_questions(tmp_path: Path) -> None:
    line = (
        '{"story": "the-ring", "sections": [{"id": "1", "text": "A king lived here."}, {"id": "2", "text": "He lost a ring."}], '
        '"questions": [{"question": "What did he lose?", "answers": ["a ring"], "sections": ["2"], "explicit": true, "kind": "action"}]}'
    )
    (tmp_path / "train.jsonl").write_text(line + "\n")
    (story,) = fairytales(tmp_path / "train.jsonl")
    assert [s.text for s in story.sentences] == ["A king lived here.", "He lost a ring."]
    assert story.asked[0].labels == (DOES_NOT, ANSWERS)


def test_a_paraphrase_uses_other_words() -> None:
    found = {paraphrase("Why did the king leave the castle?", random.Random(seed), share=1.0) for seed in range(20)}
    assert len(found) > 5
    assert not any("king leave the castle" in question for question in found)


@pytest.mark.parametrize(
    ("question", "answer", "said"),
    [
        ("Who found the ring?", "a fisherman", "A fisherman found the ring."),
        ("Why was he sad?", "He had lost it", "Because he had lost it."),
        ("Where did it lie?", "in the well.", "In the well."),
    ],
)
def test_an_answer_becomes_a_sentence(question: str, answer: str, said: str) -> None:
    assert statement(question, answer) == said


def test_a_change_of_low_rank_is_exported_whole_and_scaled(tmp_path: Path) -> None:
    base = {"layer.weight": torch.zeros(6, 4), "layer.bias": torch.zeros(6), "still": torch.ones(2, 2)}
    change = torch.outer(torch.arange(6.0), torch.ones(4))
    trained = {"layer.weight": change, "layer.bias": torch.ones(6), "still": torch.ones(2, 2)}
    path = tmp_path / "part.safetensors"
    kept = export(base, trained, {"gate": torch.ones(1)}, path, rank=1, share=0.5)
    tensors = load_file(path)
    assert kept == pytest.approx(1.0)
    assert tensors["layer.weight|up"] @ tensors["layer.weight|down"] == pytest.approx(0.5 * change.numpy(), abs=0.01)
    assert set(tensors) == {"gate", "layer.weight|up", "layer.weight|down", "layer.bias|add"}
