"""What a worker holds: models, attributes, hidden items, stored lists."""
