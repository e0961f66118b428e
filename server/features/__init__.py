"""Features of items and users from their attributes: what they are, and their values."""
