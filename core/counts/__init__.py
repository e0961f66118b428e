"""What is learned by counting: popularity, segments, neighbours."""
