"""Trainings from acceptance to their end, in SQLite."""
