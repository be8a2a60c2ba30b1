"""The ladder: the best map of every class between two representations, and what it leaves unexplained."""
