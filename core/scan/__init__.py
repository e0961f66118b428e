"""The best items for a vector: exact, by lists, diverse."""
