"""Second-order statistics of several representations, from one pass over their common rows."""
