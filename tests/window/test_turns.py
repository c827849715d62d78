"""A conversation to JSON, to Markdown, and back; suggestions; feedback."""

from __future__ import annotations

import json
from pathlib import Path

from rag.types import Answer, Article, Citation, Claim, Evidence, Passage, Sentence
from rag.window import feedback
from rag.window.export import as_json, as_markdown
from rag.window.suggest import Suggestions
from rag.window.turns import MOST_TURNS, PASSAGES_KEPT, Turn, dump_turns, history, load_turns

CITED = Citation(1, "harbour", "The *harbour* fire", 3, 9, "12 boats", "https://example.org/fire", "The Gull", "2024-05-02", "retelling")
ANSWER = Answer(
    text="12 boats burned. [1]", question="How many boats?", claims=(Claim("12 boats burned.", (CITED,), 0.9, "supported"),),
    passages=tuple(Passage("harbour", i, i + 5, "12 boats", score=0.5) for i in range(5)),
    evidence=(Evidence(Sentence("harbour", 3, 9, "12 boats"), 0.5, {"sentence": 0.4}),), timings={"total": 1.5}, model="tiny",
)  # fmt: skip


def test_a_conversation_survives_the_way_to_the_browser_and_back() -> None:
    turns = (Turn("How many boats?", ANSWER, "answered", rating="up"), Turn("And?", ending="failed", problem="It broke."))
    kept = load_turns(json.loads(json.dumps(dump_turns(turns))))
    assert kept == tuple(turn.kept() for turn in turns)
    assert kept[0].answer.claims == ANSWER.claims
    assert len(kept[0].answer.passages) == PASSAGES_KEPT


def test_what_is_no_turn_is_left_out() -> None:
    good = dump_turns([Turn("Really?")])
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    broken = [None, 7, "x", [], {"question": 3}, {"question": "?", "ending": "won"}, {"question": "?", "answer": {"claims": deep}}]
    assert load_turns([*broken, *good]) == (Turn("Really?"),)
    assert load_turns({"question": "x"}) == load_turns("x") == load_turns(None) == ()


def test_the_oldest_turns_are_forgotten_first() -> None:
    turns = [Turn(f"Question {i}") for i in range(MOST_TURNS + 5)]
    assert next(turn["question"] for turn in dump_turns(turns)) == "Question 5"
    assert len(load_turns(dump_turns(turns))) == MOST_TURNS


def test_the_history_holds_questions_and_given_answers() -> None:
    assert history([Turn("How many boats?", ANSWER, "answered"), Turn("And?", ending="stopped")]) == [
        {"role": "user", "content": "How many boats?"},
        {"role": "assistant", "content": "12 boats burned. [1]"},
        {"role": "user", "content": "And?"},
    ]


def test_markdown_numbers_footnotes_through_the_conversation_and_keeps_text_as_text() -> None:
    text = as_markdown(
        [Turn("1. <b>How</b> many?", ANSWER, "answered"), Turn("Again?", ANSWER, "answered"), Turn("Stop", ending="stopped")]
    )
    assert "## 1\\. \\<b\\>How\\</b\\> many?" in text
    assert "12 boats burned.[^1]\n" in text
    assert "12 boats burned.[^2]\n" in text
    assert "[^2]: The Gull, The \\*harbour\\* fire, 2024-05-02 (retelling): “12 boats” <https://example.org/fire>" in text
    assert "*Stopped before the answer was complete.*" in text


def test_markdown_links_to_web_addresses_only() -> None:
    evil = Citation(1, "x", "X", 0, 1, "q", "javascript:alert(1)")
    assert "javascript" not in as_markdown([Turn("?", Answer("", "", (Claim("c", (evil,), 1.0, "quoted"),)), "answered")])


def test_json_holds_every_answer_in_full() -> None:
    (turn,) = json.loads(as_json([Turn("How many boats?", ANSWER, "answered", rating="down")]))["turns"]
    assert turn["answer"] == json.loads(json.dumps(ANSWER.to_dict()))
    assert (turn["rating"], turn["ending"]) == ("down", "answered")


def suggestions(folder: Path, *records: dict[str, object]) -> Suggestions:
    (folder / "questions.jsonl").write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    return Suggestions.of_corpus(folder)


def question(text: str, kind: str = "fact", *, answerable: bool = True, quote: str = "", **more: object) -> dict[str, object]:
    return {"question": text, "type": kind, "answerable": answerable, "evidence": [{"article": "a", "quote": quote}], **more}


def test_starters_are_answerable_stand_alone_and_differ_in_kind(tmp_path: Path) -> None:
    found = suggestions(
        tmp_path, question("What burned?"), question("Who saw it?"), question("Why did it burn?", "why_how"), question("no capital?"),
        question("Not a question"), question("Who lied?", "false_premise"), question("Who flew?", answerable=False),
        question("And he?", history=[{"role": "user", "content": "x"}]), question("W" + "h" * 100 + "?"),
    )  # fmt: skip
    assert found.starters(2) == ["Why did it burn?", "What burned?"]
    assert found.starters(9) == ["Why did it burn?", "What burned?", "Who saw it?"]


def test_follow_ups_are_near_the_answer_and_were_not_asked(tmp_path: Path) -> None:
    found = suggestions(
        tmp_path,
        question("Who repaired the clock?", quote="Ivo repaired the clock."),
        question("How many boats were lost?", quote="12 boats"),
        question("Which boats sank first?", quote="The fishing boats sank first."),
        question("Where did the ice house stand?", quote="It burned."),
    )
    assert found.after(ANSWER, ["How many boats?"], 2) == ["Which boats sank first?", "Where did the ice house stand?"]


def test_a_corpus_without_usable_questions_suggests_none(tmp_path: Path) -> None:
    assert Suggestions.of_corpus(tmp_path).starters() == []
    (tmp_path / "questions.jsonl").write_text('{"question": "broken', encoding="utf-8")
    assert Suggestions.of_corpus(tmp_path).starters() == []
    assert Suggestions.of_corpus(tmp_path).after(ANSWER, []) == []


def test_headings_that_ask_something_are_suggested_where_there_is_no_question_file() -> None:
    text = "Intro words.\n\n## What burned?\n\nThe 12 boats burned.\n\n## The end\n\nAll went home.\n\n## Who went home?\n\nAll of them.\n"
    found = Suggestions.of_articles([Article("harbour", "The fire", text)])
    assert found.starters() == ["What burned?", "Who went home?"]
    assert found.after(ANSWER, ["Who went home?"]) == ["What burned?"]


def test_feedback_is_appended_and_bounded(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "feedback.jsonl"
    assert feedback.keep(Turn("Q", ANSWER, "answered", rating="up"), "r" * 5000, file)
    assert feedback.keep(Turn("Q", rating="down"), "", file)
    records = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [record["rating"] for record in records] == ["up", "down"]
    assert len(records[0]["reason"]) == feedback.LONGEST_REASON
    with file.open("r+b") as stream:
        stream.truncate(feedback.LARGEST_FILE)
    assert not feedback.keep(Turn("Q", rating="up"), "", file)
    assert not feedback.keep(Turn("Q", rating="up"), "", tmp_path)
