"""Studies: runs, comparisons, tables and figures that one file names, done again only where something changed."""
