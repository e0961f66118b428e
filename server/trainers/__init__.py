"""What learns: run in the training process only."""
