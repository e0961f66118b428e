"""Graphs of models, exported: a file that usearch reads, its item ids, and what it is."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Self, TypeAlias

from shortlist.client.conversion import from_proto
from shortlist.client.errors import DataLoss

ENDING = ".usearch"


@dataclass(frozen=True, slots=True)
class IndexHeader:
    """What an exported graph is: append a 0 to a vector to ask it for the best inner products."""

    model: str
    item_count: int
    dim: int  # of the vectors in the graph: one more than the model's
    metric: str  # l2sq, cos
    dtype: str  # f32, bf16, i8
    connectivity: int
    expansion_add: int
    expansion_search: int  # to set after loading: the file does not hold it
    size_bytes: int
    sha256: str  # of the file


@dataclass(frozen=True, slots=True)
class ExportedIndex:
    """Where an export lies."""

    path: Path  # MODEL.usearch
    ids_path: Path  # MODEL.ids.jsonl: a JSON text a line; key k of the graph is line k, from 0
    header_path: Path  # MODEL.json
    header: IndexHeader


IndexPiece: TypeAlias = "IndexHeader | tuple[str, ...] | bytes"


def piece_of(message: Any) -> IndexPiece:
    """Return a header, some ids, or some bytes of the file."""
    kind = message.WhichOneof("piece")
    if kind == "header":
        return from_proto(message.header, IndexHeader)
    return bytes(message.file) if kind == "file" else tuple(message.ids.item_ids)


class IndexWriter:
    """Writes an export as its pieces come; under its names only once it is whole."""

    def __init__(self, output: str) -> None:
        """output: a folder, made where there is none, or a file whose name ends with .usearch."""
        self._output = Path(output)
        self._header: IndexHeader | None = None
        self._files: dict[Path, IO[bytes]] = {}  # open, by what they become

    def take(self, piece: IndexPiece) -> None:
        """Write one piece; a header begins anew, as after a connection that broke."""
        if isinstance(piece, IndexHeader):
            self._begin(piece)
        elif isinstance(piece, bytes):
            self._files[self._paths()[0]].write(piece)
            self._sum.update(piece)
            self._size += len(piece)
        else:
            lines = "".join(json.dumps(one) + "\n" for one in piece)
            self._files[self._paths()[1]].write(lines.encode("ascii"))
            self._id_count += len(piece)

    def done(self) -> ExportedIndex:
        """Give the files their names. Raises DataLoss unless everything came."""
        header = self._header
        if header is None:
            raise DataLoss("the export is empty")
        found, stated = (self._id_count, self._size), (header.item_count, header.size_bytes)
        if found != stated or self._sum.hexdigest() != header.sha256:
            raise DataLoss(f"{found} ids and bytes came, not {stated}, or the file is damaged")
        path, ids_path, header_path = self._paths()
        self._files[header_path].write(json.dumps(asdict(header), indent=2).encode() + b"\n")
        for final, file in self._files.items():
            file.close()
            Path(file.name).replace(final)
        self._files = {}
        return ExportedIndex(path, ids_path, header_path, header)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._drop()

    def _begin(self, header: IndexHeader) -> None:
        self._drop()
        self._header, self._sum = header, hashlib.sha256()
        self._size = self._id_count = 0
        for path in self._paths():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._files[path] = path.with_name(f".{path.name}.part").open("wb")

    def _drop(self) -> None:
        for file in self._files.values():
            file.close()
            Path(file.name).unlink(missing_ok=True)
        self._files = {}

    def _paths(self) -> tuple[Path, Path, Path]:
        """Return the final paths of the graph, the ids and the header."""
        assert self._header is not None, "the header comes first"
        path = self._output
        if path.suffix != ENDING:
            path = path / f"{self._header.model}{ENDING}"
        name = path.name.removesuffix(ENDING)
        return path, path.with_name(f"{name}.ids.jsonl"), path.with_name(f"{name}.json")
