"""Encoders of sentences: pretrained, random, counted, and perturbed copies of these."""
