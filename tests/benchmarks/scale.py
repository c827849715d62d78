"""Time, memory and recall as the corpus grows: the two bundled articles among many others.

python -m tests.benchmarks.scale OUT --stories FILE.jsonl… --articles 1000     add, index, search; a JSON in OUT, a row on stdout

The others are sections of stories in FairytaleQA's format (see `fairytaleqa.py`; the data is not part of this repository),
one article a section; when there are no more, they come again with other names in them. What is measured is each one step
in a process of its own, with the bundled embedding model: adding the files, building the index, adding one more article,
opening the index, searching it, answering from it, and how far inverted lists find what comparing every vector finds. The
bundled question file says whether the two articles are still found among the others: recall@5 and MRR of its evidence.

With `--distinct N` only the first N sections are used, again and again under ids of their own, each copy told apart by a
line of asterisks; `--known INDEX` takes the vectors of texts that an index made before has already. So a large index is
made in the time of a small one; what the model would have taken is not in its figures. Times are of the processor, all
threads together, so that what else a machine does is not in them; `--every K` asks every K-th question only.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np

from rag import generations, library, snapshots
from rag.config import PROJECT, Settings
from rag.corpus import load_corpus
from rag.embedding import local_embedder
from rag.evaluation.questions import Question, load_questions
from rag.evaluation.ranking import rank
from rag.index import VIEWS, Index, IndexStore
from rag.models import embedding_model
from rag.pipeline import Assistant
from rag.retriever import CANDIDATES
from rag.types import Embedder, TokenVectors, Vectors
from rag.vectors import FaissEngine, FaissStore

STEPS = ("add", "build", "one", "search")
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]{2,}\b")
_SYLLABLES = ("ba", "do", "fe", "ka", "li", "mu", "na", "po", "ri", "so", "ta", "vu")


def sections(files: Sequence[Path]) -> Iterator[str]:
    """Yield the sections of the stories for ever, from the second round on with other names in them."""
    stories = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    texts = [section["text"] for story in stories for section in story["sections"]]
    for turn in range(1_000):
        for number, text in enumerate(texts):
            at = number + turn * len(texts)
            yield f"This is a tale of {_other(at)} and {_other(at * 7)}. {_renamed(text, at)}" if turn else text


def copies(files: Sequence[Path], distinct: int) -> Iterator[str]:
    """Yield the first sections for ever, from the second round on told apart by a line of asterisks."""
    texts = list(islice(sections(files), distinct))
    for turn in range(1_000):
        yield from (f"{text}\n\n{'*' * (turn + 2)}" if turn else text for text in texts)


def _first(text: str, words: int) -> str:
    """Return a text's first sentences, until they have so many words; all of it for 0."""
    kept = ""
    for sentence in re.split(r"(?<=[.!?]) ", text.replace('"', "")) if words else ():
        kept = f"{kept} {sentence}".strip()
        if len(kept.split()) >= words:
            return kept
    return text


def _renamed(text: str, number: int) -> str:
    return _NAME.sub(lambda name: _other(number * 31 + sum(map(ord, name.group()))), text)


