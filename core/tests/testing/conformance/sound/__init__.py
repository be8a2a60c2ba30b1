"""A plugin that keeps every rule; tests break one rule at a time in copies of it."""
