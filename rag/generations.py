"""Generations of files: written aside, flushed, put in force by one atomic rename; read whole or not at all.

    folder/CURRENT   format, SHA-256 of the rest, and the manifest: generation, state, every file's size and SHA-256
    folder/PARTIAL   the same for a build that was not finished: what the next build need not do again
    folder/gen-<id>/ the files of one generation, never changed after they are in force
    folder/lock      held while a generation is written

Whatever step a writer dies at, a reader finds the old generation or the new one, whole.
"""

from __future__ import annotations

import hashlib
import json
import logging
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from rag.disk import Bytes, Disk
from rag.errors import IndexStoreError

logger = logging.getLogger(__name__)

FORMAT = 2
CURRENT = "CURRENT"
PARTIAL = "PARTIAL"
REPAIR = "python -m rag index --rebuild"
_TRIES = 5

T = TypeVar("T")


class DamagedError(IndexStoreError):
    """What lies on disk is not what was written."""


@dataclass(frozen=True, slots=True)
class State:
    """What an index is built from: two indexes of equal state hold the same. `articles` is one hash by id."""

    chunker: str
    embedder: str
    engine: str
    views: str
    articles: Mapping[str, str]

    def difference(self, other: State) -> str:
        """Return what keeps vectors of the other state from being used again ("" where nothing does), for people."""
        for name in ("embedder", "engine", "chunker", "views"):
            if (mine := getattr(self, name)) != (theirs := getattr(other, name)):
                return f"{name} {theirs} instead of {mine}"
        return ""


@dataclass(frozen=True, slots=True)
class Generation:
    """A generation in force: its folder, what it was built from, and each file's size and SHA-256."""

    folder: Path
    state: State
    files: Mapping[str, Mapping[str, Any]]

    def read(self, file: str) -> bytes:
        """Return a file's bytes, checked.

        Raises:
            DamagedError: the file is missing or not the one that was written.
        """
        try:
            expected = self.files[file]
            data = (self.folder / file).read_bytes()
            size, digest = int(expected["size"]), expected["sha256"]
        except (KeyError, TypeError, ValueError, OSError) as error:
            raise self.damaged(f"{file} cannot be read ({error})") from error
        if len(data) != size:
            raise self.damaged(f"{file} has {len(data):,} bytes instead of {size:,}")
        if hashlib.sha256(data).hexdigest() != digest:
            raise self.damaged(f"{file} has another SHA-256 than when it was written")
        return data

    def damaged(self, problem: str) -> DamagedError:
        """Return the error for a problem of this generation."""
        return DamagedError(f"The index in {self.folder.parent} is damaged: {problem}. Build it again: {REPAIR}")


def find(folder: Path, pointer: str = CURRENT) -> Generation | None:
    """Return the generation in force, or None where there is none or one of an older format.

    Raises:
        DamagedError: the pointer is no manifest.
        IndexStoreError: the index was written by a newer Footnote.
    """
    try:
        text = (folder / pointer).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise IndexStoreError(f"Cannot read {folder / pointer}: {error.strerror}. Check the folder, or set RAG_INDEX_DIR.") from error
    damaged = DamagedError(f"The index in {folder} is damaged: {pointer} is no manifest. Build it again: {REPAIR}")
    try:
        written = json.loads(text)
        version = int(written["format"])
    except (ValueError, KeyError, TypeError):
        raise damaged from None
    if version > FORMAT:
        raise IndexStoreError(
            f"The index in {folder} has format {version}; this Footnote reads format {FORMAT}. "
            f"Update Footnote, or build the index again: {REPAIR}"
        )
    if version < FORMAT:
        logger.info("The index in %s has the older format %s; it will be built again.", folder, version)
        return None
    try:
        manifest = written["manifest"]
        if _digest(manifest) != written["sha256"]:
            raise damaged
        state = State(**{field.name: manifest["state"][field.name] for field in fields(State)})
        return Generation(folder / manifest["generation"], state, manifest["files"])
    except (KeyError, TypeError):
        raise damaged from None


def load(folder: Path, make: Callable[[Generation], T], pointer: str = CURRENT) -> T | None:
    """Return what `make` reads from the generation in force; None where there is none.

    A writer may put another generation in force, and remove this one, while it is being read: then the new one is read.

    Raises:
        DamagedError: the generation in force is damaged.
        IndexStoreError: it was written by a newer Footnote.
    """
    generation = find(folder, pointer)
    for _ in range(_TRIES):
        if generation is None:
            return None
        try:
            return make(generation)
        except DamagedError:
            now = find(folder, pointer)
            if now is None or now.folder == generation.folder:
                raise
            generation = now
    raise IndexStoreError(f"The index in {folder} changed {_TRIES} times while it was being read. Try again in a moment.")


def commit(folder: Path, state: State, contents: Iterable[tuple[str, Bytes]], *, disk: Disk, pointer: str = CURRENT) -> Generation:
    """Write a new generation and put it in force; what fails leaves the old one in force. Call it under the lock.

    `contents` gives each file's name and bytes; it is consumed one file at a time.
    """
    place = folder / f"gen-{uuid.uuid4().hex[:12]}"
    temporary = folder / f"{pointer}.tmp"
    files = {}
    try:
        disk.make_folder(place)
        for file, data in contents:
            disk.write(place / file, data)
            files[file] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        disk.flush_folder(place)
        disk.flush_folder(folder)
        manifest = {"generation": place.name, "state": asdict(state), "files": files}
        disk.write(temporary, json.dumps({"format": FORMAT, "sha256": _digest(manifest), "manifest": manifest}).encode())
        disk.replace(temporary, folder / pointer)
    except BaseException:
        for leftover in (place, temporary):
            with suppress(OSError):
                disk.remove(leftover)
        raise
    if disk.settled(folder):  # else a power cut may bring the generation before back, which then must still be there
        with suppress(OSError):
            sweep(folder, disk=disk)
    return Generation(place, state, files)


def clear(folder: Path, *, disk: Disk) -> None:
    """Remove every generation, the one in force first of all from sight. Call it under the lock."""
    for pointer in (CURRENT, PARTIAL):
        disk.remove(folder / pointer)
    disk.flush_folder(folder)
    sweep(folder, disk=disk)


def leftovers(folder: Path) -> list[Path]:
    """Return what is needed no more: generations replaced or never finished, and a partial build that CURRENT has all of."""
    current = partial = None
    with suppress(IndexStoreError):
        current = find(folder)
    with suppress(IndexStoreError):
        partial = find(folder, PARTIAL)
    if current and partial and partial.state.articles.items() <= current.state.articles.items():
        partial = None
    needed = {generation.folder for generation in (current, partial) if generation}
    found = [path for path in [*folder.glob("gen-*"), *folder.glob("*.tmp")] if path not in needed]
    return found if partial else [*folder.glob(PARTIAL), *found]


def sweep(folder: Path, *, disk: Disk) -> None:
    """Remove what no pointer names. Call it under the lock."""
    for path in leftovers(folder):
        disk.remove(path)


def _digest(manifest: Any) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
