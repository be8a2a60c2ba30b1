"""What the dataset and the model allocate, by arithmetic: `identify validate` asks before torch is imported."""

from __future__ import annotations

from identify_core import Known, Sizes, dense_parameters

from identify_your_plugin.options import AutoencoderOptions, MixturesOptions


def mixtures(options: MixturesOptions, known: Known) -> Sizes:
    """Sources and noise while they are drawn, and the mixtures that are kept."""
    n, k, d = options.samples, options.sources, options.observed
    return Sizes(
        parts={"sources, noise and mixtures": n * (2 * k + 2 * d) * known.itemsize},
        samples=n,
        test_samples=n // 5,
        inputs=(d,),
    )


def autoencoder(options: AutoencoderOptions, known: Known) -> Sizes:
    """The parameters of one replicate; the core reckons the weights of all from them."""
    if known.inputs is None or len(known.inputs) != 1:
        return Sizes()
    d = known.inputs[0]
    encoder = dense_parameters((d, options.width, options.latents))
    return Sizes(parameters=encoder + options.latents * d, latents=options.latents)
