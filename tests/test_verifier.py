"""The claim verifier: one sentence a check, and its error on two hand-labelled sets."""

from __future__ import annotations

import json
from collections import Counter
from functools import lru_cache
from pathlib import Path

import pytest

from rag.chunking import split_article
from rag.config import PROJECT
from rag.corpus import load_corpus
from rag.types import Sentence
from rag.verifier import SUPPORT_FLOOR, verify

DATA = Path(__file__).parent / "data"


def shown(claim: str, cited: str, *, question: str = "", context: str = "") -> bool:
    return verify(claim, cited, question=question, context=context).support >= SUPPORT_FLOOR


@pytest.mark.parametrize("text", ["No boat sank.", "Mara may have sung.", "(The bell, Tove claims, never rang, so the crew slept on.)"])
def test_a_sentence_supports_itself(text: str) -> None:
    assert verify(text, text).support == 1.0


@pytest.mark.parametrize(
    ("claim", "cited"),
    [
        ("Mara Quist rang the bell.", "Mara Quist (Ida Roth), a welder, rang the bell and woke the crews."),
        ("Mara woke the crews.", "Mara, a welder, rang the bell and woke the crews."),
        ("Tove repaired the boat.", "Mara sang, and Tove repaired the boat."),
        ("The mill burned.", "The mill burned; Tove thinks that Mara lit the fire."),
    ],
)
def test_a_trimmed_clause_is_supported(claim: str, cited: str) -> None:
    assert shown(claim, cited)


@pytest.mark.parametrize(
    ("claim", "cited"),
    [
        ("Tove stole the car.", "Tove robbed Mara of her car."),
        ("The mill was closed by Mara.", "Mara closed the mill."),
        ("Tove did not find the mill.", "Tove never found the mill."),
        ("Tove had twelve boats.", "Tove had 12 boats."),
    ],
)
def test_the_same_in_other_words_is_supported(claim: str, cited: str) -> None:
    assert shown(claim, cited)


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        ("18 boats burned in the harbour.", "the number 18 is not in the cited text"),
        ("Tove's boats burned in the harbour.", "Tove is not in the cited text"),
        ("Priceless boats burned in the harbour.", "Priceless is not in the cited text"),
    ],
)
def test_a_reason_names_what_is_missing(claim: str, reason: str) -> None:
    verdict = verify(claim, "Twelve boats burned in the harbour.")
    assert verdict.support < SUPPORT_FLOOR
    assert reason in verdict.reasons


@pytest.mark.parametrize(
    ("claim", "cited"),
    [
        ("Everybody expected the flood.", "Nobody expected the flood."),
        ("The police have found the boat.", "The police have no trace of the boat."),
        ("The evidence was strong enough for a trial.", "The evidence was too weak for a trial."),
        ("The boat did not sink.", "The boat did sink, but nobody drowned."),
    ],
)
def test_a_turned_denial_is_not_supported(claim: str, cited: str) -> None:
    assert not shown(claim, cited)


@pytest.mark.parametrize(
    "cited",
    [
        "Mara thought that Tove burned the mill.",
        "Tove presumably burned the mill.",
        "Tove is said to have burned the mill.",
        "Tove, the court alleged, burned the mill.",
        "Tove may have burned the mill.",
    ],
)
def test_a_view_is_no_fact(cited: str) -> None:
    assert not shown("Tove burned the mill.", cited)


def test_a_view_may_be_told_as_a_view() -> None:
    assert shown("Mara believes that Tove burned the mill.", "Mara thought that Tove burned the mill.")


@pytest.mark.parametrize(
    ("claim", "cited"),
    [
        ("Tove shot Mara.", "Mara shot Tove."),
        ("Tove shot Mara.", "Tove was shot by Mara."),
        ("Tove woke the crew.", "Tove heard that Mara rang the bell and woke the crew."),
        ("Tove, who rowed, saved Mara.", "Mara saved Tove, who rowed."),
        ("Tove's father sank.", "Mara's father sank as Tove looked on."),
        ("She thanks her brother Ulf.", "She and Ulf thank her brother Sten."),
        ("Ulf kills Sten.", "Sten waits, but Ulf runs, so he kills him."),
    ],
)
def test_swapped_persons_are_not_supported(claim: str, cited: str) -> None:
    assert not shown(claim, cited)


