"""Metric structures of deep latent variable models: distances, angles and volumes that decoders determine."""
