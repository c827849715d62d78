"""Text to unit vectors, by sentence-transformers, from a local folder and nothing else."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from rag.errors import ModelError
from rag.models import LocalModel
from rag.types import TokenVectors, Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

BATCH = 64
_SETTINGS = (".json", ".txt", ".model")


class SentenceTransformerEmbedder:
    """An Embedder over a local sentence-transformers folder; the model loads on first use."""

    def __init__(self, model: LocalModel, *, threads: int) -> None:
        self.model = model
        self._threads = threads
        self._lock = threading.Lock()
        self._loaded: SentenceTransformer | None = None

    @cached_property
    def fingerprint(self) -> str:
        """Name, weights, and the settings beside them, such as how long a text may be and how its tokens are pooled."""
        settings = hashlib.sha256()
        for file in sorted(self.model.path.rglob("*")):
            if file.suffix in _SETTINGS and file.is_file():
                settings.update(file.relative_to(self.model.path).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
        return f"{self.model.name}:{self.model.sha256}:{settings.hexdigest()[:16]}"

    def encode(self, texts: Sequence[str], /) -> Vectors:
        """Return unit vectors, shape (len(texts), dimension), float32; longer texts are cut at the model's limit."""
        with self._lock:
            model = self._load()
            vectors = model.encode(list(texts), batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False)
        return np.ascontiguousarray(vectors, dtype=np.float32)

    def encode_tokens(self, texts: Sequence[str], /) -> list[TokenVectors]:
        """Return each text's token vectors, each scaled to length 1, with the characters they stand for."""
        with self._lock:
            model = self._load()
            options: Any = {"output_value": "token_embeddings", "batch_size": BATCH, "show_progress_bar": False}
            embedded = model.encode(list(texts), **options)
            encodings = model.tokenizer(list(texts), truncation=True, max_length=model.max_seq_length, return_offsets_mapping=True)
        found = []
        for vectors, spans in zip(embedded, encodings["offset_mapping"], strict=True):
            inner = [i for i, (start, end) in enumerate(spans) if end > start]  # special tokens have empty spans
            matrix = vectors.float().numpy()[inner]
            matrix /= np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-9)
            found.append(TokenVectors(matrix, tuple(tuple(spans[i]) for i in inner)))
        return found

    def _load(self) -> SentenceTransformer:
        if self._loaded is None:
            for variable in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY"):
                os.environ[variable] = "1"  # read by the libraries when they are imported, just below
            import torch
            from sentence_transformers import SentenceTransformer
            from transformers.utils import logging as transformers_logging

            transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
            torch.set_num_threads(self._threads)
            try:
                self._loaded = SentenceTransformer(str(self.model.path), device="cpu", local_files_only=True)
            except Exception as error:
                raise ModelError(
                    f"The embedding model in {self.model.path} will not load ({error}). "
                    "Name another folder, or unset RAG_EMBEDDING_MODEL to use the bundled one."
                ) from error
        return self._loaded
