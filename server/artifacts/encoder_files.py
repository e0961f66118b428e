"""A model's encoder on the disk: its kind in the manifest, MODEL/encoder/NAME.npy an array each."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from shortlist.server.artifacts.manifest import StoredEncoder
from shortlist.server.domain.encoding import EncoderState

ENCODER = "encoder"  # the folder


def write_encoder(folder: Path, state: EncoderState) -> StoredEncoder:
    """Write the arrays of an encoder into the model's folder; return what its manifest says."""
    if state.arrays:
        (folder / ENCODER).mkdir()
    for name, array in state.arrays.items():
        np.save(_path(folder, name), array)
    return StoredEncoder(state.kind, dict(state.settings), tuple(sorted(state.arrays)))


def map_encoder(folder: Path, stored: StoredEncoder) -> EncoderState:
    """Return the encoder with its arrays mapped. Raises OSError and ValueError."""
    arrays = {
        name: np.asarray(np.load(_path(folder, name), mmap_mode="r", allow_pickle=False))
        for name in stored.arrays
    }
    return EncoderState(stored.kind, stored.settings, arrays)


def _path(folder: Path, name: str) -> Path:
    return folder / ENCODER / f"{name}.npy"
