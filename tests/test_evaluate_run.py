"""Whole runs over a small corpus: scores, files, partial runs, comparison, bars, and the same scores every time."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rag import cli, evaluate
from rag.config import PROJECT, Settings
from rag.errors import EvaluationError, ModelError
from rag.evaluation.summary import Bar, load_run, parse_bar, summarise
from rag.pipeline import Assistant
from rag.types import Reader, Usage
from tests.conftest import QueueReader, WordEmbedder

FIRE = {"article": "harbour", "quote": "The fire destroyed 12 boats and the old ice house."}
BELL = {"article": "harbour", "quote": "Mara Quist, a welder, rang the bell and woke the crews."}
QUESTIONS: list[dict[str, Any]] = [  # the first three are dealt with well, the last one cannot be
    {"id": "boats", "type": "fact", "question": "How many boats did the fire in the harbour destroy?", "answerable": True,
     "answer": "It destroyed 12.", "must_include": [["12", "twelve"]], "evidence": [FIRE], "sources_required": ["harbour"]},
    {"id": "bell", "type": "fact", "question": "Who rang the bell?", "answerable": True, "answer": "Mara Quist.",
     "must_include": [["mara quist"]], "evidence": [BELL], "source_any": ["harbour", "quay"]},
    {"id": "hats", "type": "unanswerable", "question": "Which hat suits a giraffe?", "answerable": False},
    {"id": "pier", "type": "impossible", "question": "Who promised a new pier?", "answerable": True, "must_include": [["a zebra"]],
     "evidence": [{"article": "quay", "quote": "The mayor promised a new pier."}]},
]  # fmt: skip


class Interrupted(QueueReader):
    """Is stopped by Ctrl-C, or another error, when it is asked a certain question."""

    def __init__(self, at: str, error: BaseException) -> None:
        super().__init__("[1] ")
        self.at, self.error = at, error

    def generate(self, messages: Sequence[Mapping[str, str]], /, *, grammar: str, max_tokens: int) -> Iterator[str]:
        if self.at in messages[-1]["content"]:
            raise self.error
        return super().generate(messages, grammar=grammar, max_tokens=max_tokens)


class Counting(QueueReader):
    """Reads ten tokens and writes two with every call."""

    @property
    def usage(self) -> Usage:
        return Usage(10 * len(self.prompts), 2 * len(self.prompts))


class Bench:
    """The command line with fake models, in a folder of its own."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder, self.settings = folder, settings
        self.questions = folder / "questions.jsonl"
        self.write(QUESTIONS)

    def write(self, questions: Sequence[Mapping[str, Any]]) -> None:
        self.questions.write_text("\n".join(map(json.dumps, questions)), encoding="utf-8")

    def run(self, *options: object, reader: QueueReader | None = None) -> int:
        def make(corpus: str | None, model: str | None, reader: Reader | None) -> Assistant:
            return Assistant(settings=self.settings, embedder=WordEmbedder(), reader=reader or fake)

        fake = reader or QueueReader()
        return evaluate.main(["--questions", str(self.questions), *map(str, options)], make=make)

    def json(self, *options: object, name: str = "out.json", reader: QueueReader | None = None) -> dict[str, Any]:
        file = self.folder / name
        self.run("--json", file, *options, reader=reader)
        return dict(json.loads(file.read_text(encoding="utf-8")))


@pytest.fixture
def bench(tmp_path: Path, settings: Settings) -> Bench:
    return Bench(tmp_path, settings)


