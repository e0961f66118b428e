"""Checks of single request fields against the limits that the contract's comments state.

Each raises FieldInvalid with the field's path, the limit and the found value. The hot ones look at
a good value with one comparison and spell a path out only for a bad one.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import isfinite
from typing import TypeVar

from shortlist.core.data.vocabulary import ID_BYTES_MAX
from shortlist.core.errors import SettingInvalid
from shortlist.server.domain.names import (
    CATALOG_DEFAULT,
    CATALOG_RULE,
    NAME_RULE,
    is_catalog,
    is_name,
)
from shortlist.server.errors import FieldInvalid

ATTRIBUTE_BYTES_MAX = 512
EXCLUDED_MAX = 100_000
ID_CHARACTERS_SURE = ID_BYTES_MAX // 4  # UTF-8 needs at most four bytes a character
_SHOWN_MAX = 80
Number = TypeVar("Number", bound=int)  # of an enum of the contract
Name = TypeVar("Name", bound=str)  # what the domain calls it


@contextmanager
def settings_at(path: str) -> Iterator[None]:
    """Give a core parameter's error the path that the parameter has in the request."""
    try:
        yield
    except SettingInvalid as error:
        field = f"{path}.{error.field}" if path else error.field
        problem = f"{error.found!r} is not allowed: {error.allowed}"
        raise FieldInvalid(field, problem, found=error.found, allowed=error.allowed) from error


def shown(text: str) -> str:
    """Return a found text, quoted, shortened so that an error message stays readable."""
    return repr(text if len(text) <= _SHOWN_MAX else text[:_SHOWN_MAX] + "...")


def catalog_from_text(text: str) -> str:
    """Return the catalog; empty: the default one."""
    if not text:
        return CATALOG_DEFAULT
    if not is_catalog(text):
        raise FieldInvalid("catalog", f"{shown(text)} is not {CATALOG_RULE}", found=text)
    return text


def name_from_text(path: str, text: str, default: str | None = None) -> str:
    """Return the name of a model or alias; empty: `default`, or an error where there is none."""
    if not text and default is not None:
        return default
    if not text:
        raise FieldInvalid(path, "is required")
    if not is_name(text):
        problem = f"{shown(text)} is not {NAME_RULE}"
        raise FieldInvalid(path, problem, found=text)
    return text


def check_id(path: str, text: str) -> None:
    """Check an outside id: 1..512 bytes of UTF-8."""
    if not text:
        raise FieldInvalid(path, "is empty; an id has 1 to 512 bytes")
    if len(text) > ID_CHARACTERS_SURE and len(text.encode()) > ID_BYTES_MAX:
        problem = f"has {len(text.encode())} bytes; an id has 1 to {ID_BYTES_MAX}"
        raise FieldInvalid(path, problem, found=len(text.encode()), limit=ID_BYTES_MAX)


def ids_from_proto(path: str, ids: Sequence[str], count_max: int) -> tuple[str, ...]:
    """Return checked outside ids."""
    check_length(path, len(ids), 0, count_max)
    found = tuple(ids)
    for i, text in enumerate(found):
        if not 0 < len(text) <= ID_CHARACTERS_SURE:
            check_id(f"{path}[{i}]", text)
    return found


def check_length(path: str, length: int, least: int, most: int) -> None:
    """Check how many entries a repeated field has."""
    if not least <= length <= most:
        problem = f"has {length} entries; {least} to {most} are allowed"
        raise FieldInvalid(path, problem, found=length, limit=most)


def check_text(path: str, text: str, bytes_max: int) -> str:
    """Return a free text of at most bytes_max bytes."""
    size = len(text.encode())
    if size > bytes_max:
        problem = f"has {size} bytes; at most {bytes_max} are allowed"
        raise FieldInvalid(path, problem, found=size, limit=bytes_max)
    return text


def attribute_from_text(path: str, text: str) -> str:
    """Return the name of an attribute of the items, or the empty one."""
    return check_text(path, text, ATTRIBUTE_BYTES_MAX)


def int_in(path: str, value: int, low: int, high: int) -> int:
    """Return an integer that lies in low..high."""
    if not low <= value <= high:
        problem = f"{value} is not in {low}..{high}"
        raise FieldInvalid(path, problem, found=value, limit=f"{low}..{high}")
    return value


def float_in(path: str, value: float, low: float, high: float) -> float:
    """Return a number that lies in low..high."""
    if not low <= value <= high:  # refuses NaN too
        problem = f"{value} is not in {low}..{high}"
        raise FieldInvalid(path, problem, found=value, limit=f"{low}..{high}")
    return value


def check_finite(path: str, value: float) -> float:
    """Return a number that is neither NaN nor infinite."""
    if not isfinite(value):
        raise FieldInvalid(path, f"{value} is not finite", found=value)
    return value


def enum_name(path: str, value: int, names: Mapping[Number, Name]) -> Name:
    """Return our name of an enum's number; a newer contract's number is an error, no default."""
    for number, name in names.items():
        if number == value:
            return name
    known = ", ".join(map(str, names))
    raise FieldInvalid(path, f"{value} is not one of {known}", found=value)


def enum_number(names: Mapping[Number, str], name: str) -> Number:
    """Return the last number with that name: never UNSPECIFIED where there is another."""
    return [number for number in names if names[number] == name][-1]
