"""The recipe of the reader's adapter: its data, and whether what is written does in llama.cpp what it does in transformers."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path

import pytest

from models.training import events, lexicon
from models.training.examples import Example, examples
from models.training.generate import stories
from models.training.tales import answering, fairytales, statement
from rag import prompts
from rag.config import PROJECT
from rag.text import words
from rag.types import Sentence
from rag.verifier import SUPPORT_FLOOR, verify


def sentences(*texts: str) -> list[Sentence]:
    return [Sentence("tale", i, i + 1, text) for i, text in enumerate(texts)]


def test_the_same_seed_makes_the_same_stories() -> None:
    assert list(stories(3, 5)) == list(stories(3, 5))
    assert list(stories(1, 5)) != list(stories(1, 6))


def test_what_bears_a_reply_stands_in_its_story() -> None:
    assert all(sentence in story.sentences for story in stories(20, 1) for told in story.told for sentence in told.cited)


def test_the_one_who_did_a_deed_is_named_in_the_sentences_that_tell_it() -> None:
    deeds = [told for story in stories(20, 2) for told in story.told if told.cited and "'s " not in told.question]
    assert len(deeds) > 50
    assert all(told.reply.split()[0] in " ".join(told.cited) for told in deeds)


def test_made_stories_name_nobody_of_the_bundled_articles() -> None:
    drawn = set(chain(lexicon.WOMEN, lexicon.MEN, lexicon.SURNAMES, lexicon.CITIES))
    assert not drawn & {word for article in (PROJECT / "corpus").glob("*.md") for word in words(article.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("frame", [*events.TO_PERSON, *events.WITH_THING, *events.ALONE])
def test_every_frame_has_paraphrases_that_read_as_clauses(frame: str) -> None:
    forms = (events.TO_PERSON | events.WITH_THING | events.ALONE)[frame]
    clauses = {form.clause(form.past, "Ruth", "a map", "her") for form in forms}
    assert len(clauses) == len(forms) > 1
    assert not any(set(clause.split()) & {"V", "P", "O", "{h}"} for clause in clauses)


def test_the_sentence_that_shares_most_with_answer_and_question_is_the_one_that_answers() -> None:
    told = sentences("A king lived in a tower.", "A golden ring lay far away.", "He gave his daughter a golden ring.")
    assert answering("What did the king give his daughter?", ["a golden ring"], told) is told[2]


@pytest.mark.parametrize("answers", [["seven swans"], ["!"]])
def test_where_no_sentence_gives_the_answer_there_is_none(answers: list[str]) -> None:
    assert answering("What did he find?", answers, sentences("A king lived in a tower.", "He wept.")) is None


def test_tales_give_explicit_questions_and_sentences_of_other_sections(tmp_path: Path) -> None:
    asked = {"question": "What did he lose?", "answers": ["a ring"], "sections": ["2"], "explicit": True}
    tale = {
        "sections": [{"id": "1", "text": "A king lived here."}, {"id": "2", "text": "He lost a ring. He wept for it."}],
        "questions": [asked, {**asked, "question": "How did he feel?", "explicit": False}],
    }
    (tmp_path / "train.jsonl").write_text("\n".join([json.dumps(tale)] * 2))
    (found,) = fairytales(tmp_path / "train.jsonl", 1)
    assert (found.question, found.answer, found.right, found.others) == (
        "What did he lose?", "a ring", "He lost a ring.", ("A king lived here.",),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("question", "answer", "said"),
    [
        ("Who found the ring?", "a fisherman", "A fisherman found the ring."),
        ("Why was he sad?", "He had lost it", "Because he had lost it."),
        ("Why was he sad?", "Ruth had lost it", "Because Ruth had lost it."),
        ("Where did it lie?", "in the well.", "In the well."),
    ],
)
def test_an_answer_becomes_a_sentence(question: str, answer: str, said: str) -> None:
    assert statement(question, answer) == said


def test_every_reply_to_learn_points_at_a_sentence_shown_or_refuses() -> None:
    found = examples([], stories(12, 3), 3)
    refusals = [example for example in found if example.reply == prompts.REFUSAL]
    assert 0.05 < len(refusals) / len(found) < 0.5
    for example in found:
        shown = example.messages[-1]["content"].split("\n")[:-1]
        reading = prompts.parse_reading(example.reply, len(shown))
        if example not in refusals:
            assert reading.pointed
            assert reading.text


def test_no_reply_is_taught_that_the_verifier_would_not_show() -> None:
    told = [t for story in stories(12, 3) for t in story.told if t.cited]
    passing = [t for t in told if verify(t.reply, t.cited[-1], question=t.question, context=t.cited[0]).support >= SUPPORT_FLOOR]
    taught = {example.reply.partition("] ")[2] for example in examples([], stories(12, 3), 3)}
    assert 0 < len(passing) < len(told)
    assert taught <= {t.reply for t in passing} | {prompts.REFUSAL.partition("] ")[2]}


@pytest.mark.real
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks transformers by an old name
def test_an_adapter_is_trained_and_does_in_llama_cpp_what_it_does_in_transformers(tmp_path: Path) -> None:
    """Rounding alone makes a difference of 0.05, with and without an adapter; rows of q and k in another order make 0.5."""
    pytest.importorskip("peft", reason='pip install -e ".[train]"')
    pytest.importorskip("gguf", reason='pip install -e ".[train]"')
    import torch

    from models.training import reader

    torch.manual_seed(0)
    asked = Example([{"role": "user", "content": "[1] Ruth sang on the roof.\nQuestion: Who sang?"}], "[1] Ruth sang.")
    tokenizer, model = reader.base_model()
    model = reader.with_adapter(model)
    free = {name: value for name, value in model.named_parameters() if ".lora_B." in name}
    reader.train(model, tokenizer, [asked], steps=1, batch=1, device="cpu")
    assert all(value.any() for value in free.values())  # an adapter begins as no change at all
    for value in free.values():
        value.data = 0.2 * torch.randn_like(value)  # what it says is nonsense, and far from the base
    reader.write_adapter(model, tmp_path / "adapter.gguf")
    found = reader.agreement(model.eval(), tokenizer, tmp_path / "adapter.gguf", asked)
    assert found.effect > 0.5
    assert found.difference < 0.2 * found.effect
