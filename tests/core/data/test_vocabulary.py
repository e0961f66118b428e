"""Ids to rows and back, whatever the ids look like."""

import pickle
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.core.data.vocabulary import ID_BYTES_MAX, Vocabulary, VocabularyBuilder
from shortlist.core.errors import DataInvalid

# "\0" and shared beginnings are what a sort by eight-byte keys could get wrong.
nasty = st.text(alphabet=st.sampled_from("ab\0é漢🙂"), min_size=1, max_size=40)
anything = st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
id_lists = st.lists(nasty | anything, unique=True, max_size=120)


@settings(max_examples=150, deadline=None)
@given(id_lists)
def test_rows_are_in_byte_order_and_every_id_finds_its_row(ids: list[str]) -> None:
    vocabulary = Vocabulary.from_strings(ids)
    ordered = sorted(ids, key=str.encode)
    assert len(vocabulary) == len(ids)
    assert vocabulary.ids(range(len(ids))) == ordered
    assert [vocabulary.row(name) for name in ordered] == list(range(len(ids)))
    assert all(name in vocabulary for name in ids)


@settings(max_examples=80, deadline=None)
@given(id_lists, st.lists(nasty, max_size=30))
def test_find_splits_a_list_into_known_and_missing(ids: list[str], asked: list[str]) -> None:
    vocabulary = Vocabulary.from_strings(ids)
    asked = asked + ids[::2]
    found = vocabulary.find(asked)
    known = set(ids)
    assert [asked[p] for p in found.positions] == [name for name in asked if name in known]
    assert [asked[p] for p in found.missing] == [name for name in asked if name not in known]
    assert vocabulary.ids(found.rows) == [asked[p] for p in found.positions]
    offsets = np.cumsum([0, *(len(name.encode()) for name in asked)])
    utf8 = np.frombuffer("".join(asked).encode(), np.uint8)
    same = vocabulary.find_utf8(utf8, offsets)
    for one, other in zip(
        (found.rows, found.positions, found.missing),
        (same.rows, same.positions, same.missing),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def test_many_ids_with_one_long_beginning_sort_like_python() -> None:
    """Long runs of equal eight-byte keys take the radix passes and their recursion."""
    shuffled = random.Random(5)
    ids = [f"https://example.org/{'deep/' * (n % 3)}{n:07}" for n in range(20_000)]
    shuffled.shuffle(ids)
    assert Vocabulary.from_strings(ids).ids(range(len(ids))) == sorted(ids)


def test_empty_vocabulary_knows_nothing() -> None:
    vocabulary = Vocabulary.from_strings([])
    assert len(vocabulary) == 0
    assert vocabulary.row("a") is None
    assert vocabulary.find(["a", ""]).missing.tolist() == [0, 1]
    assert vocabulary.ids([]) == []
    with pytest.raises(IndexError):
        vocabulary.ids([0])


def test_text_that_cannot_be_an_id_is_unknown_and_not_an_error() -> None:
    vocabulary = Vocabulary.from_strings(["a"])
    assert vocabulary.row("") is None
    assert vocabulary.row("\ud800") is None
    assert vocabulary.row("a" * (ID_BYTES_MAX + 1)) is None
    assert "a\0" not in vocabulary


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (["a", "b", "a"], "'a' occurs twice, again at position 2"),
        (["a", ""], "position 1 has 0 bytes"),
        (["é" * 257], "514 bytes, not 1..512"),
        (["\ud800"], "no UTF-8 form"),
    ],
)
def test_ids_that_are_refused_are_named(ids: list[str], message: str) -> None:
    with pytest.raises(DataInvalid, match=message):
        Vocabulary.from_strings(ids)


@pytest.mark.parametrize(("text", "cut"), [(b"\xff\xfe", 1), ("é".encode(), 1)])
def test_bytes_that_are_no_utf8_are_refused(text: bytes, cut: int) -> None:
    """Valid as a whole is not enough: the second case cuts a character in two."""
    with pytest.raises(DataInvalid, match="not valid UTF-8"):
        Vocabulary.build(np.frombuffer(text, np.uint8), np.array([0, cut, len(text)]))


def test_longest_id_is_kept_whole() -> None:
    ids = ["x" * ID_BYTES_MAX, "x" * (ID_BYTES_MAX - 1)]
    assert Vocabulary.from_strings(ids).ids([0, 1]) == sorted(ids)


def test_stored_arrays_open_read_only_and_answer_the_same() -> None:
    vocabulary = Vocabulary.from_strings(["b", "a", "ç"])
    arrays: list[Any] = [np.frombuffer(a.tobytes(), a.dtype) for a in vocabulary.__reduce__()[1]]
    opened = Vocabulary.from_arrays(*arrays)
    assert [opened.row(name) for name in ("a", "b", "ç", "d")] == [0, 1, 2, None]
    copied = pickle.loads(pickle.dumps(vocabulary))
    assert copied.ids([2, 0]) == ["ç", "a"]


def test_stored_arrays_that_cannot_belong_together_are_refused() -> None:
    whole = Vocabulary.from_strings(["b", "a", "c", "d", "e"])
    utf8, offsets, slots = whole.utf8, whole.offsets, whole.slots
    changed: list[tuple[Any, Any, Any]] = [
        (utf8[:-1], offsets, slots),
        (utf8, offsets[:-1], slots),
        (utf8, offsets[:0], slots),
        (utf8, offsets, slots[:8]),
        (utf8, offsets.astype(np.int32), slots),
    ]
    for arrays in changed:
        with pytest.raises(DataInvalid):
            Vocabulary.from_arrays(*arrays)


def test_selected_rows_keep_their_order() -> None:
    vocabulary = Vocabulary.from_strings([f"{n:03}" for n in range(100)])
    part = vocabulary.select(np.array([3, 50, 99], np.int32))
    assert part.ids([0, 1, 2]) == ["003", "050", "099"]
    assert part.row("051") is None
    for wrong in ([3, 3], [5, 4], [-1], [100]):
        with pytest.raises(DataInvalid):
            vocabulary.select(np.array(wrong, np.int32))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(nasty, max_size=40), max_size=6))
def test_ids_of_many_batches_become_one_vocabulary(batches: list[list[str]]) -> None:
    """A batch may repeat ids, its own and earlier ones, and be a slice of larger arrays."""
    builder = VocabularyBuilder()
    codes = []
    for batch in batches:
        encoded = [b"unread", *(name.encode() for name in batch)]
        offsets = np.cumsum([0, *(len(name) for name in encoded)])
        codes.append(builder.add(np.frombuffer(b"".join(encoded), np.uint8), offsets[1:]))
    vocabulary, rows = builder.finish()
    assert vocabulary.ids(range(len(vocabulary))) == sorted({n for b in batches for n in b})
    for batch, found in zip(batches, codes, strict=True):
        assert vocabulary.ids(rows[found]) == batch
