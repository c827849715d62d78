"""What `speed.py` measures: each function returns Rows of one step, ours beside its floor, taken in turns in one process."""

from __future__ import annotations

import gc
import json
import os
import random
import resource
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np

from rag.config import PROJECT, Settings
from rag.corpus import load_corpus
from rag.evaluation.questions import Question, load_questions
from rag.index import Index, build_index
from rag.models import embedding_model, reader_model
from rag.pipeline import Assistant
from rag.retriever import CANDIDATES, Retriever
from rag.types import Article, Passage, Sentence

CORPUS = PROJECT / "corpus"
QUESTION = "Who kidnapped Milo?"
THREADS = Settings(threads=int(os.environ.get("RAG_THREADS", "0"))).cpu_threads
SENTENCES_AN_ARTICLE = 50


@dataclass
class Row:
    """Times of one thing, ours and its floor's in turns, in `unit`; `notes` are counts that go with them."""

    name: str
    floor_name: str
    unit: str = "s"
    ours: list[float] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)
    notes: dict[str, float] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """Median of ours over floor, pair by pair, since neighbours in time had the same machine; None without a floor."""
        return median(a / b for a, b in zip(self.ours, self.floor, strict=True)) if self.floor else None


clock = time.perf_counter
"""Replaced by `time.process_time` where the machine is shared: with one thread that is the time of a quiet machine."""


def seconds(step: Callable[..., object], *given: Any) -> float:
    begun = clock()
    step(*given)
    return clock() - begun


def resident() -> float:
    """Return the memory this process has now, in megabytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


# Cold starts


LIBRARIES = """
import faiss, bm25s, tokenizers
from safetensors.numpy import load_file
load_file({weights!r})
"""
SENTENCE_TRANSFORMERS = """
from sentence_transformers import SentenceTransformer
SentenceTransformer({folder!r}, device="cpu", local_files_only=True).encode(["Who kidnapped Milo?"])
"""
GRADIO = """
import sys, gradio
with gradio.Blocks() as page:
    gradio.Chatbot(); gradio.Textbox()
