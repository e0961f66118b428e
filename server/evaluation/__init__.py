"""How good rankings are: held-out events, metrics, comparisons."""
