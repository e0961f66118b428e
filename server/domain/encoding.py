"""What a training leaves for those who encode: which kind of encoder, its settings, its arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shortlist.core.data.interactions import FloatArray


@dataclass(frozen=True, slots=True)
class EncoderState:
    """An encoder apart from the items' vectors; on the disk its arrays lie in MODEL/encoder/."""

    kind: str = ""  # a key of server/encoders/registry.py; empty: nobody is encoded
    settings: Mapping[str, Any] = field(default_factory=dict)  # of this kind, plain JSON
    arrays: Mapping[str, FloatArray] = field(default_factory=dict)  # by name, two dimensions each

    @classmethod
    def of(
        cls, kind: str, settings: Mapping[str, Any], arrays: Mapping[str, FloatArray | None]
    ) -> EncoderState:
        """Return the state with the arrays that there are."""
        present = {name: array for name, array in arrays.items() if array is not None}
        return cls(kind, settings, present)


NO_ENCODER = EncoderState()