def _other(seed: int) -> str:
    return "".join(_SYLLABLES[seed // 12**i % 12] for i in range(3)).capitalize()


def add(out: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Write the articles, add them to a corpus that holds the bundled two, and return how long adding took."""
    source, corpus = out / "source", out / "corpus"
    for folder in (source, corpus):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    for file in (PROJECT / "corpus").glob("*.md"):
        shutil.copy(file, corpus)
    shutil.copy(PROJECT / "corpus" / "questions.jsonl", out / "questions.jsonl")
    wanted = options.articles - 2
    texts = copies(options.stories, options.distinct) if options.distinct else sections(options.stories)
    for number, text in zip(range(wanted), texts, strict=False):
        (source / f"tale-{number:05}.txt").write_text(f"{_first(text, options.words)}\n", encoding="utf-8")
    seconds = timed(lambda: library.add([source], corpus)) if wanted else 0.0
    return {
        "articles": len(list(corpus.glob("*.md"))),
        "words": sum(len(f.read_text().split()) for f in corpus.glob("*.md")),
        "add s": seconds,
    }


def build(out: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Build the index and return how long it took and how much memory."""
    embedder: Embedder = loaded_embedder()
    if options.distinct:
        embedder = RememberingEmbedder(embedder, known_vectors(options.known) if options.known else {})
    base, last = resident(), [time.perf_counter()]
    texts = [0]

    def progress(done: int, total: int) -> None:
        texts[0] = total
        if time.perf_counter() - last[0] > 60:
            last[0] = time.perf_counter()
            print(f"{done:,} of {total:,} texts", file=sys.stderr, flush=True)

    shutil.rmtree(out / "index", ignore_errors=True)
    seconds = timed(lambda: IndexStore(out / "index", embedder).open(load_corpus(out / "corpus"), progress))
    figures = {"build s": seconds, "texts": texts[0], "texts/s": texts[0] / seconds, "model MB": base, "build peak MB": peak() - base}
    if isinstance(embedder, RememberingEmbedder):
        figures["build peak MB"] -= sum(vector.nbytes for vector in embedder.known.values()) / 1e6
    return figures


def known_vectors(index: Path) -> dict[str, Vectors]:
    """Return the vectors of an index by their texts."""
    snapshot = generations.load(index, lambda found: snapshots.parse(found, FaissEngine(), {view.name: view.of for view in VIEWS}))
    known: dict[str, Vectors] = {}
    for part in snapshot.parts if snapshot else ():
        for view in VIEWS:
            known |= zip(map(view.text, part.items(view.of)), snapshot.stores[view.name].get(part.keys(view.of)), strict=True)
    return known


class RememberingEmbedder:
    """An Embedder that asks another for the vectors of a text only once."""

    def __init__(self, embedder: Embedder, known: dict[str, Vectors]) -> None:
        self._embedder = embedder
        self.fingerprint = embedder.fingerprint
        self.known = known

    def encode(self, texts: Sequence[str], /) -> Vectors:
        if missing := [text for text in dict.fromkeys(texts) if text not in self.known]:
            self.known |= zip(missing, self._embedder.encode(missing), strict=True)
        return np.array([self.known[text] for text in texts], dtype=np.float32)

    def encode_tokens(self, texts: Sequence[str], /) -> list[TokenVectors]:
        return self._embedder.encode_tokens(texts)


def one(out: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Add one more article, bring the index up to date, and return how long that took."""
    embedder = loaded_embedder()
    base, extra = resident(), out / "one-more.txt"
    extra.write_text("The lighthouse of Skerry Point was built in 1871 by Odile Brandt, who kept its lamp for forty years.\n")
    library.add([extra], out / "corpus")
    seconds = timed(lambda: IndexStore(out / "index", embedder).open(load_corpus(out / "corpus")))
    return {"one more s": seconds, "one more peak MB": peak() - base}


def search(out: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Open the index, ask the bundled questions, and return times, memory, recall of the lists and of the evidence."""
    embedder = loaded_embedder()
    base, opened = resident(), time.process_time()
    assistant = Assistant(settings=Settings(corpus=str(out / "corpus"), index_dir=str(out / "index")), embedder=embedder)
    index = assistant.prepare()
    figures: dict[str, Any] = {"open s": time.process_time() - opened, "open MB": resident() - base, "open peak MB": peak() - base}
    questions = [q for q in load_questions(out / "questions.jsonl", index.articles) if q.answerable and not q.history][:: options.every]
    searched, answered, found = [], [], []
    for question in questions:
        vector = embedder.encode([question.question])[0]
        searched.append(timed(lambda q=question, v=vector: index.search(q.question, v, k=CANDIDATES)) * 1000)
        begun = time.process_time()
        answer = assistant.answer(question.question)
        answered.append((time.process_time() - begun) * 1000)
        found.append([e.sentence for e in answer.evidence])
    size = sum(file.stat().st_size for file in (out / "index").rglob("*") if file.is_file())
    return {
        **figures, "index MB": size / 1e6, "sentences": len(index.sentences), "questions": len(questions), "search ms": median(searched),
        "answer ms": median(answered), "kind": kinds(index), **lists(index, embedder, questions),
        "recall@5": mean(rank("recall@5", spans, q.evidence) for spans, q in zip(found, questions, strict=True)),
        "MRR": mean(rank("MRR", spans, q.evidence) for spans, q in zip(found, questions, strict=True)),
    }  # fmt: skip


def kinds(index: Index) -> str:
    return ", ".join(dict.fromkeys(store.kind for store in index.stores.values() if isinstance(store, FaissStore)))


def lists(index: Index, embedder: Embedder, questions: Sequence[Question]) -> dict[str, float]:
    """Return how long a search of this index's sentences takes over every vector and over lists, and what the lists find.

    A hit is one of the best where its score is at least the last one's of comparing every vector: texts may repeat.
    """
    vectors = index.stores["sentence"].get(index._sentence_keys)
    flat, inverted = FaissStore(vectors.shape[1], flat_limit=len(vectors)), FaissStore(vectors.shape[1], flat_limit=len(vectors) - 1)
    for store in (flat, inverted):
        store.add(np.arange(len(vectors)), vectors)
    exact, actual, shares = [], [], []
    for question in questions:
        vector = embedder.encode([question.question])[0]
        begun = time.process_time()
        best = flat.search(vector, CANDIDATES).scores
        between = time.process_time()
        found = inverted.search(vector, CANDIDATES).scores
        exact.append((between - begun) * 1000)
        actual.append((time.process_time() - between) * 1000)
        shares.append(float((found >= best.min() - 1e-6).sum()) / len(best))
    return {"flat ms": median(exact), f"{inverted.kind} ms": median(actual), f"recall@{CANDIDATES} of {inverted.kind}": mean(shares)}


def loaded_embedder() -> Embedder:
    embedder = local_embedder(embedding_model(), threads=len(os.sched_getaffinity(0)))
    embedder.encode(["warm-up"])
    return embedder


def timed(step: Callable[[], object]) -> float:
    """Return the seconds of processor time that a step takes."""
    begun = time.process_time()
    step()
    return time.process_time() - begun


def peak() -> float:
    """Return the most memory this process has had, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def resident() -> float:
    """Return the memory this process has now, in megabytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scale")
    parser.add_argument("out", type=Path)
    parser.add_argument("--stories", type=Path, nargs="+", default=[])
    parser.add_argument("--articles", type=int, default=2)
    parser.add_argument("--words", type=int, default=0, help="cut the other articles after the sentence that reaches so many words")
    parser.add_argument("--distinct", type=int, default=0, help="use only so many sections, again and again")
    parser.add_argument("--known", type=Path, help="an index that has vectors of those sections already")
    parser.add_argument("--every", type=int, default=1, help="ask every so many-th question only")
    parser.add_argument("--step", choices=STEPS, help="only this step, in this process")
    options = parser.parse_args(arguments)
    if options.step:
        print(json.dumps(globals()[options.step](options.out, options)))
        return 0
    figures: dict[str, Any] = {}
    for step in STEPS:
        stories = ["--stories", *map(str, options.stories)] if options.stories else []
        numbers = [t for name in ("articles", "words", "distinct", "every") for t in (f"--{name}", str(getattr(options, name)))]
        known = ["--known", str(options.known)] if options.known else []
        command = [sys.executable, "-m", "tests.benchmarks.scale", str(options.out), *stories, *numbers, *known]
        figures |= json.loads(subprocess.run([*command, "--step", step], check=True, stdout=subprocess.PIPE, text=True).stdout)
    options.out.joinpath("figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    print(" | ".join(f"{name} {value:,.3g}" if isinstance(value, float) else f"{name} {value}" for name, value in figures.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
