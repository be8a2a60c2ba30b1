"""Training variational autoencoders."""
