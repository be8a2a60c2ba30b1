"""Data: scikit-learn's digits."""