def test_a_performer_belongs_to_the_name_before_the_brackets() -> None:
    cited = "Vera (Ida Roth) hires the diver Lund (Otto Lisle)."
    assert shown("Ida Roth plays Vera.", cited)
    assert not shown("Otto Lisle plays Vera.", cited)


def test_a_pronoun_of_the_cited_text_may_stand_for_a_name_of_the_context() -> None:
    assert shown("Mara rang the bell.", "She rang the bell.", context="Mara saw the fire.")
    assert not shown("Mara rang the bell.", "Tove says she rang the bell.", context="Mara saw the fire.")


@pytest.mark.parametrize(
    ("question", "phrase", "supported"),
    [
        ("Who shot Tove?", "Mara.", True),
        ("Who shot Tove?", "Tove.", False),
        ("Who was shot by Mara?", "Tove.", True),
        ("When did Mara shoot Tove?", "On Monday.", True),
        ("When did Mara shoot Tove?", "With a bow.", False),
    ],
)
def test_a_phrase_must_fill_the_gap_of_its_question(question: str, phrase: str, supported: bool) -> None:
    assert shown(phrase, "On Monday Mara shot Tove with a bow.", question=question) is supported


def test_another_cause_is_not_supported() -> None:
    assert not shown("The mill closed because Tove fell ill.", "The mill closed because the river froze, and Tove fell asleep.")


def test_near_words_count_for_what_is_done_but_not_for_things() -> None:
    def always_near(_one: str, _other: str) -> float:
        return 0.9

    assert verify("Tove mended boats.", "Tove repaired boats.", similar=always_near).support >= SUPPORT_FLOOR
    assert verify("Tove repaired carts.", "Tove repaired boats.", similar=always_near).support < SUPPORT_FLOOR


@pytest.mark.parametrize("claim", ["", "It was.", "?!", "word " * 500])
def test_a_claim_that_cannot_be_checked_is_not_supported(claim: str) -> None:
    verdict = verify(claim, "A word about Tove.")
    assert verdict.support == 0.0
    assert verdict.reasons


def _context(article: str, cited: str) -> str:
    """Return heading and previous sentence of the first sentence that a cited text shares, at its beginning or its end."""
    flat = [(" ".join(sentence.text.split()), sentence) for sentence in _sentences()[article]]
    first = next(s for text, s in flat if (len(text) > 20 and text[:30] in cited) or cited[-30:] in text)
    return f"{first.section}\n{first.previous}"


@lru_cache
def _sentences() -> dict[str, tuple[Sentence, ...]]:
    return {article.id: split_article(article)[1] for article in load_corpus(PROJECT / "corpus")}


@pytest.mark.parametrize(("name", "bar"), [("verifier_pairs.jsonl", 0.88), ("verifier_pairs_other.jsonl", 0.93)])
def test_balanced_accuracy_on_hand_labelled_pairs_stays_above_its_bar(name: str, bar: float) -> None:
    pairs = [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]
    right, total = Counter[tuple[str, bool]](), Counter[tuple[str, bool]]()
    for pair in pairs:
        context = pair["context"] if "context" in pair else _context(pair["article"], pair["cited"])
        key = (pair["kind"], pair["supported"])
        total[key] += 1
        right[key] += shown(pair["claim"], pair["cited"], question=pair["question"], context=context) == pair["supported"]
    recalls = [sum(right[k] for k in total if k[1] is s) / sum(total[k] for k in total if k[1] is s) for s in (True, False)]
    table = "\n".join(f"{kind:28} {right[kind, s]:3} of {total[kind, s]}" for kind, s in sorted(total))
    assert sum(recalls) / 2 >= bar, f"recall of supported and unsupported {recalls}\n{table}"
