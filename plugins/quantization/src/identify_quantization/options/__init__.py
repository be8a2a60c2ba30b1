"""What the components take, in modules that import no torch."""
