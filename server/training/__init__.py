"""Trains, measures and publishes models, in a process of its own."""
