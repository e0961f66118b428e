"""What runs: reading data, training jobs, artifacts, the index, serving."""
