"""Select, verify, reconcile, refuse."""

from __future__ import annotations

import pytest

from rag import grounding, questions
from rag.types import Article, Evidence, Sentence
from rag.verifier import SUPPORT_FLOOR, verify

VOCABULARY = frozenset("mara quist ring bell boat 12".split())


def evidence(text: str, article: str = "a", score: float = 0.8, cosine: float = 0.7, start: int = 0) -> Evidence:
    return Evidence(Sentence(article, start, start + len(text), text), score, {"sentence": cosine}, (start, start + len(text)))


def test_a_far_off_question_is_not_answerable() -> None:
    assert not grounding.answerable("what is it", [evidence("Mara rang the bell.", cosine=0.1)], VOCABULARY)
    assert grounding.answerable("what is it", [evidence("Mara rang the bell.")], VOCABULARY)


@pytest.mark.parametrize("question", ["Who plays Siobhan in it?", "Who won in 2018?"])
def test_a_name_or_a_number_that_no_article_holds_is_not_answerable(question: str) -> None:
    assert not grounding.answerable(question, [evidence("Mara rang the bell.")], VOCABULARY)


def test_a_name_one_letter_off_is_that_name_misspelt() -> None:
    found = [evidence("Mara Quist rang the bell.")]
    assert grounding.answerable("Why did Mara Quisst ring the bell?", found, VOCABULARY)
    assert not grounding.answerable("Why did Mara Twist ring the bell?", found, VOCABULARY)
    assert not grounding.answerable("Why did Mara Twist ring the bell?", found, VOCABULARY | {""})


@pytest.mark.parametrize(
    ("question", "sentence", "previous", "told"),
    [
        ("Who is Mara?", "Mara Quist (Ada Lund), a welder, rang the bell.", "", True),
        ("who's mara", "Her aunt, Mara, rang the bell.", "", True),
        ("What is a weir?", "It is a low dam.", "The crews met at the weir.", True),
        ("What is a weir?", "It is a low dam.", "The crews met at the quay.", False),
        ("Who is Mara?", "Mara rang the bell.", "", False),
        ("Who is she?", "Mara is a welder.", "", False),
        ("Who is the welder?", "Mara is the welder.", "", False),
        ("What is Mara afraid of?", "Mara is a welder.", "", False),
    ],
)
def test_a_sentence_says_who_or_what_something_is(question: str, sentence: str, previous: str, told: bool) -> None:
    asked = questions.asked_for(question)
    assert (asked == "definition" and questions.fits(asked, question, sentence, previous) == 1) is told


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("Who composed the hymn?", "composed"),
        ("and who composed it?", "composed"),
        ("Where was the bell cast?", None),
        ("Where was the bell mended?", "mended"),
        ("Who is Mara?", None),
        ("Who did Mara meet?", None),
        ("Who gets asked about the bell?", None),
    ],
)
def test_a_question_names_what_somebody_did_or_does_not(question: str, named: str | None) -> None:
    span = questions.deed(question)
    assert (question[slice(*span)] if span else None) == named


def test_who_did_what_no_sentence_tells_of_is_not_answerable() -> None:
    found = [evidence("Mara rang the bell.")]
    assert not grounding.answerable("Who composed the bell?", found, VOCABULARY, deed=0.2)
    assert grounding.answerable("Who rang the bell?", found, VOCABULARY, deed=0.9)


@pytest.mark.parametrize(
    ("question", "sentence", "unmeasured"),
    [
        ("How much was the ransom?", "Mara paid a ransom of 40 crowns.", False),
        ("How much was the ransom?", "Mara paid the ransom while Ivo, who had come over the ice from the island, turned 6.", True),
        ("How long was the voyage?", "The voyage took three weeks.", False),
        ("How long was the voyage?", "The voyage was hard.", True),
        ("How old is Mara when the story begins?", "Mara, 41, is a welder.", False),
        ("How long was Mara's voyage?", "Mara, 41, is a welder.", True),
        ("How did Mara get home?", "Mara walked.", False),
    ],
)
def test_a_quantity_is_asked_for_that_no_sentence_gives(question: str, sentence: str, unmeasured: bool) -> None:
    assert questions.unmeasured(question, [sentence]) is unmeasured


def test_the_best_sentence_speaks_alone_where_nothing_else_is_near() -> None:
    groups = grounding.select("Who rang?", [evidence("Mara rang."), evidence("It rained.", "b", score=0.3)])
    assert [[e.sentence.text for e in group] for group in groups] == [["Mara rang."]]


def test_articles_that_say_the_same_share_a_claim() -> None:
    groups = grounding.select(
        "Who rang?", [evidence("Mara Quist rang the bell."), evidence("The bell was rung by Mara Quist.", "b", score=0.79)]
    )
    assert [len(group) for group in groups] == [2]


