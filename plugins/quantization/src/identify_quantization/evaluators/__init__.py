"""What trained networks are asked."""
