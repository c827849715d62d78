"""FairytaleQA (Xu 2022, Apache-2.0): questions by education experts on children's stories, as a benchmark of Footnote.

python -m tests.benchmarks.fairytaleqa validation.jsonl OUT                    both settings, every question
python -m tests.benchmarks.fairytaleqa validation.jsonl OUT --sample 150       a seeded sample, stratified by story
python -m tests.benchmarks.fairytaleqa validation.jsonl OUT --no-reader        retrieval and quoting alone, in minutes
python -m tests.benchmarks.fairytaleqa validation.jsonl OUT --setting all      one setting: `story` or `all`

The data is not part of this repository. A line of it is a story: {"story": id, "sections": [{"id", "text"}], "questions":
[{"question", "answers", "sections", "explicit", "kind"}]}. In the setting `story` each question is asked of its own story,
in `all` of one index of every story. The evidence of a question is the sections that its writer marked: a sentence or
passage from one of them is a hit. Every question has an answer, so every refusal is wrong. OUT receives the corpora, the
question files (both fit `python -m rag.evaluate`) and for each setting a JSON and an HTML report.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.progress import track

from rag.config import Settings, load_settings
from rag.embedding import local_embedder
from rag.evaluate import Found, about, show, write
from rag.evaluation.questions import Question, load_questions
from rag.evaluation.run import Bench, Result, Run, SilentReader
from rag.evaluation.summary import summarise
from rag.models import embedding_model, reader_model
from rag.pipeline import Assistant
from rag.reader import LlamaReader
from rag.types import Article, Embedder, Reader

SEED = 13
Story = dict[str, Any]


def load_stories(path: Path) -> list[Story]:
    """Return the stories of a FairytaleQA file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]


def write_corpus(stories: Sequence[Story], folder: Path) -> Path:
    """Write one article a story, its sections as paragraphs, and `questions.jsonl`; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for story in stories:
        title = story["story"].replace("-", " ").capitalize()
        text = "\n\n".join(section["text"] for section in story["sections"])
        (folder / f"{story['story']}.md").write_text(f"---\ntitle: {json.dumps(title)}\n---\n{text}\n", encoding="utf-8")
    lines = [json.dumps(record, ensure_ascii=False) for story in stories for record in question_records(story)]
    (folder / "questions.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def question_records(story: Story) -> Iterator[dict[str, Any]]:
    """Yield the questions of a story in the format of question files; "implicit" marks an answer that has to be inferred."""
    sections = {section["id"]: section["text"] for section in story["sections"]}
    for number, asked in enumerate(story["questions"], start=1):
        yield {
            "id": f"{story['story']}-{number:03}",
            "type": asked["kind"] + ("" if asked["explicit"] else ", implicit"),
            "question": asked["question"],
            "answerable": True,
            "answer": list(dict.fromkeys(asked["answers"])),
            "evidence": [{"article": story["story"], "quote": sections[id_], "within": True} for id_ in asked["sections"]],
            "source_any": [story["story"]],
        }


def sample(questions: Sequence[Question], size: int | None, seed: int = SEED) -> list[Question]:
    """Return so many questions in their order, each story's share as large as in the whole; all where size is None."""
    stories: dict[str, list[Question]] = {}
    for question in questions:
        stories.setdefault(question.id.rpartition("-")[0], []).append(question)
    rng = random.Random(seed)
    places: dict[str, float] = {}
    for members in stories.values():
        for place, question in enumerate(rng.sample(members, len(members))):
            places[question.id] = (place + rng.random()) / len(members)
    chosen = set(sorted(places, key=places.__getitem__)[:size])
    return [question for question in questions if question.id in chosen]


def run(corpora: Sequence[Path], size: int | None, embedder: Embedder, reader: Reader, settings: Settings) -> tuple[Run, Assistant]:
    """Return the run over the sampled questions of all corpora, each asked of its own corpus; Ctrl-C ends it early."""
    start = time.perf_counter()
    articles: dict[str, Article] = {}
    asked: list[tuple[Bench, Question]] = []
    for corpus in corpora:
        assistant = Assistant(settings=replace(settings, corpus=str(corpus), index_dir=""), embedder=embedder, reader=reader)
        bench = Bench(assistant)
        articles |= bench.articles
        asked += [(bench, question) for question in load_questions(corpus / "questions.jsonl", bench.articles)]
    chosen = {question.id for question in sample([question for _, question in asked], size)}
    asked = [(bench, question) for bench, question in asked if question.id in chosen]
    results: list[Result] = []
    stopped = ""
    try:
        asked[0][0].ask(asked[0][1])  # loads the models, unscored
        for bench, question in track(asked, "questions"):
            results.append(bench.ask(question))
    except KeyboardInterrupt:
        stopped = "stopped by Ctrl-C"
    return Run(tuple(results), articles, len(asked), stopped, time.perf_counter() - start), assistant


def main() -> int:
    """Write the corpora, run the settings asked for, and report each."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.fairytaleqa", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("source", type=Path, help="a FairytaleQA file, such as validation.jsonl")
    parser.add_argument("out", type=Path, help="folder for corpora, question files and reports")
    parser.add_argument("--setting", choices=("story", "all"), action="append", help="one setting only")
    parser.add_argument("--sample", type=int, metavar="N", help="ask N questions, sampled with a seed and stratified by story")
    parser.add_argument("--no-reader", action="store_true", help="ask without a language model")
    options = parser.parse_args()
    stories = load_stories(options.source)
    whole = write_corpus(stories, options.out / "all")
    corpora = {"all": [whole], "story": [write_corpus([story], options.out / "story" / story["story"]) for story in stories]}
    settings = load_settings()
    embedder = local_embedder(embedding_model(settings.embedding_model), threads=settings.cpu_threads)
    model = LlamaReader(reader_model(settings.model), threads=settings.cpu_threads, context=settings.context)
    reader: Reader = SilentReader() if options.no_reader else model
    for setting in options.setting or ("story", "all"):
        done, assistant = run(corpora[setting], options.sample, embedder, reader, settings)
        name = setting + ("-no-reader" if options.no_reader else "")
        details = {**about(assistant, done, whole / "questions.jsonl"), "setting": setting, "sample": options.sample, "seed": SEED}
        found = Found(done, summarise(done.results), details)
        files = options.out / f"{name}.json", options.out / f"{name}.html"
        write(found, *files)
        show(found, files)
        if not done.complete:
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
