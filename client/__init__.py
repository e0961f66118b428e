"""Thin Python client."""
