"""Information: mutual information of every latent with every factor, by counting or by neighbours, on CPU or GPU."""
