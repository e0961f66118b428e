"""Features of items from their attributes: what they are, and each item's values of them."""
