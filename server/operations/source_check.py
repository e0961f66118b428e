"""Looks at the files of a source before work on it is accepted: plain mistakes fail at once."""

from collections.abc import Sequence
from dataclasses import astuple

from shortlist.core.errors import SettingInvalid
from shortlist.server.domain.sources import NO_COLUMN, AttributeSource, EventSource, all_numbers
from shortlist.server.errors import DataSourceInvalid, FieldInvalid
from shortlist.server.reading import check_path
from shortlist.server.reading.batches import column_names
from shortlist.server.reading.files import check_text, find_files


def check_events(source: EventSource, path: str, roots: Sequence[str]) -> None:
    """Check that a source lies inside the roots, can be opened and has the columns it names.

    `path` is the source's place in the request. Reads file names and the head of the first file.
    Raises PathNotAllowed, DataSourceInvalid, FieldInvalid.
    """
    _check(source, astuple(source.columns), path, roots)


def check_attributes(
    source: AttributeSource | None,
    path: str,
    roots: Sequence[str],
    features: Sequence[str],
    used: str,
) -> None:
    """Do the same for items or users; `used` is the place of the features, attributes of theirs."""
    if source is None:
        if features:
            raise FieldInvalid(used, f"needs {path}, whose attributes the features are")
        return
    present = _check(source, (source.id_column, *source.attributes), path, roots)
    id_column = source.id_column_of(present)
    known = source.attributes or [name for name in present if name != id_column]
    for i, name in enumerate(features):
        if name not in known:
            problem = f"{name!r} is no attribute of the {path}; those are {', '.join(known)}"
            raise FieldInvalid(f"{used}[{i}]", problem, found=name)


def _check(
    source: EventSource | AttributeSource, columns: Sequence[str], path: str, roots: Sequence[str]
) -> list[str]:
    """Return the columns of the first file."""
    check_path(source.uri, roots)
    try:
        files = find_files(source.uri, source.format)
        check_text(source.text, files)
    except SettingInvalid as error:
        problem = f"{error.found!r} is not allowed: {error.allowed}"
        raise FieldInvalid(f"{path}.source.{error.field}", problem, found=error.found) from error
    given = [name for name in columns if name and name != NO_COLUMN]
    present = column_names(files[0], source.text, all_numbers(given))
    for name in given:
        if name not in present:
            reason = f"no such column; the columns are {', '.join(present)}"
            raise DataSourceInvalid(reason, file=files[0].path, column=name)
    return present
