"""Benchmarks and the demo. Each benchmark prints time and quality together, beside a peer."""
