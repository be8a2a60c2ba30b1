"""What all pairs of encoders say together, on sentences that were held out."""
