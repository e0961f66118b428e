"""Ids to rows, events to matrices, sets of rows."""
