"""The dataset `linear` as a run sees it: columns, ids, truths in the right units, streams that do not shift."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from identify_core import OptionsError, Samples
from identify_core.testing.contexts import make_context
from identify_mtlcm.options.synthetic import LinearOptions
from identify_mtlcm.synthetic.datasets import make_linear
from identify_mtlcm.tasks import task_rows


@pytest.fixture
def make(tmp_path):
    def linear(seed: int = 0, dtype: torch.dtype = torch.float64, **options: object) -> Samples:
        small = {"latents": 4, "tasks": 12, "points": 20, "test_points": 10, **options}
        return make_linear(LinearOptions(**small), make_context(tmp_path, seed=seed, dtype=dtype))

    return linear


def latents_of(samples: Samples) -> np.ndarray:
    return np.stack([samples.factors[f"z-{j + 1}"].values for j in range(int(samples.facts["latents"]))], axis=1)


def by_task(samples: Samples, split: str = "train"):
    """Latents (T, n, d) and targets (T, n) of a split."""
    part, T = samples.split(split), int(samples.facts["tasks"])
    return latents_of(part).reshape(T, -1, int(samples.facts["latents"])), part.tensor("y").numpy().reshape(T, -1)


def test_columns_splits_and_factors(make):
    samples = make()
    assert (samples.shape.inputs, samples.shape.outputs) == ((4,), (1,))
    assert {name: len(rows) for name, rows in samples.splits.items()} == {"train": 240, "test": 120}
    assert samples.tensor("task").dtype is torch.int64
    for split, points in (("train", 20), ("test", 10)):
        assert samples.split(split).tensor("task").tolist() == [t for t in range(12) for _ in range(points)]
    assert all(factor.kind == "continuous" for factor in samples.factors.values())
    assert list(samples.factors) == ["z-1", "z-2", "z-3", "z-4"]
    rows = task_rows(samples)
    assert rows.count == samples.facts["tasks"] == 12


def test_observations_are_mixed_latents_with_noise(make):
    samples = make(tasks=300)
    z, mixing = latents_of(samples), samples.truths["mixing"].values
    noise = (samples.tensor("x").numpy() - z @ mixing.T) / 0.01
    assert stats.kstest(noise.ravel(), "norm").pvalue > 1e-3
    assert abs(np.corrcoef(noise[:3000].ravel(), noise[-3000:].ravel())[0, 1]) < 0.05  # test rows have their own
    noisy = samples.tensor("noisy-latents").numpy()
    np.testing.assert_allclose(noisy, z + 0.01 * noise @ np.linalg.inv(mixing).T, atol=1e-9)
    exact = make(observation_noise=0.0)
    np.testing.assert_allclose(exact.tensor("noisy-latents").numpy(), latents_of(exact), atol=1e-9)


@pytest.mark.parametrize("observed", [None, 7])
def test_mixings(make, observed):
    orthogonal = make(mixing="orthogonal", observed=observed).truths["mixing"].values
    np.testing.assert_allclose(orthogonal.T @ orthogonal, np.eye(4), atol=1e-12)
    identity = make(mixing="identity", observed=observed)
    np.testing.assert_array_equal(identity.truths["mixing"].values, np.eye(observed or 4, 4))
    assert identity.facts["mixing-condition"] == 1
    random = make(observed=observed)
    assert random.truths["mixing"].values.shape == (observed or 4, 4)
    assert random.facts["mixing-condition"] == pytest.approx(np.linalg.cond(random.truths["mixing"].values))


def test_more_features_than_latents_average_the_noise(make):
    square, tall = (make(mixing="orthogonal", observed=observed, tasks=200) for observed in (4, 40))
    for samples in (square, tall):
        error = samples.tensor("noisy-latents").numpy() - latents_of(samples)
        assert error.std() == pytest.approx(0.01, rel=0.05)
    assert tall.shape.inputs == (40,)


def test_fewer_features_than_latents_are_said_to_lose_them(tmp_path):
    context = make_context(tmp_path)
    samples = make_linear(LinearOptions(latents=4, observed=3, tasks=5), context)
    assert context.warnings == [
        "4 latents are observed through 3 features: no injective map does that, so that the latents cannot be "
        "recovered from them"
    ]
    assert "noisy-latents" not in samples.columns


@pytest.mark.parametrize("parent", ["target", "confounder"])
@pytest.mark.parametrize("standardise", ["none", "per-task", "global"])
def test_gamma_and_noise_are_true_in_the_units_of_the_factors(make, standardise, parent):
    """The slope of a standardised latent is γ/s: γ as drawn is off, the truth is within sampling error."""
    samples = make(tasks=150, points=400, latents=6, standardise=standardise, spurious_parent=parent)
    z, y = by_task(samples)
    spurious = ~samples.truths["causal"].values
    truth, noise = samples.truths["gamma"].values, samples.truths["residual-noise"].values
    centred = y - y.mean(1, keepdims=True)
    slopes = np.einsum("tnd,tn->td", z, centred) / (centred**2).sum(1)[:, None]
    error = noise / np.sqrt((centred**2).sum(1))[:, None]
    assert stats.kstest(((slopes - truth) / error)[spurious], "norm").pvalue > 1e-3
    residual = z - z.mean(1, keepdims=True) - slopes[..., None, :] * centred[..., None]
    spread = np.sqrt((residual**2).sum(1) / (400 - 2))
    assert (spread / noise)[spurious].std() == pytest.approx(1 / np.sqrt(2 * 398), rel=0.15)
    assert (spread / noise)[spurious].mean() == pytest.approx(1, rel=0.01)
    drawn = samples.truths["gamma-drawn"].values
    off = np.sqrt(((drawn - truth)[spurious] ** 2).mean())
    assert off == 0 if (standardise, parent) == ("none", "target") else off > 0.05
    if (standardise, parent) == ("per-task", "target"):
        np.testing.assert_allclose(truth * samples.truths["latent-scale"].values, drawn)


def test_test_rows_are_standardised_as_the_training_rows_were(make):
    raw, standard = make(standardise="none"), make()
    for split in ("train", "test"):
        (before, y), (after, same_y) = by_task(raw, split), by_task(standard, split)
        np.testing.assert_array_equal(y, same_y)
        scale, mean = (standard.truths[name].values[:, None] for name in ("latent-scale", "latent-mean"))
        np.testing.assert_allclose(after * scale + mean, before, atol=1e-12)
    np.testing.assert_allclose(by_task(standard)[0].std(1), 1)


def test_flips_are_told(make):
    samples = make(flip_spurious="test", standardise="none", tasks=100)
    assert (samples.truths["test-sign"].values == -1).all()
    spurious = ~samples.truths["causal"].values
    for split, sign in (("train", 1), ("test", -1)):
        z, y = by_task(samples, split)
        residual = (z - sign * samples.truths["gamma"].values[:, None] * y[..., None]).transpose(0, 2, 1)[spurious]
        assert residual.std() == pytest.approx(0.1, rel=0.05)
    assert "test-sign" not in make().truths


def same_prefix(few: Samples, many: Samples) -> bool:
    """Whether the rows that two datasets share, told by their ids, are the same."""
    _, first, second = np.intersect1d(few.ids, many.ids, return_indices=True)
    assert len(first) == len(few) < len(many)
    return torch.equal(few.tensor("x")[first], many.tensor("x")[second]) and torch.equal(
        few.tensor("y")[first], many.tensor("y")[second]
    )


def test_more_tasks_or_rows_shift_no_numbers(make):
    assert same_prefix(make(), make(tasks=20))
    assert same_prefix(make(), make(test_points=33))
    assert same_prefix(make(standardise="none"), make(standardise="none", tasks=15, points=47))
    assert not np.isin(make().ids, make(points=21).ids).any()  # standardised over other rows: other numbers, other ids
    assert not np.isin(make(standardise="global").ids, make(standardise="global", tasks=13).ids).any()


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({"mixing": "orthogonal"}, ("z", "y", "gamma-drawn", "weights", "causal")),
        ({"observed": 9}, ("z", "y", "gamma-drawn", "weights", "causal")),
        ({"observation_noise": 0.5}, ("z", "y", "mixing", "gamma-drawn")),
        ({"standardise": "none"}, ("y", "mixing", "gamma-drawn", "weights", "causal")),
        ({"spurious_noise": 0.7}, ("y", "mixing", "gamma-drawn", "weights", "causal")),
        ({"spurious_law": "laplace"}, ("y", "mixing", "gamma-drawn", "weights", "causal")),
        ({"causal_law": "laplace"}, ("mixing", "gamma-drawn", "weights", "causal", "target-noise")),
        ({"gamma": (0.0, 0.1)}, ("y", "mixing", "weights", "causal", "target-noise")),
        ({"target_noise": (0.1, 0.2)}, ("mixing", "gamma-drawn", "weights", "causal")),
        ({"weights": "ones"}, ("mixing", "gamma-drawn", "causal", "target-noise")),
        ({"spurious_parent": "confounder"}, ("mixing", "gamma-drawn", "weights", "causal", "target-noise")),
    ],
    ids=lambda each: "-".join(each) if isinstance(each, dict) else "",
)
def test_an_option_shifts_no_numbers_of_others(make, change, kept):
    before, after = make(), make(**change)
    for name in kept:
        if name == "z":
            np.testing.assert_array_equal(latents_of(before), latents_of(after))
        elif name == "y":
            assert torch.equal(before.tensor("y"), after.tensor("y"))
        else:
            np.testing.assert_array_equal(before.truths[name].values, after.truths[name].values)
    assert before.fingerprint != after.fingerprint
    assert not np.isin(before.ids, after.ids).any()


def test_the_causes_of_more_causal_factors_contain_those_of_fewer(make):
    one, two = (make(causal_factors=k).truths["causal"].values for k in (1, 2))
    assert (two | ~one).all()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**40))
def test_the_same_seed_gives_the_same_samples(tmp_path_factory, seed):
    folder = tmp_path_factory.mktemp("data")
    options = LinearOptions(latents=3, tasks=3, points=4, test_points=2, causal_factors=1)
    first, again, other = (make_linear(options, make_context(folder, seed=each)) for each in (seed, seed, seed + 1))
    assert first.fingerprint == again.fingerprint != other.fingerprint
    assert not np.isin(first.ids, other.ids).any()


def test_the_data_seed_goes_before_the_runs_seed(make):
    assert make(seed=5).fingerprint == make(seed=9, data_seed=5).fingerprint != make(seed=9).fingerprint


def test_ids_fit_a_positive_64_bit_number(make):
    ids = make(seed=2**62).ids
    assert ids.dtype == np.int64
    assert ids.min() >= 0
    assert len(np.unique(ids)) == len(ids)


def test_both_precisions_hold_the_same_data(make):
    double, single = make(), make(dtype=torch.float32)
    for name in ("x", "y", "noisy-latents"):
        assert single.tensor(name).dtype is torch.float32
        torch.testing.assert_close(double.tensor(name).float(), single.tensor(name), rtol=0, atol=0)
    np.testing.assert_array_equal(double.ids, single.ids)
    np.testing.assert_array_equal(latents_of(double), latents_of(single))


def test_features_can_be_standardised(make):
    samples = make(standardise_observed=True, observed=6)
    x = samples.split("train").tensor("x")
    torch.testing.assert_close(x.mean(0), torch.zeros(6, dtype=x.dtype), rtol=0, atol=1e-12)
    torch.testing.assert_close(x.std(0, correction=0), torch.ones(6, dtype=x.dtype))
    raw = make(observed=6)
    for each in (raw, samples):  # the mixing is true in the units of the features as they are
        z = np.c_[latents_of(each), np.ones(len(each))]
        fitted = np.linalg.lstsq(z, each.tensor("x").numpy(), rcond=None)[0]
        np.testing.assert_allclose(fitted[:-1].T, each.truths["mixing"].values, atol=0.01)
    np.testing.assert_array_equal(raw.tensor("noisy-latents").numpy(), samples.tensor("noisy-latents").numpy())
    with pytest.raises(OptionsError, match="2 observed features are constant, the first of them 4"):
        make(standardise_observed=True, observed=6, mixing="identity", observation_noise=0.0)


@pytest.mark.parametrize(("latents", "k"), [(4, 0), (4, 4), (1, 0), (1, 1)])
def test_no_cause_all_causes_and_one_latent_are_data_too(make, latents, k):
    samples = make(latents=latents, causal_factors=k, tasks=200, standardise="none")
    z, y = by_task(samples)
    causal, weights = samples.truths["causal"].values, samples.truths["weights"].values
    assert (causal.sum(1) == k).all()
    noise = (y - np.einsum("tnd,td->tn", z, weights)) / samples.truths["target-noise"].values[:, None]
    assert stats.kstest(noise.ravel(), "norm").pvalue > 1e-3
    assert samples.facts["unseparated-pairs"] == latents * (latents - 1) // 2
    assert make(latents=4, causal_factors=2).facts["unseparated-pairs"] == 0


def test_truths_and_facts_say_what_the_data_are(make):
    samples = make(causal_factors=1)
    assert {name: truth.dimensions for name, truth in samples.truths.items()} == {
        "causal": ("task", "latent"),
        "weights": ("task", "latent"),
        "gamma": ("task", "latent"),
        "gamma-drawn": ("task", "latent"),
        "residual-noise": ("task", "latent"),
        "target-noise": ("task",),
        "latent-mean": ("task", "latent"),
        "latent-scale": ("task", "latent"),
        "mixing": ("observed", "latent"),
    }
    assert samples.truths["causal"].values.dtype == bool
    assert (
        samples.facts.items()
        >= {
            "tasks": 12,
            "latents": 4,
            "observed": 4,
            "causal-factors": 1,
            "spurious-noise": 0.1,
            "observation-noise": 0.01,
            "standardise": "per-task",
            "mixing": "random",
        }.items()
    )
