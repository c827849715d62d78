"""Models from a hub to verified files, through cut connections, wrong bytes and full disks."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.config import PROJECT
from rag.errors import ModelError
from rag.models import EMBEDDER, READER, embedding_model, reader_model, sha256
from rag.pull import BLOCK, CATALOGUE, pull

from .hub import Hub, serve_hub

GGUF = "tiny/reader-GGUF:reader.gguf"
CODE = """
import os, sys
from pathlib import Path
limit = int(sys.argv[3])
if limit:
    import resource, signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
from rag.errors import RagError
from rag.pull import pull
try:
    print(pull(sys.argv[1], models_dir=Path(sys.argv[2])).path)
except RagError as error:
    sys.exit(f"error: {error}")
"""


def start(name: str, models: Path, endpoint: str, *, limit: int = 0, **environment: str) -> subprocess.Popen[str]:
    """Start a pull in a process of its own, where the hub's client reads its address from the environment."""
    env = {"HF_ENDPOINT": endpoint, "HOME": str(models.parent / "home"), "HF_HOME": str(models.parent / "hf"), "PATH": "", **environment}
    return subprocess.Popen(
        [sys.executable, "-c", CODE, name, str(models), str(limit)], cwd=PROJECT, env=env, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip


def run(name: str, models: Path, endpoint: str, **options: object) -> tuple[int, str]:
    """Pull and return the exit status and what was said."""
    with start(name, models, endpoint, **options) as child:  # type: ignore[arg-type]
        out, err = child.communicate(timeout=120)
    return child.returncode, out + err


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """Serve a GGUF of two and a half blocks cut from the bundled one, a web page of that name, and files to be left alone."""
    files = {"reader.gguf": reader_model().path.read_bytes()[: int(2.5 * BLOCK)], "page.gguf": b"<html>", "run.py": b"raise SystemExit"}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    with serve_hub({"tiny/reader-GGUF": {name: tmp_path / name for name in files}}) as running:
        yield running


def test_the_bundled_reader_comes_whole_from_a_hub_and_only_once(tmp_path: Path, models: Path) -> None:
    with serve_hub({"tiny/reader-GGUF": {READER.file: reader_model().path}}) as hub:
        assert run(f"tiny/reader-GGUF:{READER.file}", models, hub.url) == (0, f"{models / READER.file}\n")
        assert sha256(models / READER.file) == READER.sha256
        asked = len(hub.requests)
        assert asked == -(-reader_model().path.stat().st_size // BLOCK)
        assert run(f"tiny/reader-GGUF:{READER.file}", models, hub.url)[0] == 0
        assert len(hub.requests) == asked
    assert not list((models / ".part").iterdir())


def test_the_bundled_embedder_comes_from_a_hub_without_code(tmp_path: Path, models: Path) -> None:
    folder = embedding_model().path
    files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    (tmp_path / "modeling_own.py").write_text("raise SystemExit")
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    with serve_hub({"tiny/embedder": {**files, **{name: tmp_path / name for name in ("modeling_own.py", "pytorch_model.bin")}}}) as hub:
        code, said = run("tiny/embedder", models, hub.url)
    assert (code, said) == (0, f"{models / 'embedder'}\n")
    assert embedding_model(str(models / "embedder")).sha256 == EMBEDDER.sha256
    assert not [path for path in (models / "embedder").rglob("*") if path.suffix in (".py", ".bin")]


def test_a_cut_connection_is_taken_up_again(hub: Hub, models: Path, tmp_path: Path) -> None:
    """Row G11."""
    hub.cuts = 2
    assert run(GGUF, models, hub.url)[0] == 0
    assert (models / "reader.gguf").read_bytes() == (tmp_path / "reader.gguf").read_bytes()


def test_a_pull_that_was_killed_goes_on_where_it_was(hub: Hub, models: Path, tmp_path: Path) -> None:
    """Row G11."""
    hub.stops_at = 2 * BLOCK
    with start(GGUF, models, hub.url) as child:
        assert hub.stopped.wait(60)
        child.send_signal(signal.SIGKILL)
    assert not (models / "reader.gguf").exists()
    hub.stops_at = None
    hub.requests.clear()
    assert run(GGUF, models, hub.url)[0] == 0
    assert hub.requests == [("reader.gguf", 2 * BLOCK)]
    assert (models / "reader.gguf").read_bytes() == (tmp_path / "reader.gguf").read_bytes()


def test_bytes_that_are_not_what_the_hub_promises_never_get_the_models_name(hub: Hub, models: Path) -> None:
    """Row G11."""
    hub.claims["reader.gguf"] = {"sha256": "0" * 64}
    code, said = run(GGUF, models, hub.url)
    assert code == 1
    assert re.search(
        rf"reader\.gguf from tiny/reader-GGUF is damaged: expected {'0' * 64}, got \w{{64}}\. It was removed\. Pull it again", said
    )
    assert not [path for path in models.rglob("*") if path.is_file()]


def test_a_model_larger_than_the_room_on_disk_is_refused_before_a_byte_is_fetched(hub: Hub, models: Path) -> None:
    hub.claims["reader.gguf"] = {"size": 10**16}
    code, said = run(GGUF, models, hub.url)
    assert code == 1
    assert re.search(r"needs 10000000\.\d+ GB more in .*models, and \d+\.\d+ GB are free\. Make room", said)
    assert hub.requests == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes")
def test_a_disk_that_fills_up_is_named_and_what_came_is_kept(hub: Hub, models: Path) -> None:
    """Row G11."""
    code, said = run(GGUF, models, hub.url, limit=int(1.5 * BLOCK))
    assert code == 1
    assert re.search(r"Cannot write to .*\.part: File too large\. Make room there.*pull again to go on", said)
    hub.requests.clear()
    assert run(GGUF, models, hub.url)[0] == 0
    assert hub.requests[0][1] >= BLOCK


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tiny/nothing-GGUF:a.gguf", "No model tiny/nothing-GGUF on the hub. Check the name, or see models/README.md"),
        ("tiny/reader-GGUF:other.gguf", "No file 'other.gguf' in tiny/reader-GGUF (its GGUF files: reader.gguf, page.gguf)"),
        ("tiny/reader-GGUF", "is no embedding model (looked for modules.json and model.safetensors; its GGUF files: reader.gguf"),
        ("tiny/reader-GGUF:page.gguf", "is a web page, not a model"),
    ],
)
def test_what_is_not_there_or_no_model_is_named(hub: Hub, models: Path, name: str, said: str) -> None:
    code, out = run(name, models, hub.url)
    assert code == 1
    assert said in out


def test_a_hub_that_is_out_of_reach_or_switched_off_is_named(models: Path) -> None:
    assert "Fetching tiny/reader-GGUF stopped" in run(GGUF, models, "http://127.0.0.1:9")[1]
    assert "HF_HUB_OFFLINE is set" in run(GGUF, models, "http://127.0.0.1:9", HF_HUB_OFFLINE="1")[1]


@pytest.mark.parametrize("name", ["nothing", "../x", "a/b:../../etc/x.gguf", "a/b:run.py", "a/b/c", "", "https://a/b"])
def test_names_that_are_no_models_are_refused_before_anything_is_asked(name: str, models: Path) -> None:
    with pytest.raises(ModelError, match=r"No model .*OWNER/REPOSITORY:FILE\.gguf\)\. See models/README\.md"):
        pull(name, models_dir=models)


def test_the_catalogue_and_the_readme_name_the_same_models() -> None:
    readme = (PROJECT / "models" / "README.md").read_text(encoding="utf-8")
    for known in CATALOGUE:
        row = next(line for line in readme.splitlines() if f"| `{known.name}` |" in line)
        for cell in (known.repo, known.file, f"{known.size:g} GB", f"{known.memory:g} GB", known.licence, known.good_at):
            assert cell in row
