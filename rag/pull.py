"""A model's name on the Hugging Face hub to a verified file in `models/`. The only import of huggingface_hub.

Bytes are kept in `models/.part/` under the SHA-256 they must have, so a pull that was stopped goes on where it was; only
what has that SHA-256 gets its own name.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from rag.errors import ModelError
from rag.models import MODELS, LocalModel, embedding_model, reader_model
from rag.models import sha256 as sha256_of

if TYPE_CHECKING:
    from huggingface_hub import HfFileSystem
    from huggingface_hub.hf_api import ModelInfo, RepoSibling

BLOCK = 8 * 1024 * 1024
"""Bytes asked for at once; what of a block has not come when a connection breaks is asked for again."""
SPARE = 64 * 1024 * 1024
"""Bytes of the disk that a pull leaves free."""
_REPO = re.compile(r"[\w][\w.-]*/[\w][\w.-]*")
_EMBEDDER_FILE = re.compile(r"(?:\d+_\w+/)?[\w.-]+\.(?:json|txt|safetensors|model)")

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Known:
    """A model that can be pulled by its name. `size` and `memory` are in gigabytes; `file` is empty for an embedding model."""

    name: str
    repo: str
    file: str
    size: float
    memory: float
    licence: str
    good_at: str


CATALOGUE = (
    Known(
        "qwen2.5-0.5b", "Qwen/Qwen2.5-0.5B-Instruct-GGUF", "qwen2.5-0.5b-instruct-q4_k_m.gguf",
        0.49, 1, "Apache-2.0", "short answers, still quick on two cores",
    ),
    Known(
        "qwen2.5-1.5b", "Qwen/Qwen2.5-1.5B-Instruct-GGUF", "qwen2.5-1.5b-instruct-q4_k_m.gguf",
        1.1, 2, "Apache-2.0", "phrasing in full sentences",
    ),
    Known(
        "smollm2-1.7b", "HuggingFaceTB/SmolLM2-1.7B-Instruct-GGUF", "smollm2-1.7b-instruct-q4_k_m.gguf",
        1.1, 2, "Apache-2.0", "English prose",
    ),
    Known("qwen3-4b", "Qwen/Qwen3-4B-GGUF", "Qwen3-4B-Q4_K_M.gguf", 2.5, 4, "Apache-2.0", "hard questions, on four cores or more"),
    Known(
        "bge-small-en-v1.5", "BAAI/bge-small-en-v1.5", "", 0.13, 0.5, "MIT",
        "embedding: English retrieval, twice as many layers as the bundled one",
    ),
    Known(
        "all-mpnet-base-v2", "sentence-transformers/all-mpnet-base-v2", "", 0.44, 1, "Apache-2.0",
        "embedding: English, finer and several times slower",
    ),
)  # fmt: skip


def pull(name: str, *, models_dir: Path = MODELS, progress: Progress | None = None) -> LocalModel:
    """Fetch a model into `models/` and return it; nothing is fetched where it is there already.

    `name` is one of the catalogue, `REPO:FILE` for any GGUF of the hub, or `REPO` for an embedding model saved by
    sentence-transformers. Where the hub is, the variable HF_ENDPOINT says. `progress` is called with (done, total) bytes.

    Raises:
        ModelError: there is no such model, the hub cannot be reached, the disk has no room, or what came is not what the
            hub's own metadata promise.
    """
    repo, file = _address(name)
    with _hub_errors(repo):
        info, files = _repository(repo)
    if not file:
        return _pull_embedder(info, files, models_dir, progress)
    chosen = next((sibling for sibling in info.siblings or () if sibling.rfilename == file), None)
    if chosen is None or chosen.lfs is None:
        have = ", ".join(s.rfilename for s in info.siblings or () if s.rfilename.endswith(".gguf")) or "none"
        raise ModelError(f"No file {file!r} in {repo} (its GGUF files: {have}). Name one: python -m rag pull {repo}:FILE")
    target = models_dir / PurePosixPath(file).name
    if not (target.is_file() and sha256_of(target) == chosen.lfs.sha256):
        part = _fetch([chosen], info, files, models_dir, progress)[0]
        part.replace(target)
    return reader_model(str(target))


def _address(name: str) -> tuple[str, str]:
    """Return the repository and the file ("" for an embedding model) that a name stands for."""
    for known in CATALOGUE:
        if name == known.name:
            return known.repo, known.file
    repo, _, file = name.partition(":")
    parts = PurePosixPath(file).parts
    if not _REPO.fullmatch(repo) or ".." in parts or (file and not file.endswith(".gguf")):
        names = ", ".join(known.name for known in CATALOGUE)
        raise ModelError(f"No model {name!r} (looked for {names}, and for the form OWNER/REPOSITORY:FILE.gguf). See models/README.md.")
    return repo, file


def _repository(repo: str) -> tuple[ModelInfo, HfFileSystem]:
    """Return what the hub tells of a repository, each file's size and SHA-256 included, and its files to read."""
    import huggingface_hub

    return huggingface_hub.HfApi().model_info(repo, files_metadata=True), huggingface_hub.HfFileSystem(skip_instance_cache=True)


