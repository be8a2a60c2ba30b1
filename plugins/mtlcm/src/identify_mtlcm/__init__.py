"""MTLCM: task structure identifies the latents of multi-task representations up to permutation and scaling."""
