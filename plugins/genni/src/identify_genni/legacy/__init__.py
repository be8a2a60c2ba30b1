"""The folders of the 2020 code: read safely, and written into a store as runs."""
