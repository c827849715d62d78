"""`python -m rag ask · add · remove · list · originals · index · pull · evaluate`: the shell's door to the pipeline."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TextIO

from rag.errors import EmptyCorpusError, RagError
from rag.text import printable

if TYPE_CHECKING:
    from rag.index import Index
    from rag.library import Report
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
        _say(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. What was there before is still in force.", file=sys.stderr)
        return 130


def _say(text: object, *, file: TextIO | None = None) -> None:
    """Print what may hold an article's words: no control sequence in them reaches the terminal."""
    print(printable(str(text)), file=file)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rag", description="Answers from your articles, with a footnote on every claim.")
    commands = parser.add_subparsers(dest="command", required=True)
    ask = commands.add_parser("ask", help="answer a question", description="Answer a question from the articles.")
    ask.add_argument("question", help="the question, in quotes")
    ask.add_argument("--json", action="store_true", help="print the whole answer as JSON")
    ask.add_argument("--model", help="a GGUF's path or its name in models/ (default: the bundled model)")
    ask.set_defaults(run=_ask)
    index = commands.add_parser("index", help="build the index now", description="Build the index now, if it is not up to date.")
    index.add_argument("--rebuild", action="store_true", help="embed every article again, whatever there is")
    index.set_defaults(run=_index)
    for command in (ask, index, *_article_commands(commands)):
        command.add_argument("--corpus", metavar="DIR", help="folder of articles (default: corpus/)")
    pull = commands.add_parser("pull", help="fetch a model", description="Fetch a model from the Hugging Face hub into models/.")
    pull.add_argument(
        "name", nargs="?", metavar="NAME|REPO:FILE", help="a name of the list that is shown without it, or any GGUF of the hub"
    )
    pull.set_defaults(run=_pull)
    commands.add_parser("evaluate", help="score a question file (see: python -m rag evaluate --help)")
    return parser


def _article_commands(commands: Any) -> list[argparse.ArgumentParser]:
    """Add the commands that change or show the corpus."""
    add = commands.add_parser(
        "add", help="add articles", description="Add articles: text, Markdown, saved web pages, PDF, DOCX, addresses."
    )
    add.add_argument("sources", nargs="+", metavar="PATH|FOLDER|URL", help="a file, a folder of files, or a web address")
    add.add_argument("--id", default="", help="the article's id, its file's name in the corpus (default: made from the source's name)")
    add.add_argument("--replace", action="store_true", help="replace an article of the same id; a retelling is kept for --restore")
    add.add_argument("--allow-private", action="store_true", help="fetch also from an address of your own network, when you name it here")
    add.set_defaults(run=_add)
    remove = commands.add_parser("remove", help="remove articles", description="Remove articles; a retelling can be restored.")
    remove.add_argument("ids", nargs="+", metavar="ID", help="an article's id, as shown by: python -m rag list")
    remove.set_defaults(run=_remove)
    show = commands.add_parser("list", help="list the articles", description="List the articles of the corpus.")
    show.set_defaults(run=_list)
    originals = commands.add_parser(
        "originals", help="put the originals in the retellings' place",
        description="Fetch the originals of the retellings from their publishers' pages and put them in the retellings' place.",
    )  # fmt: skip
    originals.add_argument("ids", nargs="*", metavar="ID", help="a retelling's id (default: all of them)")
    originals.add_argument("--restore", action="store_true", help="put the retellings back instead, removed ones too")
    originals.add_argument("--allow-private", action="store_true", help="fetch also from an address of your own network")
    originals.set_defaults(run=_originals)
    return [add, remove, show, originals]


def _ask(options: argparse.Namespace) -> int:
    from rag.pipeline import Assistant

    assistant = Assistant(options.corpus, options.model)
    _prepare(assistant)
    answer = assistant.answer(options.question)
    _say(json.dumps(answer.to_dict(), indent=1, ensure_ascii=False) if options.json else answer)
    return 0


def _index(options: argparse.Namespace) -> int:
    from rag.pipeline import Assistant

    assistant = Assistant(options.corpus)
    with _progress_bar("Indexing") as progress:
        index = assistant.refresh(progress, rebuild=options.rebuild)
    print(
        f"{len(index.articles)} articles, {len(index.passages)} passages, {len(index.sentences)} sentences "
        f"in {assistant.settings.index_path}"
    )
    return 0


def _add(options: argparse.Namespace) -> int:
    from rag import library
    from rag.fetch import fetch
    from rag.pipeline import Assistant

    assistant = Assistant(options.corpus)
    report = library.add(
        options.sources, assistant.settings.corpus_path, id_=options.id, replaces=options.replace,
        fetch=partial(fetch, allow_private=options.allow_private),
    )  # fmt: skip
    return _show_report(report, assistant)


