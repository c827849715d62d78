"""A small BERT of sentence-transformers, computed in NumPy: the same vectors without loading torch.

Importing torch, transformers and sentence-transformers takes several seconds, and a question to a 22M-parameter encoder a
hundredth of one. What such an encoder computes is two pages of matrix products, and BLAS does them as fast here as there
(`python -m tests.benchmarks.speed`). `can_run` says for which folders this holds; the others are left to sentence-transformers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
BATCH_TOKENS = 1024
"""Tokens computed at once: enough to keep BLAS busy, few enough that what lies between two layers stays in the cache."""
ERF_ROWS = 32
"""Rows of which the error function is computed at once: what they need fits the nearest cache."""
_ROOT_HALF, _ERF_P = np.float32(0.5**0.5), np.float32(0.3275911)
_ERF_A = tuple(np.float32(a) for a in (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429))
_MODULES = (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"])


class Encoded(NamedTuple):
    """One text's tokens: their vectors, shape (tokens, dimension), and the characters they stand for, empty for special ones."""

    hidden: Floats
    spans: tuple[tuple[int, int], ...]


def can_run(folder: Path) -> bool:
    """Tell whether a folder holds what is computed here: a BERT encoder in float32 whose tokens are averaged."""
    try:
        modules = [str(module["type"]).rpartition(".")[2] for module in _json(folder / "modules.json")]
        config, extra = _json(folder / "config.json"), _json(folder / "config_sentence_transformers.json")
        pooling = {name for name, on in _json(folder / "1_Pooling" / "config.json").items() if name.startswith("pooling_mode") and on}
        length = _json(folder / "sentence_bert_config.json")["max_seq_length"]
        return (
            modules in _MODULES
            and (config["model_type"], config["hidden_act"]) == ("bert", "gelu")
            and config.get("position_embedding_type", "absolute") == "absolute"
            and pooling == {"pooling_mode_mean_tokens"}
            and not extra.get("default_prompt_name")
            and isinstance(length, int)
            and (folder / "tokenizer.json").is_file()
            and _all_float32(folder / "model.safetensors")
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _json(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


def _all_float32(weights: Path) -> bool:
    """Read the kinds of numbers from a safetensors file's header: its length in 8 bytes, then JSON."""
    with weights.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    names = {name for name, value in header.items() if name != "__metadata__" and value["dtype"] == "F32"}
    return "embeddings.word_embeddings.weight" in names


class Layer(NamedTuple):
    """One layer's weights, those of query, key and value side by side."""

    qkv: tuple[Floats, Floats]
    attended: tuple[Floats, Floats]
    attended_norm: tuple[Floats, Floats]
    wide: tuple[Floats, Floats]
    narrow: tuple[Floats, Floats]
    norm: tuple[Floats, Floats]


class Bert:
    """A BERT encoder (Devlin 2019) and its tokenizer, from a folder that `can_run`."""

    def __init__(self, folder: Path) -> None:
        """Load the weights; raises OSError or ValueError where they are damaged."""
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        config = _json(folder / "config.json")
        weights = load_file(folder / "model.safetensors")
        self._heads, self._epsilon = int(config["num_attention_heads"]), float(config["layer_norm_eps"])
        self._words = weights["embeddings.word_embeddings.weight"]
        self._places = weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0]
        self._norm = _pair(weights, "embeddings.LayerNorm")
        self._layers = [_layer(weights, f"encoder.layer.{i}") for i in range(config["num_hidden_layers"])]
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(_json(folder / "sentence_bert_config.json")["max_seq_length"])

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        """Return each text's tokens, cut at the model's limit, in the order of the texts."""
        tokens = self._tokenizer.encode_batch(list(texts))
        found: dict[int, Encoded] = {}
        for batch in _batches([len(t.ids) for t in tokens]):
            ids = [np.array(tokens[i].ids) for i in batch]
            hidden = self._forward(ids)
            ends = np.cumsum([len(row) for row in ids])
            for i, rows in zip(batch, np.split(hidden, ends[:-1]), strict=True):
                found[i] = Encoded(rows, tuple(tokens[i].offsets))
        return [found[i] for i in range(len(tokens))]

    def _forward(self, ids: Sequence[npt.NDArray[np.int64]]) -> Floats:
        """Return the last layer's vectors of all texts' tokens, one text after the other; nothing is padded."""
        places = np.concatenate([np.arange(len(row)) for row in ids])
        x = self._normalise(self._words[np.concatenate(ids)] + self._places[places], self._norm)
        groups = _same_length([len(row) for row in ids])
        for layer in self._layers:
            attended = _linear(self._attend(_linear(x, layer.qkv), groups), layer.attended)
            x = self._normalise(attended + x, layer.attended_norm)
            x = self._normalise(_linear(gelu(_linear(x, layer.wide)), layer.narrow) + x, layer.norm)
        return x

    def _attend(self, qkv: Floats, groups: Sequence[npt.NDArray[np.int64]]) -> Floats:
        """Return what each token takes from the tokens of its own text, all heads side by side."""
        width = qkv.shape[1] // 3
        taken = np.empty((len(qkv), width), np.float32)
        for rows in groups:  # shape (texts, tokens of each)
            parts = qkv[rows].reshape(*rows.shape, 3, self._heads, width // self._heads)
            query, key, value = parts.transpose(2, 0, 3, 1, 4)  # each (texts, heads, tokens, width of a head)
            scores = (query * np.float32((width // self._heads) ** -0.5)) @ key.swapaxes(-1, -2)
            scores -= scores.max(axis=-1, keepdims=True)
            np.exp(scores, out=scores)
            scores /= scores.sum(axis=-1, keepdims=True)
            taken[rows] = (scores @ value).swapaxes(1, 2).reshape(*rows.shape, width)
        return taken

    def _normalise(self, x: Floats, scale_and_shift: tuple[Floats, Floats]) -> Floats:
        """Scale every row of x to mean 0 and variance 1, then as the weights say; x itself is changed."""
        x -= x.mean(axis=1, keepdims=True)
        x /= np.sqrt(np.einsum("ij,ij->i", x, x)[:, None] / np.float32(x.shape[1]) + np.float32(self._epsilon))
        x *= scale_and_shift[0]
        x += scale_and_shift[1]
        return x


def _pair(weights: Mapping[str, Floats], name: str) -> tuple[Floats, Floats]:
    return weights[f"{name}.weight"], weights[f"{name}.bias"]


def _layer(weights: Mapping[str, Floats], name: str) -> Layer:
    qkv = [_pair(weights, f"{name}.attention.self.{part}") for part in ("query", "key", "value")]
    return Layer(
        (np.concatenate([weight for weight, _ in qkv]), np.concatenate([bias for _, bias in qkv])),
        _pair(weights, f"{name}.attention.output.dense"),
        _pair(weights, f"{name}.attention.output.LayerNorm"),
        _pair(weights, f"{name}.intermediate.dense"),
        _pair(weights, f"{name}.output.dense"),
        _pair(weights, f"{name}.output.LayerNorm"),
    )


def _linear(x: Floats, weight_and_bias: tuple[Floats, Floats]) -> Floats:
    y: Floats = x @ weight_and_bias[0].T
    y += weight_and_bias[1]
    return y


def gelu(x: Floats) -> Floats:
    """Return x times the normal distribution function of x (Hendrycks 2016), to 4e-7.

    The error function is that of Abramowitz & Stegun 1964, 7.1.26, some rows at a time: NumPy's exp uses the processor's wide
    registers and scipy's erf does not, which had taken as long as two of a layer's matrix products.
    """
    y: Floats = np.maximum(x, 0)
    for start in range(0, len(x), ERF_ROWS):
        z = np.abs(x[start : start + ERF_ROWS])
        z *= _ROOT_HALF
        t = z * _ERF_P
        t += 1
        np.reciprocal(t, out=t)
        tail = t * _ERF_A[-1]
        for a in _ERF_A[-2::-1]:
            tail += a
            tail *= t
        np.multiply(z, z, out=t)
        np.negative(t, out=t)
        np.exp(t, out=t)
        tail *= t  # 1 - erf(|x| / √2), which is twice the normal distribution's tail beyond |x|
        z *= _ROOT_HALF
        tail *= z
        y[start : start + ERF_ROWS] -= tail
    return y


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield positions, those of like lengths together, so that a batch has at most BATCH_TOKENS tokens or one text."""
    batch: list[int] = []
    tokens = 0
    for i in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and tokens + lengths[i] > BATCH_TOKENS:
            yield batch
            batch, tokens = [], 0
        batch.append(i)
        tokens += lengths[i]
    if batch:
        yield batch


def _same_length(lengths: Sequence[int]) -> list[npt.NDArray[np.int64]]:
    """Return the rows of the texts of each length, shape (texts, length), where texts lie one after the other."""
    starts = np.concatenate([[0], np.cumsum(lengths)])
    of_length = np.asarray(lengths)
    return [starts[:-1][of_length == n][:, None] + np.arange(n) for n in np.unique(of_length)]
