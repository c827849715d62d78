"""One question at a time to the Assistant: waiting in line, stopping, and errors as sentences."""

from __future__ import annotations

import logging
import threading
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace

from rag.errors import RagError
from rag.pipeline import Assistant, History
from rag.types import Answer, Claim, Event
from rag.window.turns import Turn, history

logger = logging.getLogger(__name__)

UNEXPECTED = "Something went wrong in Footnote itself. The terminal it runs in says more; asking again may help."
_POLL = 0.1
"""Seconds between two looks at the stop flag while another question is being answered."""

MOST_PROGRAMS = 16
"""Questions of programs that may stand in line; pages have Gradio's queue before them."""

Step = tuple[Turn, Event | None]


class Desk:
    """Takes questions from every page and program and puts one at a time to the assistant."""

    def __init__(self, assistant: Assistant) -> None:
        self.assistant = assistant
        self._places = threading.Semaphore(MOST_PROGRAMS)
        self._line = threading.Semaphore(1)  # released by any thread: Gradio steps a generator on many
        self._running: dict[str, threading.Event] = {}

    def answer(self, question: str, earlier: History | None = None) -> Answer:
        """Return an answer to a program, after those asked before.

        Raises:
            RagError: MOST_PROGRAMS questions of programs are waiting already, or as `Assistant.answer` does.
        """
        if not self._places.acquire(blocking=False):
            raise RagError(f"{MOST_PROGRAMS} questions are waiting already. Ask again in a moment.")
        try:
            with self._line:
                return self.assistant.answer(question, earlier)
        finally:
            self._places.release()

    def stop(self, session: str) -> bool:
        """Stop what a session is asking, within one token; tell whether it was asking anything."""
        flag = self._running.get(session)
        if flag:
            flag.set()
        return flag is not None

    def ask(self, session: str, question: str, before: Sequence[Turn]) -> Generator[Step, None, None]:
        """Yield the turn as it grows, with the event that it has come to (None while it waits in line); it never raises.

        The last step is settled: answered, stopped or failed. A session asks one question at a time: a second one stops
        the first, which then ends without a last step. Closing the generator frees the model.
        """
        self.stop(session)
        flag = self._running[session] = threading.Event()
        mine = self._line.acquire(blocking=False)
        try:
            while not (mine or flag.is_set()):
                yield Turn(question), None
                mine = self._line.acquire(timeout=_POLL)
            for step in self._grow(question, before, flag):
                if self._running[session] is not flag:
                    return
                yield step
        finally:
            if mine:
                self._line.release()
            if self._running.get(session) is flag:
                del self._running[session]

    def _grow(self, question: str, before: Sequence[Turn], flag: threading.Event) -> Iterator[Step]:
        turn, claims = Turn(question), list[Claim]()
        try:
            for event in self._events(question, before, flag):
                if event.claim:
                    claims.append(event.claim)
                    turn = Turn(question, _so_far(question, claims))
                if event.answer:
                    turn = Turn(question, event.answer, "answered")
                yield turn, event
            if turn.ending != "answered":
                yield replace(turn, ending="stopped"), None
        except RagError as error:
            yield Turn(question, ending="failed", problem=str(error)), None
        except Exception:
            logger.exception("A question could not be answered.")
            yield Turn(question, ending="failed", problem=UNEXPECTED), None

    def _events(self, question: str, before: Sequence[Turn], flag: threading.Event) -> Iterator[Event]:
        """Yield the assistant's events until they end or the flag is set; then the model is free."""
        events = self.assistant.stream(question, history(before)) if not flag.is_set() else iter(())
        try:
            for event in events:
                yield event
                if flag.is_set():
                    return
        finally:
            if isinstance(events, Generator):
                events.close()  # stops the model


def _so_far(question: str, claims: Sequence[Claim]) -> Answer:
    """Return what has been verified until now as an Answer, for a page to show and a stopped turn to keep."""
    text = "\n\n".join(f"{claim.text} {''.join(f'[{c.number}]' for c in claim.citations)}" for claim in claims)
    return Answer(text=text, question=question, claims=tuple(claims))
