"""Disks that fail at a step: dead, or full."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from rag.disk import Bytes, Disk


class Died(BaseException):
    """The process is gone; nothing it does afterwards reaches the disk."""


class DyingDisk(Disk):
    """Dies in the middle of step `last` (counted from 1), as by kill -9; `steps` counts those that were done."""

    def __init__(self, last: int | None = None) -> None:
        self.last = last
        self.steps = 0

    def step(self) -> bool:
        """Count a step; True where it is the one that is cut short."""
        self.steps += 1
        if self.last is not None and self.steps > self.last:
            raise Died
        return self.steps == self.last

    def make_folder(self, folder: Path) -> None:
        if self.step():
            raise Died
        super().make_folder(folder)

    def write(self, file: Path, data: Bytes) -> None:
        if self.step():
            file.write_bytes(bytes(data)[: len(data) // 2])
            raise Died
        super().write(file, data)

    def flush_folder(self, folder: Path) -> None:
        if self.step():
            raise Died
        super().flush_folder(folder)

    def replace(self, source: Path, target: Path) -> None:
        if self.step():
            raise Died
        super().replace(source, target)

    def remove(self, path: Path) -> None:
        if self.step():
            if path.is_dir():  # half of it is gone
                for file in sorted(path.iterdir())[::2]:
                    file.unlink()
            raise Died
        super().remove(path)


class FullDisk(DyingDisk):
    """Answers "no space left", or another error, once, at a step, in the middle of what it writes; removing still works."""

    def __init__(self, last: int | None = None, error: int = errno.ENOSPC) -> None:
        super().__init__(last)
        self.error = error

    def step(self) -> bool:
        self.steps += 1
        return self.steps == self.last

    def write(self, file: Path, data: Bytes) -> None:
        try:
            super().write(file, data)
        except Died:
            raise OSError(self.error, os.strerror(self.error)) from None

    def flush_folder(self, folder: Path) -> None:
        try:
            super().flush_folder(folder)
        except Died:
            raise OSError(self.error, os.strerror(self.error)) from None

    def make_folder(self, folder: Path) -> None:
        try:
            super().make_folder(folder)
        except Died:
            raise OSError(self.error, os.strerror(self.error)) from None

    def replace(self, source: Path, target: Path) -> None:
        try:
            super().replace(source, target)
        except Died:
            raise OSError(self.error, os.strerror(self.error)) from None

    def remove(self, path: Path) -> None:
        Disk.remove(self, path)
