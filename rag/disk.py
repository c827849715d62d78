"""The few steps by which files change, each of which can fail; tests put a failing disk in its place."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

logger = logging.getLogger(__name__)

Bytes = bytes | memoryview


class Disk:
    """The disk of this machine."""

    def make_folder(self, folder: Path) -> None:
        """Create a folder and its parents, and flush its own name to the disk."""
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            self.flush_folder(folder.parent)

    def write(self, file: Path, data: Bytes) -> None:
        """Write a file and flush it to the disk."""
        with file.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())

    def flush_folder(self, folder: Path) -> None:
        """Flush a folder's names to the disk."""
        if os.name == "nt":
            return  # Windows cannot open a folder to flush it
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        """Rename a file over another in one step."""
        source.replace(target)

    def remove(self, path: Path) -> None:
        """Remove a file or a folder with all in it, if it is there."""
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def settled(self, folder: Path) -> bool:
        """Flush a folder's names after a change that everyone can see already; False, with a warning, where the disk fails then."""
        try:
            self.flush_folder(folder)
        except OSError as error:
            logger.warning(
                "The change in %s is made, but the disk did not confirm it (%s): after a power cut the state before may be back.",
                folder, error.strerror or error,
            )  # fmt: skip
            return False
        return True
