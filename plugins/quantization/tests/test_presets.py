"""Every preset has the study's networks, and latents that its objective can train."""

from __future__ import annotations

import pytest

from identify_core import load_registry, load_spec

METHODS = (
    "",
    "one-book",
    "no-decay",
    "ae",
    "bio-ae",
    "beta-vae",
    "beta-tcvae",
    "vq-vae",
    "vq-vae-no-decay",
    "gan",
    "plain-gan",
    "quantised-gan",
    "quantised-gan-no-decay",
    "tripod",
)  # endings of a preset's name
KINDS = {
    "ae": "continuous",
    "bio-ae": "continuous",
    "qlae": "scalar-books",
    "vq-vae": "vector-books",
    "beta-vae": "gaussian",
    "beta-tcvae": "gaussian",
    "tripod": "finite",
}
FACTORS = {"shapes3d": 6, "mpi3d": 7, "falcor3d": 7, "isaac3d": 9}
DECAYS = {"shapes3d": 0.1, "mpi3d": 1e-3, "falcor3d": 0.1, "isaac3d": 0.1}


@pytest.mark.parametrize("name", sorted(FACTORS))
def test_presets_are_the_studys(name: str) -> None:
    registry = load_registry()
    for suffix in METHODS:
        preset = f"{name}-{suffix}" if suffix else name
        spec = load_spec(registry, plugin="quantization", preset=preset)
        assert spec.model is not None
        objective, latent = spec.objective.registered.component.name, spec.model.options.latent
        assert latent.count == 2 * FACTORS[name], preset
        if objective == "info-wgan-gp":
            assert spec.model.options.critic
            assert latent.kind == ("scalar-books" if "quantised" in preset else "continuous"), preset
        else:
            assert latent.kind == KINDS[objective], preset
        if not suffix:
            assert spec.objective.options.weight_decay == DECAYS[name]
        if "no-decay" in suffix:
            assert spec.objective.options.weight_decay == 0, preset
        symbols = [each.options.latents == "symbols" for each in spec.evaluators if hasattr(each.options, "latents")]
        quantised = latent.kind in ("scalar-books", "vector-books", "finite")
        assert symbols == [quantised], preset