def _remove(options: argparse.Namespace) -> int:
    from rag import library
    from rag.corpus import RETELLING
    from rag.pipeline import Assistant

    assistant = Assistant(options.corpus)
    for entry in library.remove(options.ids, assistant.settings.corpus_path):
        kept = entry.is_original or entry.article.edition == RETELLING
        print(f"removed {entry.article.id}" + (" (its retelling can come back: python -m rag originals --restore)" if kept else ""))
    _update_index(assistant)
    return 0


def _originals(options: argparse.Namespace) -> int:
    from rag import library
    from rag.fetch import fetch
    from rag.pipeline import Assistant

    assistant = Assistant(options.corpus)
    folder = assistant.settings.corpus_path
    if not options.restore:
        report = library.originals(folder, options.ids, fetch=partial(fetch, allow_private=options.allow_private))
        return _show_report(report, assistant, "The retelling stays in place.")
    restored = library.restore(folder, options.ids)
    print(f"restored {', '.join(restored)}" if restored else "Every retelling is in its place already.")
    _update_index(assistant)
    return 0


def _pull(options: argparse.Namespace) -> int:
    from rag.pull import pull

    if not options.name:
        return _show_catalogue()
    with _progress_bar(f"Fetching {options.name}", in_bytes=True) as progress:
        model = pull(options.name, progress=progress)
    use = f"RAG_MODEL={model.name}, or --model {model.name}" if model.path.suffix == ".gguf" else f"RAG_EMBEDDING_MODEL={model.name}"
    print(f"{model.path} is there and verified (SHA-256 {model.sha256}). Use it with {use}.")
    return 0


def _show_catalogue() -> int:
    from rich.console import Console
    from rich.table import Table

    from rag.pull import CATALOGUE

    table = Table("name", "download", "memory", "licence", "good at", box=None)
    for known in CATALOGUE:
        table.add_row(known.name, f"{known.size:g} GB", f"{known.memory:g} GB", known.licence, known.good_at)
    Console().print(table)
    print("Fetch one with: python -m rag pull NAME")
    return 0


def _list(options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from rag import library
    from rag.config import load_settings

    folder = load_settings().with_overrides(corpus=options.corpus).corpus_path
    entries = library.entries(folder)
    if not entries:
        raise EmptyCorpusError(f"No articles in {folder}. Add one: python -m rag add FILE")
    table = Table("id", "title", "publisher", "date", "words", "edition", box=None)
    for entry in entries:
        article = entry.article
        words, edition = f"{len(article.text.split()):,}", "original" if entry.is_original else article.edition
        table.add_row(*map(Text, map(printable, (article.id, article.title, article.publisher, article.date, words, edition))))
    Console().print(table)
    return 0


def _show_report(report: Report, assistant: Assistant, after: str = "") -> int:
    """Print what was added and what was not, then bring the index up to date; 1 where something was left out."""
    for entry in report.added:
        words = len(entry.article.text.split())
        _say(f"{'replaced' if entry.replaced else 'added'} {entry.article.id}: {entry.article.title} ({words:,} words) from {entry.source}")
    for left_out in report.skipped:
        _say(f"left out: {left_out.reason} {after}".rstrip(), file=sys.stderr)
    _update_index(assistant)
    return 1 if report.skipped else 0


def _update_index(assistant: Assistant) -> None:
    try:
        with _progress_bar("Indexing") as progress:
            assistant.refresh(progress)
    except EmptyCorpusError:
        print("No articles are left. Add one: python -m rag add FILE", file=sys.stderr)


def _prepare(assistant: Assistant) -> Index:
    """Load or build the index, with a progress bar on stderr while there is something to embed."""
    with _progress_bar("Indexing") as progress:
        return assistant.prepare(progress)


@contextmanager
def _progress_bar(what: str, *, in_bytes: bool = False) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on stderr from the first report of (done, total) on."""
    from rich.console import Console
    from rich.progress import DownloadColumn, Progress, TransferSpeedColumn

    columns = [*Progress.get_default_columns(), *([DownloadColumn(), TransferSpeedColumn()] if in_bytes else [])]
    console = Console(stderr=True)
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    task = bar.add_task(what, total=None)

    def progress(done: int, total: int) -> None:
        bar.start()
        bar.update(task, completed=done, total=total)

    try:
        yield progress
    finally:
        if bar.live.is_started:
            bar.stop()
