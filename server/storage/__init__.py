"""Durable files, JSON and dataclasses, names under the data folder, child processes."""