def test_articles_that_give_other_numbers_are_two_claims_and_a_disagreement() -> None:
    question = "How many boats burned?"
    groups = grounding.select(question, [evidence("The fire took 12 boats."), evidence("The fire took 14 boats.", "b", score=0.79)])
    assert [len(group) for group in groups] == [1, 1]
    assert grounding.disagreement(question, groups)


def test_an_article_that_says_less_is_no_disagreement() -> None:
    question = "What burned?"
    groups = grounding.select(question, [evidence("The ice house and 12 boats burned."), evidence("The boats burned.", "b", score=0.79)])
    assert not grounding.disagreement(question, groups)


def test_a_question_for_several_things_gets_more_than_one_sentence_of_an_article() -> None:
    found = [evidence("Mara rang."), evidence("Tove ran.", score=0.7), evidence("Ivo slept.", score=0.65)]
    assert len(grounding.select("Name two people who helped", found)) == 3
    assert len(grounding.select("Who helped?", found)) == 1


def test_another_article_that_agrees_is_cited_where_a_new_claim_would_be_too_far_off() -> None:
    best, far = evidence("The ice house burned at noon."), 0.7
    agrees, other = evidence("At noon the ice house burned down.", "b", score=far), evidence("The crews drank tea.", "b", score=far)
    assert [len(group) for group in grounding.select("What burned?", [best, agrees])] == [2]
    assert [len(group) for group in grounding.select("What burned?", [best, other])] == [1]


@pytest.mark.parametrize(
    ("question", "several"),
    [
        ("Name both of her boats", True),
        ("Which two people helped?", True),
        ("Who rang, and why did the crews wake?", True),
        ("Why did she swap the two boats?", False),
        ("How many boats burned?", False),
        ("When did All Hands Lost open?", False),
        ("and who helped?", False),
    ],
)
def test_a_question_asks_for_several_things_or_for_one(question: str, several: bool) -> None:
    assert questions.asks_for_several(question) is several


@pytest.mark.parametrize(
    ("claim", "supported"),
    [
        ("Mara Quist rang the bell.", True),
        ("Tove Quist rang the bell.", False),
        ("Mara rang the bell at 9.", False),
        ("Mara did not ring the bell.", False),
        ("", False),
    ],
)
def test_a_claim_passes_only_if_the_cited_text_bears_it(claim: str, supported: bool) -> None:
    cited = "Mara Quist, a welder, rang the bell and woke the crews."
    assert (verify(claim, cited).support >= SUPPORT_FLOOR) is supported


def test_words_the_verifier_rejects_fall_back_to_the_article_itself() -> None:
    source = evidence("Mara Quist rang the bell.")
    assert grounding.draft("Who rang?", [source], "Tove Lind rang it.", [source]).text == "Mara Quist rang the bell."
    assert grounding.draft("Who rang?", [source], "Tove Lind rang it.", [source]).verdict == "quoted"
    assert grounding.draft("Who rang it?", [source], "Mara Quist rang the bell.", [source]).verdict == "supported"


def test_words_that_point_at_nothing_are_never_shown() -> None:
    source = evidence("Mara Quist rang the bell.")
    assert grounding.draft("Who rang?", [source], "Mara Quist rang the bell loudly.", []).verdict == "quoted"


def test_citations_are_cut_from_the_article_and_numbered_once_a_span() -> None:
    text = "It rained. Mara rang the bell. Tove ran."
    source = evidence("Mara rang the bell.", start=11)
    claims = grounding.cite([grounding.Draft("x", (source,)), grounding.Draft("y", (source,))], {"a": Article("a", "A", text)})
    assert [[c.number for c in claim.citations] for claim in claims] == [[1], [1]]
    assert claims[0].citations[0].quote == text[11:30] == "Mara rang the bell."


@pytest.mark.parametrize(
    ("question", "sentence", "unnamed"),
    [
        ("What's the name of Mara's boat?", "Mara's boat, the Petrel, sank.", False),
        ("what is the name of the boat of Mara", "The Petrel, which is her boat, sank.", False),
        ("What is Mara's brother called?", "Mara has a brother and a boat.", True),
        ("What's the name of Mara's firm?", "Mara feared for her firm, said Tove.", True),
        ("Who plays the name of the game?", "Nobody knows.", False),
        ("Who is Mara?", "Nobody knows.", False),
    ],
)
def test_a_name_is_asked_for_that_no_sentence_gives(question: str, sentence: str, unnamed: bool) -> None:
    assert questions.unnamed(question, [sentence]) is unnamed
