"""Weighted alternating least squares."""
