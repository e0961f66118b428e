"""Runs of benchmarks that are kept, and the tables of the documents that are made from them."""
