"""Data made from the model itself, and from models that it is wrong about."""
