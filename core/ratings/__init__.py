"""Least squares on explicit ratings, with biases."""
