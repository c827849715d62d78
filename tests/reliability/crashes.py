"""A disk that keeps a log of its steps, and every state that a killed process or a power cut can leave of them.

The log has the steps a file system knows: make, create, data, sync (fsync of a file), rename, unlink, and syncdir (fsync of a
folder). A killed process leaves all steps before its end. A power cut leaves those that were flushed; each of the others
may be there or not, in any combination, and data that was not flushed may be there in part. The method is that of SQLite's
crash tests and of ALICE (Pillai 2014).
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rag.disk import Bytes, Disk

State = Mapping[str, "bytes | None"]
"""What lies on a disk: each file's bytes by its path, None for a folder."""


@dataclass(frozen=True)
class Step:
    """One step: its kind, the path it is about, the file's number, and what is written or the new path."""

    kind: str
    path: str
    file: int = 0
    data: bytes = b""
    target: str = ""


@dataclass
class LoggingDisk(Disk):
    """Does everything for real, below `root`, and logs it."""

    root: Path
    log: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.start = state_of(self.root)
        self._files = {path: number for number, path in enumerate(self.start, start=1)}

    def _name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def _note(self, kind: str, path: Path, data: bytes = b"", target: str = "") -> None:
        name = self._name(path)
        if kind == "create" and name not in self._files:
            self._files[name] = max(self._files.values(), default=0) + 1 + len(self.log)
        self.log.append(Step(kind, name, self._files.get(name, 0), data, target))

    def make_folder(self, folder: Path) -> None:
        new = not folder.is_dir()
        if new and self.root in folder.parents:
            self._note("make", folder)
        super().make_folder(folder)

    def write(self, file: Path, data: Bytes) -> None:
        super().write(file, data)
        for kind in ("create", "data", "sync"):
            self._note(kind, file, bytes(data) if kind == "data" else b"")

    def flush_folder(self, folder: Path) -> None:
        super().flush_folder(folder)
        if folder == self.root or self.root in folder.parents:
            self._note("syncdir", folder)

    def replace(self, source: Path, target: Path) -> None:
        super().replace(source, target)
        self._note("rename", source, target=self._name(target))
        self._files[self._name(target)] = self._files.pop(self._name(source))

    def remove(self, path: Path) -> None:
        below = [*sorted(path.rglob("*"), reverse=True), path] if path.exists() else []
        super().remove(path)
        for gone in below:
            self._note("unlink", gone)
            self._files.pop(self._name(gone), None)


def state_of(folder: Path) -> dict[str, bytes | None]:
    """Return what lies in a folder now; the lock is left out."""
    paths = sorted(path for path in folder.rglob("*") if path.name != "lock")
    return {path.relative_to(folder).as_posix(): None if path.is_dir() else path.read_bytes() for path in paths}


def lay_out(folder: Path, state: State) -> Path:
    """Put a folder into a state and return it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, data in state.items():
        if data is None:
            (folder / name).mkdir(parents=True, exist_ok=True)
        else:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
    return folder


def killed(disk: LoggingDisk) -> Iterator[State]:
    """Yield each state that a process killed before, in or after any of its steps leaves."""
    yield from _distinct(_apply(disk, disk.log[:count], part) for count in range(len(disk.log) + 1) for part in (0.0, 0.5, 1.0))


def unplugged(disk: LoggingDisk, *, seeds: int = 5) -> Iterator[State]:
    """Yield states that a power cut at any step leaves: nothing kept but what was flushed, and `seeds` mixtures with the rest."""
    yield from _distinct(_cut(disk, count, seed) for count in range(len(disk.log) + 1) for seed in range(seeds + 1))


def durable(disk: LoggingDisk) -> State:
    """Return what is left of all steps where nothing was kept but what was flushed."""
    return _cut(disk, len(disk.log), 0)


def _cut(disk: LoggingDisk, count: int, seed: int) -> State:
    """Return the state of a power cut after so many steps; the seed 0 keeps nothing that was not flushed."""
    done, chance = disk.log[:count], random.Random(f"{count}/{seed}")
    kept, parts = [], {}
    for at, step in enumerate(done):
        if step.kind in ("sync", "syncdir"):
            continue
        flushed = _flushed(step, done[at + 1 :])
        if flushed or (seed and chance.random() < 0.5):
            kept.append(step)
            if step.kind == "data" and not flushed:
                parts[step.file] = chance.choice([0.0, 0.5, 1.0])
    return _apply(disk, kept, parts=parts)


def _flushed(step: Step, later: list[Step]) -> bool:
    if step.kind == "data":
        return any(s.kind == "sync" and s.file == step.file for s in later)
    folders = {str(Path(name).parent) for name in (step.path, step.target) if name}
    return any(s.kind == "syncdir" and s.path in folders for s in later)


def _apply(disk: LoggingDisk, steps: list[Step], last: float = 1.0, parts: Mapping[int, float] | None = None) -> State:
    """Return the state after these steps; `last` is how much of the last one's data is there, `parts` of any file's."""
    names: dict[str, int | None] = {
        name: None if data is None else number for number, (name, data) in enumerate(disk.start.items(), start=1)
    }
    contents = {number: data or b"" for number, data in enumerate(disk.start.values(), start=1)}
    for step in steps:
        if step.kind == "make":
            names[step.path] = None
        elif step.kind == "create":
            names[step.path] = step.file
            contents[step.file] = b""
        elif step.kind == "data":
            share = (parts or {}).get(step.file, last if step is steps[-1] else 1.0)
            contents[step.file] = step.data[: int(len(step.data) * share)]
        elif step.kind == "rename":
            if names.get(step.path) == step.file:
                del names[step.path]
            names[step.target] = step.file
        elif step.kind == "unlink" and not any(name.startswith(f"{step.path}/") for name in names):
            names.pop(step.path, None)
    return {name: None if number is None else contents.get(number, b"") for name, number in names.items()}


def _distinct(states: Iterator[State]) -> Iterator[State]:
    seen = set()
    for state in states:
        if (key := frozenset(state.items())) not in seen:
            seen.add(key)
            yield state
