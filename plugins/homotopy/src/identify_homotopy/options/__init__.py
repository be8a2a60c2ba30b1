"""Options classes, light to import."""
