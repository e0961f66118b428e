"""Sizes that more than one family holds to."""

DIM_MAX = 4096  # of a vector
FEATURES_MAX = 4096  # a system of this size is solved: 128 MiB, some seconds once a training
