"""The embedding model in NumPy gives what sentence-transformers gives; other models are left to that library."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag import bert
from rag.config import PROJECT
from rag.embedding import BertEmbedder, SentenceTransformerEmbedder, local_embedder
from rag.errors import ModelError
from rag.models import LocalModel, embedding_model

TEXTS = [
    "Who rang the bell?", "", " ", "The fire destroyed 12 boats, and nobody was hurt.", "naïve café — “ﬁre” ½ 你好 🦢", "\u200b\ufeff",
    "tide " * 700, "Ünïcödé!!! ... #tag @me http://example.org/a_b?c=d", "a", "Who rang the bell?", "[MASK] [SEP] [CLS] [PAD]",
]  # fmt: skip


@pytest.fixture(scope="module")
def model() -> LocalModel:
    return embedding_model()


@pytest.fixture
def copied(tmp_path: Path, model: LocalModel) -> Path:
    """Return a copy of the model's folder to change; its weights are the same file."""
    shutil.copytree(model.path, tmp_path / "model", copy_function=lambda source, target: Path(target).symlink_to(source))
    return tmp_path / "model"


def change(file: Path, **values: Any) -> None:
    found = json.loads(file.read_text())
    file.unlink()
    file.write_text(json.dumps({**found, **values}))


@pytest.mark.real
def test_vectors_are_those_of_sentence_transformers(model: LocalModel) -> None:
    ours, theirs = BertEmbedder(model, threads=1), SentenceTransformerEmbedder(model, threads=1)
    np.testing.assert_allclose(ours.encode(TEXTS), theirs.encode(TEXTS), atol=2e-6)
    for mine, other in zip(ours.encode_tokens(TEXTS), theirs.encode_tokens(TEXTS), strict=True):
        assert mine.spans == other.spans
        np.testing.assert_allclose(mine.vectors, other.vectors, atol=2e-5)
    assert ours.fingerprint == theirs.fingerprint


def test_gelu_is_x_times_the_normal_distribution_function() -> None:
    x = np.linspace(-12, 12, 40 * 1000).reshape(1000, 40)
    expected = [value * (1 + math.erf(value / math.sqrt(2))) / 2 for value in x.ravel()]
    np.testing.assert_allclose(bert.gelu(x.astype(np.float32)).ravel(), expected, atol=1e-6)


@pytest.mark.real
def test_a_text_has_one_vector_alone_and_among_others(model: LocalModel) -> None:
    embedder = BertEmbedder(model, threads=1)
    alone = np.concatenate([embedder.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(embedder.encode(TEXTS), alone, atol=2e-6)


@pytest.mark.real
def test_a_question_is_answered_without_loading_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from rag.config import Settings; from rag.pipeline import Assistant; "
        f"Assistant(settings=Settings(corpus={str(PROJECT / 'corpus')!r}, index_dir={str(tmp_path)!r})).answer('Who is Milo?'); "
        "print(*(name in sys.modules for name in ('torch', 'transformers', 'sentence_transformers', 'sklearn')))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PROJECT)
    assert found.stdout.split() == ["False"] * 4


@pytest.mark.parametrize(
    ("file", "values"),
    [
        ("config.json", {"model_type": "mpnet"}),
        ("config.json", {"hidden_act": "gelu_new"}),
        ("config.json", {"position_embedding_type": "relative_key"}),
        ("1_Pooling/config.json", {"pooling_mode_cls_token": True}),
        ("1_Pooling/config.json", {"pooling_mode_mean_tokens": False}),
        ("config_sentence_transformers.json", {"prompts": {"query": "query: "}, "default_prompt_name": "query"}),
        ("sentence_bert_config.json", {"max_seq_length": None}),
    ],
)
def test_any_other_model_is_left_to_sentence_transformers(copied: Path, file: str, values: dict[str, Any]) -> None:
    assert bert.can_run(copied)
    change(copied / file, **values)
    assert not bert.can_run(copied)
    assert isinstance(local_embedder(LocalModel("other", copied, ""), threads=1), SentenceTransformerEmbedder)


@pytest.mark.parametrize("file", ["tokenizer.json", "model.safetensors", "1_Pooling/config.json", "modules.json"])
def test_a_folder_that_lacks_a_file_is_not_run(copied: Path, file: str) -> None:
    (copied / file).unlink()
    assert not bert.can_run(copied)


def test_weights_of_half_precision_are_not_run(copied: Path) -> None:
    header = json.dumps({"embeddings.word_embeddings.weight": {"dtype": "F16", "shape": [1], "data_offsets": [0, 2]}}).encode()
    (copied / "model.safetensors").unlink()
    (copied / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"\0\0")
    assert not bert.can_run(copied)


def test_damaged_weights_say_which_folder_and_what_to_do(copied: Path, model: LocalModel) -> None:
    whole = (model.path / "model.safetensors").read_bytes()
    (copied / "model.safetensors").unlink()
    (copied / "model.safetensors").write_bytes(whole[:200_000])
    with pytest.raises(ModelError, match=r"will not load .*unset RAG_EMBEDDING_MODEL"):
        local_embedder(LocalModel("cut", copied, ""), threads=1).encode(["boat"])
