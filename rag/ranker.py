"""Our own trained parts: a small low-rank change to the bundled MiniLM that makes it read for one task.

A part is two files in `models/`: `NAME.safetensors` with the change, and `NAME.md`, its model card, whose front matter holds the
SHA-256 of the file and of the base model that it changes. Without them everything works as it does with the base model alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from rag.embedding import SentenceTransformerEmbedder
from rag.errors import ModelError
from rag.models import MODELS, LocalModel, sha256
from rag.types import Vectors

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

MATCHER = "token-matcher"


@dataclass(frozen=True, slots=True)
class TrainedPart:
    """A part's weights on this disk, verified: `base` is the model that they change."""

    name: str
    path: Path
    sha256: str
    base: LocalModel

    @property
    def fingerprint(self) -> str:
        """Name and weights: changes whenever what the part says would."""
        return f"{self.name}:{self.sha256}"


def trained_part(name: str, base: LocalModel, *, models_dir: Path = MODELS) -> TrainedPart | None:
    """Return a part of that name for a base model, or None where there is none for it.

    Raises:
        ModelError: the weights are not those of the model card.
    """
    card, weights = models_dir / f"{name}.md", models_dir / f"{name}.safetensors"
    if not card.is_file() or not weights.is_file():
        return None
    facts = _front_matter(card)
    if facts.get("base_sha256") != base.sha256:
        return None
    if (found := sha256(weights)) != facts.get("sha256"):
        raise ModelError(
            f"The trained part {weights.name} is damaged: expected SHA-256 {facts.get('sha256')}, got {found}. "
            f"Fetch the file again, or remove {weights.name} and {card.name} from {models_dir.name}/ to work without it."
        )
    return TrainedPart(name, weights, found, base)


def _front_matter(card: Path) -> Mapping[str, Any]:
    _, _, rest = card.read_text(encoding="utf-8").partition("---\n")
    try:
        facts = yaml.safe_load(rest.partition("\n---")[0])
    except yaml.YAMLError:
        return {}
    return facts if isinstance(facts, dict) else {}


class TokenMatcher(SentenceTransformerEmbedder):
    """The base model changed so that a question's tokens lie near those of the sentence that answers it.

    It takes the place of the embedder's `encode_tokens` in late interaction, and weighs the question's tokens; what it gives
    for whole texts (`encode`) is of no use.
    """

    def __init__(self, part: TrainedPart, *, threads: int) -> None:
        super().__init__(part.base, threads=threads)
        self.part = part
        self._gates: dict[str, Vectors] = {}

    @property
    def fingerprint(self) -> str:
        """Name and weights of the base model and of the part."""
        return f"{super().fingerprint}+{self.part.fingerprint}"

    def weigh(self, vectors: Vectors, weights: Vectors) -> Vectors:
        """Return the weights of a question's tokens, above 0: what they were, scaled, plus some of their own.

        `vectors` are the tokens' from `encode_tokens`, shape (tokens, dimension), `weights` how rare their words are (inverse
        document frequencies). A question word, which names nothing, gains weight by what kind of answer it asks for.
        """
        with self._lock:
            self._load()
        gates = self._gates
        scale = np.exp(np.clip(vectors @ gates["scale"], -2, 2))
        own = np.logaddexp(0.0, vectors @ gates["own"] + gates["bias"])
        return np.asarray(weights * scale + own, dtype=np.float32)

    def score(self, question: str, texts: Sequence[str]) -> Vectors:
        """Return how well each text answers a question, 0..1: late interaction (MaxSim) with all words alike."""
        asked = self.encode_tokens([question])[0].vectors
        weights = self.weigh(asked, np.ones(len(asked), np.float32))
        weights /= weights.sum()
        near = [(asked @ tokens.vectors.T).max(axis=1) for tokens in self.encode_tokens(texts)]
        return np.asarray([weights @ cosines for cosines in near], dtype=np.float32).clip(0, 1)

    def _load(self) -> SentenceTransformer:
        model = super()._load()
        if not self._gates:
            self._gates = _change(model[0].auto_model, self.part)
        return model


def _change(model: Any, part: TrainedPart) -> dict[str, Vectors]:
    """Add a part's change to a model's weights, in place, and return the part's other tensors.

    A matrix W becomes W + up @ down (LoRA, Hu et al. 2021); a vector has its change whole.
    """
    from safetensors.numpy import load_file

    tensors = {name: value.astype(np.float32) for name, value in load_file(part.path).items()}
    weights = dict(model.named_parameters())
    rest = {}
    for name, value in tensors.items():
        target, _, kind = name.partition("|")
        if kind == "down":
            weights[target].data += _tensor(tensors[f"{target}|up"] @ value)
        elif kind == "add":
            weights[target].data += _tensor(value)
        elif not kind:
            rest[name] = value
    return rest


def _tensor(array: Vectors) -> torch.Tensor:
    import torch

    return torch.from_numpy(np.ascontiguousarray(array))
