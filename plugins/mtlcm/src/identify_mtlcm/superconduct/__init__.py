"""Superconductors: compositions, features made from them, critical temperatures."""
