"""Which files a caller may name: those below the data roots of the server."""

import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote

from shortlist.server.errors import PathNotAllowed


def check_path(uri: str, roots: Sequence[str]) -> str:
    """Return the path to read, links and ".." resolved, where it lies below one of the roots.

    roots: local folders, and prefixes of remote URIs ("s3://bucket/data", or "s3://" for all of
    S3). A folder is allowed only if no link in it leads outside. Raises PathNotAllowed.
    """
    if not uri or "\0" in uri:
        raise PathNotAllowed(uri)
    if uri.startswith("file://"):
        return check_path(unquote(uri.removeprefix("file://")), roots)
    if "://" in uri:
        return _checked_remote(uri, [root for root in roots if "://" in root])
    folders = [Path(os.path.realpath(root)) for root in roots if "://" not in root]
    target = Path(os.path.realpath(uri))
    if not _below_any(target, folders):
        raise PathNotAllowed(uri)
    for folder, names, files in os.walk(target):
        for name in (*names, *files):
            entry = Path(folder, name)
            if entry.is_symlink() and not _below_any(Path(os.path.realpath(entry)), folders):
                raise PathNotAllowed(str(entry))
    return str(target)


def _below_any(target: Path, folders: Sequence[Path]) -> bool:
    return any(target.is_relative_to(folder) for folder in folders)


def _checked_remote(uri: str, prefixes: Sequence[str]) -> str:
    # Options behind "?" could point a file system at another host, such as endpoint_override.
    steps = unquote(uri).split("/")
    if ".." in steps or "%" in unquote(uri) or "?" in unquote(uri) or "@" in uri.split("/")[2]:
        raise PathNotAllowed(uri)
    for prefix in prefixes:
        whole_scheme = prefix.endswith("://")
        folder = prefix if whole_scheme else prefix.rstrip("/") + "/"
        if uri == prefix or uri.startswith(folder):
            return uri
    raise PathNotAllowed(uri)
