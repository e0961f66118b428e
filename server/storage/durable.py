"""Files that outlive a power cut: written whole, synced, renamed into place, the folder synced."""

import hashlib
import os
import tempfile
from pathlib import Path

BLOCK_BYTES = 1 << 20


def sync_file(path: Path) -> None:
    """Wait until a file's bytes, or a folder's names, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Sync every file and folder below `folder`, and itself last."""
    for below in sorted(folder.rglob("*"), reverse=True):
        sync_file(below)
    sync_file(folder)


def make_folder(folder: Path) -> None:
    """Make a folder and the missing ones above it; their names are on the disk on return."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_file(folder.parent)


def replace_text(path: Path, text: str) -> None:
    """Replace a file in one step: readers see the old text or the new, whatever happens."""
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}-", delete=False
    ) as beside:
        try:
            beside.write(text)
            beside.flush()
            os.fsync(beside.fileno())
            os.replace(beside.name, path)
        except BaseException:
            os.unlink(beside.name)
            raise
    sync_file(path.parent)


def sha256_of(path: Path) -> str:
    """Return the checksum of a file as hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
