"""A GGUF that nobody vouches for, tried once in a process of its own: llama.cpp can crash on one, and a template can hang.

python -m rag.probe FILE THREADS
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from platformdirs import user_cache_path

from rag.errors import ContextError, ModelError
from rag.models import READER, LocalModel

logger = logging.getLogger(__name__)

SECONDS = 300.0
"""Seconds that loading a model and writing one token may take; a large one comes from a slow disk."""
CONTEXT = 512
REFUSED = 3
"""Exit status of a probe whose model was refused in words."""


def probe(model: LocalModel, *, threads: int, seconds: float = SECONDS) -> None:
    """Load a model and write one token with it in a child process, once for each file and version of llama.cpp.

    The bundled model is known by its SHA-256 and not tried.

    Raises:
        ModelError: the child crashed, took longer than `seconds`, or was refused the model.
    """
    if model.sha256 == READER.sha256:
        return
    note = user_cache_path("footnote", appauthor=False) / "probed" / f"{model.sha256}-{version('llama-cpp-python')}"
    if note.exists() or os.environ.get(_CHILD):
        return
    logger.info("Trying %s in a process of its own, once.", model.name)
    environment = {**os.environ, _CHILD: "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        child = subprocess.run(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "rag.probe", str(model.path), str(threads)],
            env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=seconds, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ModelError(f"{model.path.name} wrote nothing within {seconds:.0f} s. Choose another model; see models/README.md.") from None
    if child.returncode == REFUSED:
        raise ModelError(child.stdout.strip())
    if child.returncode:
        raise ModelError(
            f"llama.cpp crashed while loading {model.path.name} (exit status {child.returncode}). "
            "The file is damaged or made to do harm: fetch it again as models/README.md says."
        )
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        note.touch()
    except OSError:
        pass  # a note that cannot be kept only costs the time to try again


def main(arguments: list[str]) -> int:
    """Try one model; return 0, or REFUSED with the reason on stdout."""
    from rag import prompts
    from rag.reader import LlamaReader

    file = Path(arguments[0])
    reader = LlamaReader(LocalModel(file.stem, file, ""), threads=int(arguments[1]), context=CONTEXT)
    try:
        list(reader.generate(prompts.read_messages("Who?", ["It was Mara."]), grammar=prompts.read_grammar(1), max_tokens=1))
    except ContextError:
        return 0  # it has loaded, and small models are asked small things
    except ModelError as error:
        print(error)  # noqa: T201 - to the process that asked
        return REFUSED
    return 0


_CHILD = "FOOTNOTE_PROBE"

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