page.launch(server_name="127.0.0.1", server_port=int(sys.argv[1]), quiet=True, prevent_thread_lock=False)
"""


def doors(options: Any) -> Iterator[Row]:
    """Time each door from the start of its process, and the processor time it takes, which other programs disturb less."""
    model = embedding_model()
    libraries = LIBRARIES.format(weights=str(model.path / "model.safetensors"))
    bare = SENTENCE_TRANSFORMERS.format(folder=str(model.path))
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "RAG_INDEX_DIR": folder, "HF_HUB_OFFLINE": "1", "GRADIO_ANALYTICS_ENABLED": "False"}
        ask, evaluate = ["-m", "rag", "ask", QUESTION], ["-m", "rag.evaluate", "--limit", "1"]
        run(ask, env)  # builds the index
        yield from _against("import rag", ["-c", "import rag"], "import numpy", ["-c", "import numpy"], env, options)
        yield from _against("python -m rag ask", ask, "import its libraries, read the weights", ["-c", libraries], env, options)
        yield from _against("python -m rag ask", ask, "sentence-transformers encodes one text", ["-c", bare], env, options)
        yield from _against("rag.evaluate, one question", evaluate, "sentence-transformers encodes one text", ["-c", bare], env, options)
        yield from _against("app.py until its page is served", ["app.py"], "a bare gradio page", ["-c", GRADIO], env, options, serves=True)


def _against(
    name: str, ours: list[str], floor_name: str, floor: list[str], env: dict[str, str], options: Any, *, serves: bool = False
) -> Iterator[Row]:
    wall, processor = Row(name, floor_name), Row(f"{name}, processor", floor_name)
    for _ in range(options.repeats):
        for command, row, cpu in ((ours, wall.ours, processor.ours), (floor, wall.floor, processor.floor)):
            found = served(command, env) if serves else run(command, env)
            row.append(found[0])
            cpu.append(found[1])
    yield from (wall, processor)


def run(command: list[str], env: dict[str, str]) -> tuple[float, float]:
    """Return the seconds that a Python process takes, on the clock and of the processor."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, *command], env=env, cwd=PROJECT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - begun, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def served(command: list[str], env: dict[str, str]) -> tuple[float, float]:
    """Return the seconds until a server's page is there, on the clock and of the processor; the server is ended."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = [*command, "--port", str(port)] if command == ["app.py"] else [*command, str(port)]
    begun = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments], env=env, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while time.perf_counter() - begun < 120 and process.poll() is None:
            if _answers(f"http://127.0.0.1:{port}/"):
                ticks = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
                return time.perf_counter() - begun, sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
            time.sleep(0.05)
        raise RuntimeError(f"{arguments} served no page")
    finally:
        process.kill()
        process.wait()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=60) as page:
            return bool(page.read())
    except OSError:
        return False


# Index and search


def build(options: Any) -> Iterator[Row]:
    """Build an index in memory, and encode the same texts with sentence-transformers."""
    from sentence_transformers import SentenceTransformer

    from rag.embedding import local_embedder

    embedder = local_embedder(embedding_model(), threads=THREADS)
    raw = SentenceTransformer(str(embedding_model().path), device="cpu", local_files_only=True)
    articles = [Article(f"a{i}", f"Article {i}", text) for i, text in enumerate(texts(options.build_passages * 3 // 12, 12))]
    build_index(articles[:1], embedder)
    seen = _Texts(embedder)
    index = build_index(articles, seen)
    row = Row(
        "index build", "SentenceTransformer.encode of the same texts", notes={"passages": len(index.passages), "texts": len(seen.all)}
    )
    for _ in range(options.repeats):
        row.ours.append(seconds(lambda: build_index(articles, embedder)))
        row.floor.append(seconds(lambda: raw.encode(seen.all, batch_size=32, normalize_embeddings=True, show_progress_bar=False)))
    row.notes["s per 1 000 passages"] = median(row.ours) * 1000 / len(index.passages)
    yield row


class _Texts:
    """An Embedder that keeps the texts it is given."""

    def __init__(self, embedder: Any) -> None:
        self._embedder, self.all = embedder, list[str]()
        self.fingerprint = embedder.fingerprint

    def encode(self, texts: Sequence[str], /) -> Any:
        self.all += texts
        return self._embedder.encode(texts)

    def encode_tokens(self, texts: Sequence[str], /) -> Any:
        return self._embedder.encode_tokens(texts)


def texts(count: int, sentences: int, seed: int = 5) -> Iterator[str]:
    """Yield texts of so many made-up sentences: words of the bundled corpus, drawn as often and in sentences as long."""
    words = " ".join(article.text for article in load_corpus(CORPUS)).replace(".", "").lower().split()
    rng = random.Random(seed)
    for _ in range(count):
        made = (" ".join(rng.choices(words, k=rng.randint(8, 30))) for _ in range(sentences))
        yield "\n\n".join(". ".join(s.capitalize() for s in group) + "." for group in zip(*[made] * 3, strict=False))


def search(options: Any) -> Iterator[Row]:
    """Retrieve from so many passages of one made-up sentence each, their vectors random, and search them by faiss alone."""
    import faiss

    from rag.embedding import local_embedder

    embedder = local_embedder(embedding_model(), threads=THREADS)
    faiss.omp_set_num_threads(THREADS)
    for count in options.passages:
        yield from _search(count, embedder, [q.question for q in bundled_questions() if not q.history][: options.questions], options.out)
        gc.collect()


def _search(count: int, embedder: Any, questions: Sequence[str], out: Path) -> Iterator[Row]:
    import faiss

    before = resident()
    index, vectors = random_index(count, out)
    notes = {"memory MB": resident() - before}
    store, exact = index.stores["sentence"], faiss.IndexFlatIP(vectors.shape[1])
    exact.add(vectors)
    floors = {
        "every vector compared": lambda vector: exact.search(vector, CANDIDATES),
        f"the same vectors in {store.kind}": lambda vector: store.search(vector[0], CANDIDATES),
    }
    whole = [Row(f"retrieval of {count:,} passages", f"bare faiss, {name}", notes=notes) for name in floors]
    core = [Row(f"  of it the index's search, {count:,}", f"bare faiss, {name}") for name in floors]
    unread = Row(f"retrieval of {count:,} passages, sentences never read", "")
    second = Row(f"second step at {count:,} passages", "")
    Retriever(index, embedder).retrieve(QUESTION)
    for question in questions:
        vector, retriever = embedder.encode([question]), Retriever(index, embedder)
        unread.ours.append(seconds(retriever.retrieve, question))
        times = seconds(retriever.retrieve, question), seconds(lambda q, v, i=index: i.search(q, v[0], k=CANDIDATES), question, vector)
        for number, bare in enumerate(floors.values()):
            floor = seconds(bare, vector)
            for row, time_ in zip((whole[number], core[number]), times, strict=True):
                row.ours.append(time_)
                row.floor.append(floor)
        second.ours.append(seconds(retriever.second_step, retriever.retrieve(question)))
    yield from (*whole, *core, unread, second)


def random_index(count: int, out: Path) -> tuple[Index, Any]:
    """Return an index of so many passages with random unit vectors, the same for every view, and the vectors.

    Training its lists takes minutes for a million, so the store is kept in `out` for the next time.
    """
    from rag.generations import State
    from rag.snapshots import Part, Snapshot
    from rag.vectors import FaissEngine

    kept = out / f"random-{count}.faiss"
    rng = np.random.default_rng(7)
    vectors = rng.standard_normal((count, 384), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    store = FaissEngine().open(kept.read_bytes()) if kept.exists() else FaissEngine().create("sentence", 384)
    if not kept.exists():
        store.add(np.arange(count), vectors)
        kept.write_bytes(store.state())
    parts, made, key = [], texts(count // 3 + 1, 3), 0
    sentences = (sentence for text in made for sentence in text.split(". "))
    for number in range(0, count, SENTENCES_AN_ARTICLE):
        lines = [next(sentences) for _ in range(min(SENTENCES_AN_ARTICLE, count - number))]
        article, at, placed = Article(f"a{number}", f"Article {number}", "\n".join(lines)), 0, []
        for place, line in enumerate(lines):
            placed.append(Sentence(article.id, at, at + len(line), line, previous=lines[place - 1] if place else "", passage=place))
            at += len(line) + 1
        passages = tuple(Passage(s.article_id, s.start, s.end, s.text) for s in placed)
        parts.append(Part(article, passages, tuple(placed), key))
        key = parts[-1].next_key
    state = State("made up", "random", "faiss", "", {})
    return Index(Snapshot(tuple(parts), dict.fromkeys(("sentence", "context", "passage"), store), state)), vectors


def bundled_questions() -> list[Question]:
    return load_questions(CORPUS / "questions.jsonl", {article.id: article for article in load_corpus(CORPUS)})


# Answers


def answer(options: Any) -> Iterator[Row]:
    """Answer the bundled questions in quotes: first claim, whole answer, and each step; and embed the question alone."""
    from sentence_transformers import SentenceTransformer

    start = resident()
    with tempfile.TemporaryDirectory() as folder:
        assistant = Assistant(settings=Settings(corpus=str(CORPUS), index_dir=folder, threads=THREADS, phrase="never"))
        assistant.warm_up()
        assistant.answer(QUESTION)
        memory = resident() - start
        raw = SentenceTransformer(str(embedding_model().path), device="cpu", local_files_only=True)
        floor_name = "SentenceTransformer.encode of the question"
        whole, first = Row("whole answer, quoted", floor_name, notes={"memory MB": memory}), Row("  its first claim", floor_name)
        steps = {step: Row(f"  of it {step}", "") for step in ("search", "read", "check")}
        raw.encode([QUESTION])
        for question in bundled_questions():
            at = _stages(assistant, question)
            floor = seconds(lambda q: raw.encode([q], normalize_embeddings=True, show_progress_bar=False), question.question)
            whole.ours.append(at["done"])
            whole.floor.append(floor)
            if "claim" in at:
                first.ours.append(at["claim"])
                first.floor.append(floor)
            for (step, row), end in zip(steps.items(), ("read", "check", "done"), strict=True):
                begin = {"search": 0.0, "read": at.get("read", at["check"]), "check": at["check"]}[step]
                row.ours.append(at.get(end, at["check"]) - begin)
        yield from (whole, first, *steps.values())


def _stages(assistant: Assistant, question: Question) -> dict[str, float]:
    """Return the seconds after which each kind of event first came while a question was answered."""
    begun, at = clock(), dict[str, float]()
    for event in assistant.stream(question.question, list(question.history)):
        at.setdefault(event.stage, clock() - begun)
    return at


def phrased(options: Any) -> Iterator[Row]:
    """Answer in the bundled model's words, and evaluate as many tokens with bare llama.cpp, those of a shared prefix not again."""
    start = resident()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(corpus=str(CORPUS), index_dir=folder, threads=THREADS, phrase="always")
        assistant = Assistant(settings=settings)
        assistant.warm_up()
        bare = _BareLlama(settings.context)
        notes = {"memory MB": resident() - start}
        whole = Row("whole answer, phrased", "bare llama.cpp, the same tokens", notes=notes)
        first = Row("  its first claim", "")
        reading = Row("  of it reading", "bare llama.cpp, the same tokens")
        counts: list[tuple[int, int]] = []
        reader: Any = assistant.reader
        for question in bundled_questions()[: options.phrased]:
            calls = _Calls(reader)
            begun = clock()
            events = [(clock() - begun, event) for event in assistant.stream(question.question, list(question.history))]
            took = clock() - begun
            done = events[-1][1].answer
            assert done is not None
            if not calls.ends(reader):
                continue
            whole.ours.append(took)
            reads = [at for at, event in events if event.stage == "read"]
            reading.ours.append(next(at for at, event in events if event.stage == "check") - reads[0])
            first.ours.append(next(at for at, event in events if event.stage == "claim"))
            floor, read, written = bare.repeat(calls.found)
            whole.floor.append(floor)
            reading.floor.append(floor)
            counts.append((read, written))
        for row in (whole, first, reading):
            del row.ours[0], row.floor[:1]  # the first one fills the prefix
        whole.notes |= {"tokens evaluated": mean(read for read, _ in counts[1:]), "tokens generated": mean(w for _, w in counts[1:])}
        yield from (whole, first, reading)


