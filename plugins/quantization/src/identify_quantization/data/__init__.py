"""Images with the factors that made them."""
