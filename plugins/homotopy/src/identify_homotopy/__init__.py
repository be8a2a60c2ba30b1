"""The homotopy plugin: which maps carry one language encoder onto another, and how far off they stay."""
