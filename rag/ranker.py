"""Our own trained parts: a small low-rank change to the bundled MiniLM that makes it read for one task.

A part is two files in `models/`: `NAME.safetensors` with the change, and `NAME.md`, its model card, whose front matter holds the
SHA-256 of the file and of the base model that it changes. Without them everything works as it does with the base model alone.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import yaml

from rag.errors import ModelError
from rag.models import MODELS, LocalModel, sha256

if TYPE_CHECKING:
    import torch

Scores = npt.NDArray[np.float32]


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
    facts = yaml.safe_load(rest.partition("\n---")[0])
    return facts if isinstance(facts, dict) else {}
