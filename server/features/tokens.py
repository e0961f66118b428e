"""The texts of an attribute column as tokens: whole values, tags, or words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from shortlist.core.data.interactions import LongArray

# category: the value; tag: each entry of a list, or of a text with "|" between; word: each word.
TokenKind: TypeAlias = Literal["category", "tag", "word"]
TAG_SEPARATOR = "|"
_BETWEEN_WORDS = r"[^\p{L}\p{N}]+"


@dataclass(frozen=True, slots=True)
class Tokens:
    """The distinct tokens of each row."""

    rows: LongArray  # (n,) ascending
    texts: pa.Array  # (n,) large_string, none empty


def holds_text(kind: pa.DataType) -> bool:
    """Return whether a column of this type is made of tokens."""
    if pat.is_dictionary(kind):
        kind = kind.value_type
    return _is_string(kind) or _is_list(kind) or pat.is_boolean(kind)


def token_kind(column: pa.Array) -> TokenKind:
    """Return how a column of texts is taken apart.

    Lists, and texts of which some have a "|", are tags; texts that mostly differ from each other
    say something word by word; other texts are categories.
    """
    if _is_list(column.type):
        return "tag"
    texts = _texts(column).drop_null()
    if pc.any(pc.match_substring(texts, TAG_SEPARATOR)).as_py():
        return "tag"
    return "word" if pc.count_distinct(texts).as_py() > len(texts) / 2 else "category"


def tokens_of(column: pa.Array, kind: TokenKind) -> Tokens:
    """Return the tokens of a column; nulls and empty texts have none."""
    if _is_list(column.type):
        rows = pc.list_parent_indices(column).to_numpy().astype(np.int64)
        return _distinct(rows, _texts(column.flatten()))
    texts = _texts(column)
    if kind == "category":
        return _distinct(np.arange(len(texts)), texts)
    if kind == "tag":
        parts = pc.split_pattern(texts, TAG_SEPARATOR)
    else:
        parts = pc.split_pattern_regex(pc.utf8_lower(texts), _BETWEEN_WORDS)
    return _distinct(pc.list_parent_indices(parts).to_numpy().astype(np.int64), parts.flatten())


def tokens_of_text(text: str, kind: TokenKind) -> list[str]:
    """Return the tokens of one text as tokens_of has them, in the order of the text."""
    parts = [text]
    if kind == "tag":
        parts = text.split(TAG_SEPARATOR)
    elif kind == "word":
        parts = pc.split_pattern_regex(pc.utf8_lower(text), _BETWEEN_WORDS).as_py()
    trimmed = pc.utf8_trim_whitespace(pa.array(parts, pa.large_string())).to_pylist()
    return list(dict.fromkeys(token for token in trimmed if token))


def _distinct(rows: LongArray, texts: pa.Array) -> Tokens:
    """Return each token of a row once."""
    texts = pc.utf8_trim_whitespace(texts.cast(pa.large_string()))
    present = pc.fill_null(pc.greater(pc.binary_length(texts), 0), False)
    pairs = pa.table({"row": rows, "text": texts}).filter(present)
    pairs = pairs.group_by(["row", "text"], use_threads=False).aggregate([]).combine_chunks()
    pairs = pairs.sort_by([("row", "ascending"), ("text", "ascending")]).combine_chunks()
    if not len(pairs):
        return Tokens(np.empty(0, np.int64), pa.array([], pa.large_string()))
    return Tokens(pairs["row"].chunk(0).to_numpy(), pairs["text"].chunk(0))


def _texts(column: pa.Array) -> pa.Array:
    if pat.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column.cast(pa.large_string())


def _is_string(kind: pa.DataType) -> bool:
    return bool(pat.is_string(kind) or pat.is_large_string(kind) or pat.is_null(kind))


def _is_list(kind: pa.DataType) -> bool:
    return bool(pat.is_list(kind) or pat.is_large_list(kind)) and holds_text(kind.value_type)
