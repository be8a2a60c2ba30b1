"""Contexts: what a target is given of its run: device, named random streams, log, checkpoints, display."""
