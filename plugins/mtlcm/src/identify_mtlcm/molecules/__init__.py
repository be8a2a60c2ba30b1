"""QM9: molecules as graphs, with their properties."""