class _Calls:
    """The sequences of tokens that a reader's model went through: prompt and reply of each call."""

    def __init__(self, reader: Any) -> None:
        self.found: list[tuple[list[int], int]] = []
        generate = type(reader).generate

        def seen(messages: Any, /, *, grammar: str, max_tokens: int) -> Iterator[str]:
            before = reader.usage
            yield from generate(reader, messages, grammar=grammar, max_tokens=max_tokens)
            model = reader._loaded
            self.found.append((model.input_ids[: model.n_tokens].tolist(), reader.usage.read - before.read))

        reader.generate = seen

    def ends(self, reader: Any) -> bool:
        del reader.generate
        return bool(self.found)


class _BareLlama:
    """llama.cpp without grammar, sampling or text: tokens in, nothing out."""

    def __init__(self, context: int) -> None:
        from llama_cpp import Llama

        from rag.reader import _without_amx

        with _without_amx():
            self._model = Llama(str(reader_model().path), n_ctx=context, n_threads=THREADS, n_threads_batch=THREADS, seed=0, verbose=False)
        self._before: list[int] = []

    def repeat(self, calls: Sequence[tuple[list[int], int]]) -> tuple[float, int, int]:
        """Return the seconds for these calls' tokens, the prompt tokens evaluated and the tokens of the replies."""
        total, read, written = 0.0, 0, 0
        for tokens, prompt in calls:
            same = next(
                (i for i, (a, b) in enumerate(zip(self._before, tokens, strict=False)) if a != b), min(len(self._before), len(tokens))
            )
            same = min(same, prompt - 1)
            self._model.n_tokens = same
            total += seconds(self._evaluate, tokens[same:prompt], tokens[prompt:])
            read, written, self._before = read + prompt - same, written + len(tokens) - prompt, tokens
        return total, read, written

    def _evaluate(self, prompt: list[int], reply: list[int]) -> None:
        self._model.eval(prompt)
        for token in reply:
            self._model.eval([token])


def memory(options: Any) -> Iterator[Row]:
    """Measure resident memory as a question needs more and more, in megabytes."""
    marks = [resident()]
    with tempfile.TemporaryDirectory() as folder:
        assistant = Assistant(settings=Settings(corpus=str(CORPUS), index_dir=folder, threads=THREADS))
        assistant.prepare()
        marks.append(resident())
        assistant.answer(QUESTION)
        marks.append(resident())
        reader: Any = assistant.reader
        reader.load()
        marks.append(resident())
    for name, value in zip(("imports", "with an index built", "after an answer", "with the reader loaded"), marks, strict=True):
        yield Row(f"memory, {name}", "", "MB", [value])


STEPS: dict[str, Callable[[Any], Iterator[Row]]] = {
    "doors": doors, "build": build, "search": search, "answer": answer, "phrased": phrased, "memory": memory,
}  # fmt: skip


def dump(rows: Iterator[Row]) -> str:
    return json.dumps([{**vars(row), "ratio": row.ratio} for row in rows])
