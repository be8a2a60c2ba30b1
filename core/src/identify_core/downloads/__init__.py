"""Files that others publish: where they are looked for, how they are checked, and how they are fetched."""