def _pull_embedder(info: ModelInfo, files: HfFileSystem, models_dir: Path, progress: Progress | None) -> LocalModel:
    chosen = [sibling for sibling in info.siblings or () if _EMBEDDER_FILE.fullmatch(sibling.rfilename)]
    names = {sibling.rfilename for sibling in chosen}
    if not {"modules.json", "model.safetensors"} <= names:
        have = ", ".join(s.rfilename for s in info.siblings or () if s.rfilename.endswith(".gguf")) or "none"
        raise ModelError(
            f"{info.id} is no embedding model (looked for modules.json and model.safetensors; its GGUF files: {have}). "
            f"For a GGUF: python -m rag pull {info.id}:FILE"
        )
    target = models_dir / info.id.rpartition("/")[2]
    weights = next(s for s in chosen if s.rfilename == "model.safetensors")
    if not (target.is_dir() and weights.lfs and sha256_of(target / "model.safetensors") == weights.lfs.sha256):
        folder = models_dir / ".part" / target.name
        shutil.rmtree(folder, ignore_errors=True)
        for sibling, part in zip(chosen, _fetch(chosen, info, files, models_dir, progress), strict=True):
            (folder / sibling.rfilename).parent.mkdir(parents=True, exist_ok=True)
            part.replace(folder / sibling.rfilename)
        shutil.rmtree(target, ignore_errors=True)
        folder.replace(target)
    return embedding_model(str(target))


def _fetch(chosen: list[RepoSibling], info: ModelInfo, files: HfFileSystem, models_dir: Path, progress: Progress | None) -> list[Path]:
    """Return a verified file under `models/.part/` for each of the hub's files."""
    parts = models_dir / ".part"
    places = [parts / _name(sibling) for sibling in chosen]
    sizes = [int(sibling.size or 0) for sibling in chosen]
    have = [place.stat().st_size if place.is_file() else 0 for place in places]
    with _disk_errors(parts):
        parts.mkdir(parents=True, exist_ok=True)
        needed, free = sum(sizes) - sum(have) + SPARE, shutil.disk_usage(parts).free
    if needed > free:
        raise ModelError(
            f"{info.id} needs {needed / 1e9:.2f} GB more in {models_dir}, and {free / 1e9:.2f} GB are free. Make room there and pull again."
        )
    before = 0
    for sibling, place, size in zip(chosen, places, sizes, strict=True):
        _fetch_one(sibling, place, info, files, lambda done, before=before: progress and progress(before + done, sum(sizes)))  # type: ignore[misc]
        before += size
    return places


def _name(sibling: RepoSibling) -> str:
    """Return the name of a file's part: its own name and what it must hash to."""
    expected = sibling.lfs.sha256 if sibling.lfs else str(sibling.blob_id)
    return f"{expected[:32]}-{PurePosixPath(sibling.rfilename).name}"


def _fetch_one(sibling: RepoSibling, place: Path, info: ModelInfo, files: HfFileSystem, progress: Callable[[int], Any]) -> None:
    size, have = int(sibling.size or 0), place.stat().st_size if place.is_file() else 0
    with _hub_errors(info.id), files.open(f"{info.id}/{sibling.rfilename}", revision=info.sha, size=size, **_UNBUFFERED) as source:
        for start in range(have, size, BLOCK):
            source.seek(start)
            block = source.read(min(BLOCK, size - start))
            if len(block) != min(BLOCK, size - start):
                raise OSError(f"the server gave {len(block):,} bytes where {min(BLOCK, size - start):,} were asked for")
            with _disk_errors(place.parent), place.open("ab") as out:
                out.write(block)
                out.flush()
                os.fsync(out.fileno())
            progress(min(start + BLOCK, size))
    _verify(sibling, place, info.id)


_UNBUFFERED: dict[str, Any] = {"mode": "rb", "block_size": BLOCK, "cache_type": "none"}


def _verify(sibling: RepoSibling, place: Path, repo: str) -> None:
    """Compare a part with the hub's metadata: SHA-256 of a large file, git's blob id of a small one; remove it if it differs."""
    if sibling.lfs:
        expected, got = sibling.lfs.sha256, sha256_of(place)
    else:
        data = place.read_bytes() if place.is_file() else b""
        expected, got = str(sibling.blob_id), hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
        place.touch()  # an empty file has no block
    if expected != got:
        place.unlink(missing_ok=True)
        raise ModelError(f"{sibling.rfilename} from {repo} is damaged: expected {expected}, got {got}. It was removed. Pull it again.")


@contextmanager
def _hub_errors(repo: str) -> Iterator[None]:
    """Turn what the hub's client raises (its own errors, its HTTP library's, the system's) into errors that say what to do."""
    try:
        yield
    except ModelError:
        raise
    except Exception as error:
        kind = type(error).__name__
        if kind in ("RepositoryNotFoundError", "RevisionNotFoundError", "EntryNotFoundError", "HFValidationError"):
            raise ModelError(f"No model {repo} on the hub. Check the name, or see models/README.md for some that there are.") from error
        if kind == "GatedRepoError":
            raise ModelError(f"{repo} asks for its licence to be accepted on the hub first, and for a token in HF_TOKEN.") from error
        if kind == "OfflineModeIsEnabled":
            raise ModelError("The hub is switched off (HF_HUB_OFFLINE is set). Unset it and pull again.") from error
        message = " ".join(str(error).split())[:200] or kind
        raise ModelError(f"Fetching {repo} stopped: {message}. What came is kept: pull again to go on.") from error


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ModelError(
            f"Cannot write to {folder}: {error.strerror}. Make room there or choose what is writable; pull again to go on."
        ) from error
