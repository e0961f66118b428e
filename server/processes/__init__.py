"""The supervisor, its workers and its trainings."""
