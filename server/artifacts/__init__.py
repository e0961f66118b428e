"""Published models on disk: what is in one, and which one serves."""
