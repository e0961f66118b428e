"""How good rankings and predicted values are."""
