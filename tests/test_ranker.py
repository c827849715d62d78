"""Trained parts: found, checked, and put on top of the bundled model."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from rag.config import PROJECT
from rag.embedding import SentenceTransformerEmbedder
from rag.errors import ModelError
from rag.models import LocalModel, embedding_model
from rag.ranker import MATCHER, TokenMatcher, trained_part

MODELS = PROJECT / "models"
WEIGHT = "encoder.layer.5.output.dense.weight"


def write_part(folder: Path, base: LocalModel, tensors: dict[str, np.ndarray], *, damaged: bool = False) -> Path:
    weights = folder / f"{MATCHER}.safetensors"
    save_file({name: value.astype(np.float16) for name, value in tensors.items()}, weights)
    digest = "0" * 64 if damaged else hashlib.sha256(weights.read_bytes()).hexdigest()
    (folder / f"{MATCHER}.md").write_text(f"---\nsha256: {digest}\nbase_sha256: {base.sha256}\n---\n# A part\n")
    return weights


def gates(scale: float = 0.0, bias: float = -5.0) -> dict[str, np.ndarray]:
    return {"scale": np.full(384, scale), "own": np.zeros(384), "bias": np.full(1, bias)}


def matcher_in(folder: Path) -> TokenMatcher:
    part = trained_part(MATCHER, embedding_model(), models_dir=folder)
    assert part is not None
    return TokenMatcher(part, threads=2)


def test_without_its_files_there_is_no_part(tmp_path: Path) -> None:
    assert trained_part(MATCHER, LocalModel("base", tmp_path, "ab"), models_dir=tmp_path) is None


def test_a_part_for_another_base_model_is_left_out(tmp_path: Path) -> None:
    write_part(tmp_path, LocalModel("base", tmp_path, "ab"), gates())
    assert trained_part(MATCHER, LocalModel("other", tmp_path, "cd"), models_dir=tmp_path) is None


def test_a_damaged_part_is_refused_with_what_to_do(tmp_path: Path) -> None:
    base = LocalModel("base", tmp_path, "ab")
    write_part(tmp_path, base, gates(), damaged=True)
    with pytest.raises(ModelError, match=r"token-matcher\.safetensors is damaged: expected SHA-256 0+, got .*remove token-matcher"):
        trained_part(MATCHER, base, models_dir=tmp_path)


@pytest.mark.parametrize("card", ["", "no front matter", "---\n- a list\n---\n", "---\n: [\n---\n"])
def test_a_card_that_says_nothing_makes_no_part(tmp_path: Path, card: str) -> None:
    base = LocalModel("base", tmp_path, "ab")
    write_part(tmp_path, base, gates())
    (tmp_path / f"{MATCHER}.md").write_text(card)
    assert trained_part(MATCHER, base, models_dir=tmp_path) is None


def test_every_part_that_ships_is_the_one_its_card_names() -> None:
    cards = [path for path in MODELS.glob("*.md") if path.with_suffix(".safetensors").is_file()]
    assert cards
    assert all(trained_part(card.stem, embedding_model()) for card in cards)


@pytest.mark.real
def test_a_part_that_changes_nothing_gives_the_base_models_token_vectors(tmp_path: Path) -> None:
    write_part(tmp_path, embedding_model(), {**gates(), f"{WEIGHT}|up": np.zeros((384, 2)), f"{WEIGHT}|down": np.zeros((2, 1536))})
    texts = ["Mara rang the bell.", "Who rang?"]
    ours = matcher_in(tmp_path).encode_tokens(texts)
    base = SentenceTransformerEmbedder(embedding_model(), threads=2).encode_tokens(texts)
    assert all(np.allclose(a.vectors, b.vectors, atol=1e-5) and a.spans == b.spans for a, b in zip(ours, base, strict=True))


@pytest.mark.real
def test_a_change_is_added_to_the_weights_once(tmp_path: Path) -> None:
    up, down = np.zeros((384, 1)), np.zeros((1, 1536))
    up[3], down[0, 7] = 2.0, 0.5
    write_part(tmp_path, embedding_model(), {**gates(), f"{WEIGHT}|up": up, f"{WEIGHT}|down": down})
    matcher = matcher_in(tmp_path)
    plain = SentenceTransformerEmbedder(embedding_model(), threads=2)
    for model in (matcher, plain):
        model.encode_tokens(["warm"])
        model.encode_tokens(["warm"])
    changed = matcher._load()[0].auto_model.get_parameter(WEIGHT) - plain._load()[0].auto_model.get_parameter(WEIGHT)
    assert float(changed[3, 7].detach()) == pytest.approx(1.0, abs=1e-3)
    assert float(changed.abs().sum().detach()) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.real
def test_a_token_without_rarity_gains_a_weight_of_its_own(tmp_path: Path) -> None:
    write_part(tmp_path, embedding_model(), gates(bias=0.0))
    weights = matcher_in(tmp_path).weigh(np.eye(2, 384, dtype=np.float32), np.array([0.0, 2.0], np.float32))
    assert weights == pytest.approx([np.log(2), 2 + np.log(2)], abs=1e-3)


@pytest.mark.real
def test_the_shipped_matcher_finds_the_sentence_that_answers() -> None:
    matcher = matcher_in(MODELS)
    told = ["Odile Brand mended the lighthouse lamp.", "The lighthouse stands on a cliff.", "Odile was born in a harbour town."]
    scores = matcher.score("Who repaired the lamp of the lighthouse?", told)
    assert scores.argmax() == 0
    assert scores.min() >= 0
    assert scores.max() <= 1
