"""`python -m rag ask · index · evaluate`: the shell's door to the pipeline."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rag.errors import RagError

if TYPE_CHECKING:
    from rag.index import Index
    from rag.pipeline import Assistant


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status: 0 done, 1 an error with its message on stderr, 2 a wrong command line."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["evaluate"]:
        from rag import evaluate

        return evaluate.main(given[1:])
    options = _parser().parse_args(given)
    try:
        return int(options.run(options))
    except RagError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rag", description="Answers from your articles, with a footnote on every claim.")
    commands = parser.add_subparsers(dest="command", required=True)
    ask = commands.add_parser("ask", help="answer a question", description="Answer a question from the articles.")
    ask.add_argument("question", help="the question, in quotes")
    ask.add_argument("--json", action="store_true", help="print the whole answer as JSON")
    ask.add_argument("--model", help="a GGUF's path or its name in models/ (default: the bundled model)")
    ask.set_defaults(run=_ask)
    index = commands.add_parser("index", help="build the index now", description="Build the index now, if it is not up to date.")
    index.set_defaults(run=_index)
    commands.add_parser("evaluate", help="score a question file (see: python -m rag evaluate --help)")
    for command in (ask, index):
        command.add_argument("--corpus", metavar="DIR", help="folder of articles (default: corpus/)")
    return parser


def _ask(options: argparse.Namespace) -> int:
    from rag.pipeline import Assistant

    assistant = Assistant(options.corpus, options.model)
    _prepare(assistant)
    answer = assistant.answer(options.question)
    print(json.dumps(answer.to_dict(), indent=1, ensure_ascii=False) if options.json else answer)
    return 0


def _index(options: argparse.Namespace) -> int:
    from rag.pipeline import Assistant

    assistant = Assistant(options.corpus)
    index = _prepare(assistant)
    print(
        f"{len(index.articles)} articles, {len(index.passages)} passages, {len(index.sentences)} sentences "
        f"in {assistant.settings.index_path}"
    )
    return 0


def _prepare(assistant: Assistant) -> Index:
    """Load or build the index, with a progress bar on stderr while there is something to embed."""
    from rich.console import Console
    from rich.progress import Progress

    bar = Progress(console=Console(stderr=True), transient=True)
    task = bar.add_task("Indexing", total=None)

    def progress(done: int, total: int) -> None:
        bar.start()
        bar.update(task, completed=done, total=total)

    try:
        return assistant.prepare(progress)
    finally:
        if bar.live.is_started:
            bar.stop()
