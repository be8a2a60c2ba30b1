"""What was recovered, and what could be."""
