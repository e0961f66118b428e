"""Approximate search of a model's items: two kinds, and the measurement that chooses."""
