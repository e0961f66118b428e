"""Slow, obvious float64 versions of every kernel: the truth that the tests compare with."""
