"""Linear algebra of tall factor matrices and sparse rows."""
