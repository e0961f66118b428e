"""From a query to candidates: encode, plan, search, and which model serves."""
