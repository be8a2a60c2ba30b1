"""Pictures, drawn from what findings store."""
