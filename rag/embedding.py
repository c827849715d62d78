"""Text to unit vectors, from a local folder and nothing else: by sentence-transformers, or faster where `bert` can."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from rag import bert
from rag.errors import ModelError
from rag.models import LocalModel
from rag.types import Embedder, TokenVectors, Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

BATCH = 64
_SETTINGS = (".json", ".txt", ".model")
REMEMBERED = 2
"""Texts of a call whose tokens are kept for the next call: a question, and the one it leans on."""


def local_embedder(model: LocalModel, *, threads: int) -> Embedder:
    """Return what embeds with a sentence-transformers folder: NumPy alone for a plain BERT, else that library."""
    kind = BertEmbedder if bert.can_run(model.path) else SentenceTransformerEmbedder
    return kind(model, threads=threads)


class BertEmbedder:
    """An Embedder over a folder that `bert.can_run`; the model loads on first use.

    Its vectors are those of SentenceTransformerEmbedder to six decimals, so an index of one serves the other.
    """

    def __init__(self, model: LocalModel, *, threads: int) -> None:
        self.model = model
        self._threads = threads
        self._lock = threading.Lock()
        self._loaded: bert.Bert | None = None
        self._last: dict[str, bert.Encoded] = {}

    @cached_property
    def fingerprint(self) -> str:
        """What its vectors depend on; the same as of SentenceTransformerEmbedder."""
        return _fingerprint(self.model)

    def encode(self, texts: Sequence[str], /) -> Vectors:
        """Return unit vectors, shape (len(texts), dimension), float32; longer texts are cut at the model's limit."""
        vectors = np.stack([tokens.hidden.mean(axis=0) for tokens in self._encoded(texts)])
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)

    def encode_tokens(self, texts: Sequence[str], /) -> list[TokenVectors]:
        """Return each text's token vectors, each scaled to length 1, with the characters they stand for."""
        return [_token_vectors(tokens.hidden, tokens.spans) for tokens in self._encoded(texts)]

    def _encoded(self, texts: Sequence[str]) -> list[bert.Encoded]:
        """Return the tokens of every text; one that comes twice, or came in the call before, is computed once.

        A question is asked for twice in a row, first for its vector and then for those of its tokens.
        """
        with self._lock:
            missing = [text for text in dict.fromkeys(texts) if text not in self._last]
            found = self._last | dict(zip(missing, self._load().encode(missing), strict=True)) if missing else self._last
            self._last = {text: found[text] for text in texts[:REMEMBERED]}
        return [found[text] for text in texts]

    def _load(self) -> bert.Bert:
        if self._loaded is None:
            from threadpoolctl import threadpool_limits

            try:
                self._loaded = bert.Bert(self.model.path)
            except Exception as error:
                raise _will_not_load(self.model, error) from error
            threadpool_limits(self._threads, user_api="blas")
        return self._loaded


class SentenceTransformerEmbedder:
    """An Embedder over a local sentence-transformers folder; the model loads on first use."""

    def __init__(self, model: LocalModel, *, threads: int) -> None:
        self.model = model
        self._threads = threads
        self._lock = threading.Lock()
        self._loaded: SentenceTransformer | None = None

    @cached_property
    def fingerprint(self) -> str:
        """What its vectors depend on."""
        return _fingerprint(self.model)

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
            found.append(_token_vectors(vectors.float().numpy(), [(start, end) for start, end in spans]))
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
                raise _will_not_load(self.model, error) from error
        return self._loaded


def _token_vectors(hidden: Vectors, spans: Sequence[tuple[int, int]]) -> TokenVectors:
    """Return tokens with vectors of length 1; special tokens, whose spans are empty, are left out."""
    inner = [i for i, (start, end) in enumerate(spans) if end > start]
    matrix = hidden[inner]
    matrix /= np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-9)
    return TokenVectors(matrix, tuple(spans[i] for i in inner))


def _will_not_load(model: LocalModel, error: Exception) -> ModelError:
    return ModelError(
        f"The embedding model in {model.path} will not load ({error}). "
        "Name another folder, or unset RAG_EMBEDDING_MODEL to use the bundled one."
    )


def _fingerprint(model: LocalModel) -> str:
    """Return name, weights, and the settings beside them, such as how long a text may be and how its tokens are pooled."""
    settings = hashlib.sha256()
    for file in sorted(model.path.rglob("*")):
        if file.suffix in _SETTINGS and file.is_file():
            settings.update(file.relative_to(model.path).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return f"{model.name}:{model.sha256}:{settings.hexdigest()[:16]}"