def test_a_run_scores_every_question_and_prints_a_table(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.run() == 0
    printed = capsys.readouterr()
    assert "4 questions in" in printed.out
    assert "answer correctness" in printed.out
    assert "% right" in printed.err


def test_the_json_holds_the_summary_and_every_question(bench: Bench) -> None:
    found = bench.json()
    assert (found["complete"], found["asked"], found["answered"]) == (True, 4, 4)
    assert found["summary"]["questions right"]["all"]["value"] == 0.75
    assert found["summary"]["refusal recall"]["all"]["n"] == 1
    assert {name: e["value"] for name, e in found["summary"]["answer correctness"].items()} == {
        "all": 0.6667,
        "fact": 1.0,
        "impossible": 0.0,
    }
    by_id = {question["id"]: question for question in found["questions"]}
    assert by_id["hats"]["right"] is True
    assert sum(found["verdicts"].values()) == sum(len(question["claims"]) for question in found["questions"])
    assert "12" in by_id["boats"]["text"]
    assert {c["article_id"] for claim in by_id["boats"]["claims"] for c in claim["citations"]} == {"harbour", "quay"}


def test_two_runs_differ_in_nothing_but_time(bench: Bench) -> None:
    first, second = bench.json(name="1.json"), bench.json(name="2.json")
    assert first.pop("time") != second.pop("time")
    assert first == second


def test_no_key_is_written_to_a_report(bench: Bench) -> None:
    bench.settings = bench.settings.with_overrides(api_key="sk-heron", index_token="token-heron")
    found = bench.json("--html", bench.folder / "out.html")
    assert found["about"]["settings"]["context"] == 2048
    assert "heron" not in "".join((bench.folder / name).read_text(encoding="utf-8") for name in ("out.json", "out.html"))


def test_an_estimate_takes_one_line_of_json(bench: Bench) -> None:
    bench.json()
    lines = (bench.folder / "out.json").read_text(encoding="utf-8").split("\n")
    assert any(line.strip().startswith('"all": {"value":') and '"n":' in line for line in lines)


def test_tokens_are_counted_per_question(bench: Bench) -> None:
    summary = bench.json("--type", "fact", reader=Counting())["summary"]
    assert summary["tokens read p50"]["all"]["value"] == 5 * summary["tokens written p50"]["all"]["value"] >= 10


def test_without_a_reader_answers_are_quotes_and_no_model_is_asked(bench: Bench) -> None:
    reader = QueueReader("[1] Mara Quist rang it.")
    found = bench.json("--no-reader", reader=reader)
    assert {claim["verdict"] for question in found["questions"] for claim in question["claims"]} == {"quoted"}
    assert (found["about"]["model"], reader.prompts) == ("no language model", [])


def test_limit_and_type_choose_questions(bench: Bench) -> None:
    assert [q["id"] for q in bench.json("--limit", 1)["questions"]] == ["boats"]
    assert [q["id"] for q in bench.json("--type", "unanswerable", "--type", "impossible")["questions"]] == ["hats", "pier"]
    assert [q["id"] for q in bench.json("--type", "fact", "--limit", 1)["questions"]] == ["boats"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--type", "facts"], "there is no question of this type. There are: fact, unanswerable, impossible."),
        (["--limit", "0"], "--limit is 0; it counts the questions to ask"),
        (["--fail-under", "correctness=0.5"], "there is no metric 'correctness'. There are: questions-right, answer-correctness"),
        (["--fail-under", "answer-correctness"], "there is no metric ''"),
        (["--fail-under", "answer-correctness=high"], "'high' is no number"),
        (["--compare", "none.json"], "Cannot read the older run none.json"),
        (["--json", "none/out.json"], "There is no folder none to write out.json to"),
        (["--json", "."], "Cannot write to ."),
        (["--json", "a.x", "--html", "./a.x"], "already used by another option"),
    ],
)
def test_a_bad_option_is_refused_before_any_work(
    bench: Bench, options: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row X8."""
    monkeypatch.chdir(bench.folder)
    reader = QueueReader()
    assert bench.run(*options, reader=reader) == 1
    assert message in capsys.readouterr().err
    assert not reader.prompts
    assert not (bench.folder / "a.x").exists()


def test_the_question_file_is_not_overwritten(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    before = bench.questions.read_text(encoding="utf-8")
    assert bench.run("--json", bench.questions) == 1
    assert "already used" in capsys.readouterr().err
    assert bench.questions.read_text(encoding="utf-8") == before


def test_a_bad_question_stops_the_run_before_the_model_is_asked(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.write([*QUESTIONS, {**QUESTIONS[0], "id": "x", "evidence": [{"article": "harbour", "quote": "It destroyed 13 boats."}]}])
    reader = QueueReader()
    assert bench.run(reader=reader) == 1
    assert "questions.jsonl, line 5: article 'harbour' does not hold the quote" in capsys.readouterr().err
    assert not reader.prompts


def test_ctrl_c_keeps_what_is_finished_and_labels_it_partial(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """Row X8."""
    report, reader = bench.folder / "out.html", Interrupted("Who rang the bell?", KeyboardInterrupt())
    assert bench.run("--json", bench.folder / "out.json", "--html", report, reader=reader) == 130
    found = json.loads((bench.folder / "out.json").read_text(encoding="utf-8"))
    assert (found["complete"], found["stopped"], found["answered"], found["asked"]) == (False, "stopped by Ctrl-C", 1, 4)
    assert "PARTIAL: 1 of 4 questions, stopped by Ctrl-C" in capsys.readouterr().out
    assert "<strong>Partial:</strong> 1 of 4 questions" in report.read_text(encoding="utf-8")


def test_ctrl_c_before_the_first_answer_writes_nothing(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.run("--json", bench.folder / "out.json", reader=Interrupted("How many boats", KeyboardInterrupt())) == 130
    assert "nothing was written" in capsys.readouterr().err
    assert not (bench.folder / "out.json").exists()


def test_an_error_in_the_middle_keeps_what_is_finished(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.run("--json", bench.folder / "out.json", reader=Interrupted("Who rang the bell?", ModelError("The model is gone."))) == 1
    assert "PARTIAL: 1 of 4 questions, stopped by an error: The model is gone." in capsys.readouterr().out


def test_an_error_at_once_is_an_error(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.run(reader=Interrupted("How many boats", ModelError("The model is gone."))) == 1
    assert "error: The model is gone." in capsys.readouterr().err


CHILD = """
import sys, time
from rag.config import Settings
from tests.test_evaluate_run import Bench, Interrupted
from pathlib import Path

class Slow(Interrupted):
    def generate(self, messages, /, **options):
        if self.at in messages[-1]["content"]:
            print("asked", flush=True)
            time.sleep(60)
        return super().generate(messages, **options)

folder = Path(sys.argv[1])
bench = Bench(folder, Settings(corpus=str(folder / "corpus"), index_dir=str(folder / "index")))
sys.exit(bench.run("--json", folder / "out.json", reader=Slow("Who rang the bell?", RuntimeError("not stopped"))))
"""


def test_a_real_interrupt_signal_does_the_same(bench: Bench) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(bench.folder)], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "asked\n"
    child.send_signal(signal.SIGINT)
    output, _ = child.communicate(timeout=120)
    assert child.returncode == 130
    assert "PARTIAL: 1 of 4 questions" in output
    assert json.loads((bench.folder / "out.json").read_text(encoding="utf-8"))["complete"] is False


@pytest.mark.parametrize(
    ("bar", "status"),
    [
        ("answer-correctness=0.5", 0), ("Answer Correctness=0.7", 3), ("wrong-refusals=0.0", 0), ("questions-right=0.8", 3),
        ("citation-precision-evidence=0.01", 0), ("sentence-recall@5=0.5", 0), ("disagreement-recall=0.1", 3),
    ],
)  # fmt: skip
def test_a_bar_decides_the_exit_status(bench: Bench, bar: str, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.run("--fail-under", bar) == status
    assert ("Bar not met" in capsys.readouterr().out) is (status == 3)


def test_a_bar_of_a_metric_where_less_is_better_is_a_ceiling(bench: Bench) -> None:
    summary = summarise([])
    assert Bar("wrong refusals", 0.1).judge(summary) == "wrong refusals was not measured: no question asks for it"
    assert bench.run("--fail-under", "answer-words-p95=1") == 3
    assert parse_bar("support-calibration-error=0.2") == Bar("support calibration error", 0.2)


def test_comparing_tells_wins_and_losses_by_question(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    old = bench.folder / "old.json"
    bench.json(name="old.json", reader=QueueReader("[1] Mara Quist rang the bell."))
    data = json.loads(old.read_text(encoding="utf-8"))
    for question in data["questions"]:
        if question["id"] in ("boats", "bell"):
            question["right"], question["scores"]["answer correctness"] = False, 0.0
    old.write_text(json.dumps(data), encoding="utf-8")
    found = bench.json("--compare", old)["comparison"]
    assert found["now_right"] == ["boats", "bell"]
    assert found["now_wrong"] == []
    change = found["changes"]["answer correctness"]
    assert (change["old"], change["new"], change["won"], change["lost"], change["p"]) == (0.0, 0.6667, 2, 0, 0.5)
    assert "against the older run, 4 questions of both" in capsys.readouterr().out


def test_a_run_compared_with_itself_changes_nothing(bench: Bench) -> None:
    bench.json(name="old.json")
    found = bench.json("--compare", bench.folder / "old.json")["comparison"]
    assert (found["now_right"], found["now_wrong"], found["missing"]) == ([], [], 0)
    assert {(c["won"], c["lost"], c["change"]) for c in found["changes"].values()} == {(0, 0, 0.0)}


def test_questions_of_one_run_only_or_worded_anew_are_left_out_and_counted(bench: Bench) -> None:
    bench.json(name="old.json")
    bench.write([QUESTIONS[0], {**QUESTIONS[1], "question": "Who was it that rang the bell?"}, QUESTIONS[2]])
    found = bench.json("--compare", bench.folder / "old.json")["comparison"]
    assert (found["questions"], found["missing"]) == (2, 3)


@pytest.mark.parametrize("content", ["{}", "[]", "no", '{"questions": [{"id": 1}]}'])
def test_a_file_that_is_no_run_cannot_be_compared_with(tmp_path: Path, content: str) -> None:
    (tmp_path / "old.json").write_text(content, encoding="utf-8")
    with pytest.raises(EvaluationError, match=r"is no run of this evaluation.*--json"):
        load_run(tmp_path / "old.json")


def test_python_m_rag_evaluate_is_the_same_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["evaluate", "--questions", "none.jsonl"]) == 1
    assert "Cannot read the questions in none.jsonl" in capsys.readouterr().err


@pytest.mark.real
def test_the_bundled_models_score_the_same_twice_and_count_their_tokens(assistant: Assistant, tmp_path: Path) -> None:
    phrasing = Assistant(settings=replace(assistant.settings, phrase="always", threads=1))

    def run(name: str) -> dict[str, Any]:
        arguments = ["--json", str(tmp_path / name), "--limit", "1"]
        assert evaluate.main(arguments, make=lambda corpus, model, reader: phrasing) == 0
        found = dict(json.loads((tmp_path / name).read_text(encoding="utf-8")))
        return {key: value for key, value in found.items() if key != "time"}

    first, second = run("1.json"), run("2.json")
    assert first == second
    assert first["summary"]["exact quotes"]["all"]["value"] == 1.0
    assert first["summary"]["tokens read p50"]["all"]["value"] > first["summary"]["tokens written p50"]["all"]["value"] > 0
