"""Which items a request allows: filter expressions, places, and times, over the item attributes."""
