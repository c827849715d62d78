"""Footnote: answers from a small set of articles, with a footnote on every claim.

>>> from rag import answer
>>> print(answer("Who kidnapped Milo?"))  # doctest: +SKIP
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rag.errors import RagError
from rag.types import Answer, Citation, Claim

if TYPE_CHECKING:
    from rag.pipeline import Assistant

__all__ = ["Answer", "Assistant", "Citation", "Claim", "RagError", "answer"]
__version__ = "0.1.0"

_shared: list[Assistant] = []
_lock = threading.Lock()


def answer(question: str, history: Sequence[Mapping[str, str]] | None = None) -> Answer:
    """Return the answer to a question from the default corpus, by one Assistant shared by all callers.

    See `Assistant.answer` for the history and the errors.
    """
    from rag.pipeline import Assistant

    with _lock:
        if not _shared:
            _shared.append(Assistant())
    return _shared[0].answer(question, history)


def __getattr__(name: str) -> Any:
    """Import Assistant when it is first asked for, so that `import rag` stays instant."""
    if name == "Assistant":
        from rag.pipeline import Assistant

        return Assistant
    raise AttributeError(f"module 'rag' has no attribute {name!r}")
