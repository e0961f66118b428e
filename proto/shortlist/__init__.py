"""Shortlist: candidate generation over gRPC."""

__version__ = "0.1.0"
