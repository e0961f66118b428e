"""Candidates for everybody at once: what to export, writing it in parts, the process that does."""
