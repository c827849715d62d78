"""Every setting in one frozen place, and the only reader of environment variables (RAG_*)."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from rag.errors import SettingsError

PROJECT = Path(__file__).resolve().parent.parent


def default_corpus() -> Path:
    """Return `corpus/` here if there is one, else the one that came with Footnote."""
    here = Path("corpus")
    return here if here.is_dir() else PROJECT / "corpus"


@dataclass(frozen=True, slots=True)
class Settings:
    """What can be chosen from outside. Each field is also an environment variable: `RAG_` and the name in capitals."""

    corpus: str = ""
    """Folder of articles; empty for `corpus/`."""
    index_dir: str = ""
    """Folder for the index; empty for one a corpus under the user's cache."""
    index: str = ""
    """Engine of the vectors: `faiss`, `milvus` (Milvus Lite in the index folder) or a Milvus server's address; empty for faiss."""
    index_token: str = field(default="", repr=False)
    """Token that such a server asks for."""
    model: str = ""
    """A GGUF's path, its name in `models/`, or `http://HOST/v1#MODEL` for a server that speaks OpenAI's protocol; empty for
    the first GGUF in `models/`, else the bundled one."""
    api_key: str = field(default="", repr=False)
    """Key that such a server asks for."""
    embedding_model: str = ""
    """A sentence-transformers folder, or its name in `models/`; empty for the bundled one."""
    threads: int = 0
    """CPU threads for both models; 0 for all cores this process may use."""
    phrase: str = "auto"
    """Whether the reader may phrase claims: "always", "never" (quotes only), or "auto": only a model large enough to."""
    context: int = 2048
    """Context window of the reader in tokens, 256 or more."""

    def __post_init__(self) -> None:
        if self.threads < 0:
            raise SettingsError(f"RAG_THREADS is {self.threads}; it counts CPU threads: 0 (all) or more.")
        if self.phrase not in ("auto", "always", "never"):
            raise SettingsError(f"RAG_PHRASE is {self.phrase!r}; it must be auto, always or never.")
        if self.context < 256:
            raise SettingsError(f"RAG_CONTEXT is {self.context} tokens; a question and its evidence need at least 256.")

    @property
    def corpus_path(self) -> Path:
        """The corpus folder."""
        return Path(self.corpus).expanduser() if self.corpus else default_corpus()

    @property
    def index_path(self) -> Path:
        """The index folder: the one asked for, else one under the user's cache that belongs to this corpus folder."""
        if self.index_dir:
            return Path(self.index_dir).expanduser()
        corpus = self.corpus_path.resolve()
        digest = hashlib.sha256(os.fsencode(corpus)).hexdigest()[:12]
        return user_cache_path("footnote", appauthor=False) / "index" / f"{corpus.name}-{digest}"

    @property
    def cpu_threads(self) -> int:
        """How many CPU threads to use, at least 1."""
        if self.threads:
            return self.threads
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

    def with_overrides(self, **values: Any) -> Settings:
        """Return a copy with every value that is not None replaced."""
        return replace(self, **{name: value for name, value in values.items() if value is not None})


def load_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings of the environment's RAG_* variables.

    Raises:
        SettingsError: a RAG_* variable is unknown, or its value is not of its kind.
    """
    kinds = {f"RAG_{field.name.upper()}": (field.name, int if field.type == "int" else str) for field in fields(Settings)}
    values: dict[str, Any] = {}
    for variable, text in environment.items():
        if not variable.startswith("RAG_"):
            continue
        if variable not in kinds:
            raise SettingsError(f"Unknown setting {variable}. Known are: {', '.join(sorted(kinds))}.")
        name, kind = kinds[variable]
        try:
            values[name] = kind(text)
        except ValueError:
            raise SettingsError(f"{variable} is {text!r}; it must be a whole number, such as 2.") from None
    return Settings(**values)
