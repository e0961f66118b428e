"""What catalogs, models, aliases and exports may be called."""

from __future__ import annotations

import re

CATALOG_DEFAULT = "default"
ALIAS_DEFAULT = "live"
CATALOG_RULE = "[a-z0-9_-]{1,64}"
NAME_RULE = "[A-Za-z0-9._-]{1,128} without a dot in front"
_CATALOG = re.compile(r"[a-z0-9_-]{1,64}")
# A leading dot is refused too: such folders are the server's own, and ".." is no name.
_NAME = re.compile(r"(?!\.)[A-Za-z0-9._-]{1,128}")


def is_catalog(text: str) -> bool:
    """Return whether a catalog may be called so."""
    return _CATALOG.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """Return whether a model, an alias or an export may be called so."""
    return _NAME.fullmatch(text) is not None
