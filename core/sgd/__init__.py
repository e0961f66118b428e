"""Stochastic gradient descent over sampled negatives."""
