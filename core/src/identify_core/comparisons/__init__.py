"""Comparisons: references become representations, joined on their ids, scored in pairs and stored."""
