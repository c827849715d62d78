"""Likes and dislikes to a file on this machine, one JSON object a line, and nowhere else."""

from __future__ import annotations

import json
import logging
import threading
from datetime import datetime, timezone
from pathlib import Path

from platformdirs import user_data_path

from rag.window.turns import Turn

logger = logging.getLogger(__name__)

LONGEST_REASON = 1000
LARGEST_FILE = 10 * 1024 * 1024
_lock = threading.Lock()


def feedback_file() -> Path:
    """Return where feedback is kept: `feedback.jsonl` in the user's data folder of Footnote."""
    return user_data_path("footnote", appauthor=False) / "feedback.jsonl"


def keep(turn: Turn, reason: str, file: Path) -> bool:
    """Append a rated turn with an optional reason; return False, and log why, where that is not possible.

    A full file (LARGEST_FILE bytes) takes no more, so that nobody can fill the disk with it.
    """
    record = {
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "rating": turn.rating,
        "reason": reason[:LONGEST_REASON],
        "question": turn.question,
        "answer": turn.answer.to_dict() if turn.answer else None,
    }
    try:
        with _lock:
            file.parent.mkdir(parents=True, exist_ok=True)
            if file.exists() and file.stat().st_size >= LARGEST_FILE:
                logger.warning("Feedback is not kept: %s has reached %d bytes. Move it away to begin a new one.", file.name, LARGEST_FILE)
                return False
            with file.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(record, ensure_ascii=False) + "\n")
    except (OSError, ValueError) as error:
        logger.warning("Feedback is not kept: %s", error)
        return False
    return True
