"""Plain dataclasses that every room speaks in: storable, without verbs of their own."""
