"""Short vectors that learn the rankings of long ones."""
