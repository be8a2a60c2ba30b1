"""Options of the synthetic datasets: every refusal says what is wrong, and sizes are refused before they are drawn."""

from __future__ import annotations

import attrs
import pytest

from identify_core import OptionsError
from identify_core.testing.contexts import make_context
from identify_core.testing.memory import peak_memory
from identify_mtlcm.options.synthetic import Linear2024Options, LinearOptions, Nonlinear2024Options, NonlinearOptions
from identify_mtlcm.synthetic.datasets import make_linear, make_nonlinear
from identify_mtlcm.synthetic.legacy import make_linear_2024, make_nonlinear_2024
from identify_mtlcm.synthetic.sizes import memory_needed

ALL = (LinearOptions, NonlinearOptions, Linear2024Options, Nonlinear2024Options)


@pytest.mark.parametrize("kind", ALL)
def test_more_causes_than_latents_are_refused(kind):
    with pytest.raises(ValueError, match="causal_factors is 7, but there are 6 latents"):
        kind(latents=6, causal_factors=7)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fixed_causal_ids": (1, 10)}, "fixed_causal_ids names latent 10, but the latents are 0 to 9"),
        ({"fixed_causal_ids": (1, 1)}, "fixed_causal_ids names a latent twice"),
        ({"fixed_causal_ids": (1, 2, 3)}, "fixed_causal_ids names 3 latents, but causal_factors is 2"),
        ({"gamma": (1.0, -1.0)}, r"gamma is \[1, -1\]: the lower limit comes first"),
        ({"target_noise": (3.0, 2.0)}, r"target_noise is \[3, 2\]: the lower limit comes first"),
        ({"causal_factors": 0, "target_noise": (0.0, 0.0)}, "the target is 0 everywhere"),
        ({"points": 1}, "points is 1, but with standardise"),
        ({"tasks": 0}, "0 is out of range"),
        ({"tasks": 2**21}, "out of range"),
        ({"causal_factors": -1}, "-1 is too small"),
        ({"causal_correlation": 1.0}, "1.0 is out of range"),
        ({"degrees_of_freedom": 2.0}, "2.0 is too small"),
    ],
)
def test_refusals(options, message):
    with pytest.raises(ValueError, match=message):
        LinearOptions(**options)


@pytest.mark.parametrize(
    ("target", "options"),
    [
        (make_linear, LinearOptions(tasks=100_000, points=10_000)),
        (make_nonlinear, NonlinearOptions(points=200_000)),
        (make_linear_2024, Linear2024Options(points=900_000)),
        (make_nonlinear_2024, Nonlinear2024Options(points=200_000)),
    ],
)
def test_absurd_sizes_are_refused_before_memory_is_taken(tmp_path, target, options):
    with (
        peak_memory() as peak,
        pytest.raises(OptionsError, match=r"need about [\d.e+]+ GB of memory, more than the 8 GB") as caught,
    ):
        target(options, make_context(tmp_path))
    assert peak.kilobytes < 50_000
    assert "raise memory" in caught.value.hint


def test_the_study_needs_less_than_half_a_gigabyte(tmp_path):
    options = NonlinearOptions(test_points=1)
    assert 0.2 < memory_needed(options, 500 * 201) < 0.5
    small = attrs.evolve(options, tasks=5, memory=0.001)
    with pytest.raises(OptionsError, match=r"1005 rows of 20 latents and 100 observed features need about 0.00409 GB"):
        make_nonlinear(small, make_context(tmp_path))
