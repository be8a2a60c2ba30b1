"""Maps that are trained, for what has no closed form."""
