"""One model for all: questions stand in line, stop within a token, and end in words. Rows S3, S9, S10."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rag.config import Settings
from rag.errors import RagError
from rag.pipeline import Assistant
from rag.window.answering import MOST_PROGRAMS, UNEXPECTED, Desk
from rag.window.turns import Turn
from tests.conftest import QueueReader, WordEmbedder
from tests.window.conftest import BELL
from tests.window.fakes import ScriptedAssistant


class EndlessReader:
    """Writes one token after another until it is closed."""

    name = "endless"
    fluent = True

    def __init__(self) -> None:
        self.tokens = 0
        self.closed = 0

    def generate(self, messages: Sequence[Mapping[str, str]], /, *, grammar: str, max_tokens: int) -> Iterator[str]:
        try:
            while True:
                self.tokens += 1
                yield "word "
        finally:
            self.closed += 1


def test_stopping_frees_the_reader_within_one_token(settings: Settings) -> None:
    """Row S3."""
    reader = EndlessReader()
    desk = Desk(Assistant(settings=settings, embedder=WordEmbedder(), reader=reader))
    steps = desk.ask("here", "Who rang the bell in the harbour?", ())
    while reader.tokens < 5:
        next(steps)
    assert desk.stop("here")
    *_, (turn, event) = steps
    assert (turn.ending, event) == ("stopped", None)
    assert reader.tokens <= 6
    assert reader.closed == 1
    assert not desk.stop("here")


def test_leaving_in_the_middle_frees_the_reader_and_the_line(settings: Settings) -> None:
    """Row G9."""
    reader = EndlessReader()
    desk = Desk(Assistant(settings=settings, embedder=WordEmbedder(), reader=reader))
    steps = desk.ask("here", "Who rang the bell in the harbour?", ())
    while reader.tokens < 3:
        next(steps)
    steps.close()
    assert reader.closed == 1
    desk.assistant = Assistant(settings=settings, embedder=WordEmbedder(), reader=QueueReader("[1] Mara Quist rang the bell."))
    *_, (turn, _) = desk.ask("there", "Who rang the bell in the harbour?", ())
    assert turn.ending == "answered"


def test_claims_arrive_one_by_one_and_the_answer_last(scripted: ScriptedAssistant) -> None:
    steps = [(len(turn.answer.claims) if turn.answer else 0, turn.ending) for turn, _ in Desk(scripted).ask("here", BELL, ())]
    assert [count for count, _ in steps] == sorted(count for count, _ in steps)
    assert (1, "interrupted") in steps
    assert steps[-1] == (2, "answered")


def test_a_second_question_waits_until_the_first_has_ended_and_can_be_stopped_while_it_waits(scripted: ScriptedAssistant) -> None:
    desk = Desk(scripted)
    first = desk.ask("a", "Read slowly, please", ())
    next(first)
    second = desk.ask("b", BELL, ())
    assert next(second) == (Turn(BELL), None)
    desk.stop("b")
    *_, (turn, _) = second
    assert turn.ending == "stopped"
    desk.stop("a")
    *_, (turn, _) = first
    assert turn.ending == "stopped"
    *_, (turn, _) = desk.ask("b", BELL, ())
    assert turn.ending == "answered"


def test_another_question_of_the_same_page_takes_the_place_of_the_first(scripted: ScriptedAssistant) -> None:
    desk = Desk(scripted)
    first = desk.ask("a", "Read slowly, please", ())
    next(first)
    second = desk.ask("a", BELL, ())
    assert next(second)[1] is None
    assert list(first) == []
    *_, (turn, _) = second
    assert turn.ending == "answered"


def test_the_answers_of_eight_pages_and_a_program_do_not_mix(scripted: ScriptedAssistant) -> None:
    """Row S10."""
    desk, seen = Desk(scripted), {}

    def ask(session: str) -> None:
        *_, (turn, _) = desk.ask(session, BELL if session > "d" else "What colour is the sky?", ())
        seen[session] = turn

    threads = [threading.Thread(target=ask, args=(session,)) for session in "abcdefgh"]
    for thread in threads:
        thread.start()
    assert len(desk.answer(BELL).claims) == 2
    for thread in threads:
        thread.join()
    assert {session for session, turn in seen.items() if turn.answer.refused} == set("abcd")


def test_programs_beyond_those_that_can_stand_in_line_are_turned_away(scripted: ScriptedAssistant) -> None:
    """Row S2."""
    desk, turned_away = Desk(scripted), []
    holding = desk.ask("page", "Read slowly, please", ())
    next(holding)

    def ask() -> None:
        try:
            desk.answer(BELL)
        except RagError as error:
            turned_away.append(str(error))

    threads = [threading.Thread(target=ask) for _ in range(MOST_PROGRAMS + 3)]
    for thread in threads:
        thread.start()
    while len(turned_away) < 3:
        time.sleep(0.01)
    holding.close()
    for thread in threads:
        thread.join()
    assert turned_away == [f"{MOST_PROGRAMS} questions are waiting already. Ask again in a moment."] * 3
    assert desk.answer(BELL).claims


def test_what_goes_wrong_is_told_in_our_own_words_only(tmp_path: Path, harbour: Path) -> None:
    """No path, no trace: row S9."""
    broken = ScriptedAssistant(harbour, tmp_path / "index")
    *_, (turn, _) = Desk(broken).ask("here", "Please fail", ())
    assert (turn.ending, turn.problem) == ("failed", "The model <b>broke</b>. Ask again.")
    broken.script["Odd"] = None  # cannot be unpacked
    *_, (turn, _) = Desk(broken).ask("here", "Odd", ())
    assert (turn.ending, turn.problem) == ("failed", UNEXPECTED)
