"""What a worker needs to turn whoever asks into a vector, or into scores."""
