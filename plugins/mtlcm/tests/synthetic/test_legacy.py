"""The study's draw order, against a reference that draws from the global generators of numpy and torch.

No output of the original is at hand: the reference follows the order of draws of its code (utils/data/lin_transform.py
and causal_synthetic.py), one number after the other where numpy draws.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from identify_core import OptionsError
from identify_core.testing.contexts import make_context
from identify_mtlcm.options.synthetic import Linear2024Options, Nonlinear2024Options
from identify_mtlcm.synthetic.legacy import make_linear_2024, make_nonlinear_2024

SMALL = {"latents": 4, "causal_factors": 2, "tasks": 3, "points": 5, "query_points": 4}


def reference(seed: int, matrix: str, *, d=4, k=2, T=3, points=5, query=4, sigma_s=0.1, sigma_o=0.01, **choices):
    """The mixing, gen_data and the linear observation."""
    np.random.seed(seed)
    torch.manual_seed(seed)
    A = torch.randn(d, d).double().numpy()
    causes = []
    for _ in range(T):
        causes.append(list(range(d - k, d)) if choices.get("fixed") else sorted(np.random.choice(d, k, replace=False)))
    gammas = [[1.0 if choices.get("unit_gamma") else np.random.uniform(-1, 1) for _ in range(d - k)] for _ in range(T)]
    weights = [[1.0 if choices.get("unit_weights") else np.random.randn() for _ in range(k)] for _ in range(T)]
    splits = {}
    for split, n, low, high in (("train", points, 2, 3), ("test", query, 0, 1)):
        tasks = []
        for t in range(T):
            sigma = np.random.uniform(low, high)
            level = choices.get("level", sigma)
            z = np.zeros((n, d))
            for i in range(n):
                for j in causes[t]:
                    z[i, j] = np.random.normal(0, 1)
            y = np.array([sum(w * z[i, j] for w, j in zip(weights[t], causes[t], strict=True)) for i in range(n)])
            if level is not None:
                y = np.array([value + np.random.normal(0, level) for value in y])
            sign = -1 if choices.get("flip") and split == "test" else 1
            spurious = [j for j in range(d) if j not in causes[t]]
            for i in range(n):
                for gamma, j in zip(gammas[t], spurious, strict=True):
                    z[i, j] = sign * gamma * y[i] + np.random.normal(0, sigma_s)
            if choices.get("standardise", True):
                z = (z - z.mean(0)) / z.std(0)
            tasks.append((z, y))
        splits[split] = tasks
    if matrix == "identity":
        A = np.eye(d)
    if matrix == "orthogonal":
        U, _, V = np.linalg.svd(A)
        A = U @ V
    z, y, x = [], [], []
    for tasks in splits.values():
        latents, targets = (np.stack([task[part] for task in tasks]) for part in range(2))
        noise = torch.randn_like(torch.from_numpy(latents).float()).double().numpy()  # of a whole split at once
        z.append(latents.reshape(-1, d))
        y.append(targets.reshape(-1))
        x.append(np.array([A @ each for each in z[-1]]) + sigma_o * noise.reshape(-1, d))
    z, y, x = np.concatenate(z), np.concatenate(y), np.concatenate(x)
    return {"causes": causes, "gammas": gammas, "weights": weights, "A": A, "z": z, "y": y, "x": x}


@pytest.mark.parametrize(
    ("options", "choices"),
    [
        ({"matrix": "identity"}, {}),
        ({"matrix": "orthogonal"}, {}),
        ({"matrix": "random"}, {}),
        ({"fix_causal_ids": True}, {"fixed": True}),
        ({"sample_gammas": False}, {"unit_gamma": True}),
        ({"sample_weights": False}, {"unit_weights": True}),
        ({"target_noise": "standard-normal"}, {"level": 1.0}),
        ({"target_noise": "deterministic"}, {"level": None}),
        ({"target_noise": 0.7}, {"level": 0.7}),
        ({"flip_spurious": True}, {"flip": True}),
        ({"standardise": False}, {"standardise": False}),
        ({"spurious_noise": 0.4, "observation_noise": 0.2}, {"sigma_s": 0.4, "sigma_o": 0.2}),
    ],
    ids=lambda each: "-".join(each) if isinstance(each, dict) else "",
)
@pytest.mark.parametrize("seed", [0, 7])
def test_the_linear_data_are_those_of_the_slow_reference(tmp_path, options, choices, seed):
    samples = make_linear_2024(
        Linear2024Options(**SMALL, **options), make_context(tmp_path, seed=seed, dtype=torch.float64)
    )
    expected = reference(seed, options.get("matrix", "random"), **choices)
    close = {"rtol": 0, "atol": 1e-12}
    np.testing.assert_allclose(np.stack([f.values for f in samples.factors.values()], 1), expected["z"], **close)
    np.testing.assert_allclose(samples.tensor("y").numpy()[:, 0], expected["y"], **close)
    np.testing.assert_allclose(samples.tensor("x").numpy(), expected["x"], **close)
    np.testing.assert_allclose(samples.truths["mixing"].values, expected["A"], **close)
    for t in range(3):
        causal = np.flatnonzero(samples.truths["causal"].values[t])
        assert causal.tolist() == expected["causes"][t]
        np.testing.assert_array_equal(samples.truths["weights"].values[t, causal], expected["weights"][t])
        spurious = np.setdiff1d(np.arange(4), causal)
        np.testing.assert_array_equal(samples.truths["gamma-drawn"].values[t, spurious], expected["gammas"][t])


def test_fixed_sigmas_are_not_drawn(tmp_path):
    options = Linear2024Options(**SMALL, sigma_support=2.5, sigma_query=0.5)
    samples = make_linear_2024(options, make_context(tmp_path))
    assert samples.truths["target-noise"].values.tolist() == [2.5] * 3
    other = make_linear_2024(Linear2024Options(**SMALL), make_context(tmp_path))
    np.testing.assert_array_equal(samples.truths["weights"].values, other.truths["weights"].values)
    assert not np.isin(samples.tensor("y"), other.tensor("y")).any()


def test_each_split_is_standardised_by_itself_and_gamma_is_told_in_both_units(tmp_path):
    samples = make_linear_2024(Linear2024Options(tasks=4), make_context(tmp_path, dtype=torch.float64))
    for split, n in (("train", 100), ("test", 128)):
        z = np.stack([f.values for f in samples.split(split).factors.values()], 1).reshape(4, n, 10)
        np.testing.assert_allclose(z.std(1), 1)
    drawn, scale = samples.truths["gamma-drawn"].values, samples.truths["latent-scale"].values
    np.testing.assert_allclose(samples.truths["gamma"].values * scale, drawn)
    raw = make_linear_2024(Linear2024Options(tasks=4, standardise=False), make_context(tmp_path)).split("train")
    np.testing.assert_allclose(np.stack([f.values for f in raw.factors.values()], 1).reshape(4, 100, 10).std(1), scale)
    assert {name: len(rows) for name, rows in samples.splits.items()} == {"train": 400, "test": 512}


def test_the_mixing_is_the_first_draw_of_torchs_seed(tmp_path):
    # torch.manual_seed(0); torch.randn(4, 4) begins with these numbers on every machine.
    samples = make_linear_2024(Linear2024Options(**SMALL, data_seed=0), make_context(tmp_path))
    np.testing.assert_allclose(samples.truths["mixing"].values[0], [-1.1258, -1.1524, -0.2506, -0.4339], atol=5e-5)


def test_the_query_rows_are_drawn_last(tmp_path):
    first, second = (
        make_linear_2024(Linear2024Options(**{**SMALL, "query_points": q}), make_context(tmp_path)) for q in (4, 5)
    )
    for column in ("x", "y"):
        np.testing.assert_array_equal(first.split("train").tensor(column), second.split("train").tensor(column))
    np.testing.assert_array_equal(first.truths["mixing"].values, second.truths["mixing"].values)
    assert not np.isin(first.ids, second.ids).any()


def test_the_nonlinear_data_follow_torchs_seed_then_numpys(tmp_path):
    options = Nonlinear2024Options(**SMALL, observed=9)
    before = torch.random.get_rng_state()
    samples = make_nonlinear_2024(options, make_context(tmp_path, seed=3, dtype=torch.float64))
    assert torch.equal(before, torch.random.get_rng_state())
    torch.manual_seed(3)
    first, second = torch.nn.Linear(4, 9).double(), torch.nn.Linear(9, 9).double()
    z = torch.from_numpy(reference(3, "identity")["z"])
    torch.testing.assert_close(samples.tensor("x"), second(first(z).relu()).detach(), rtol=0, atol=1e-12)
    assert not samples.tensor("x").requires_grad


def test_the_global_generators_are_left_alone(tmp_path):
    np.random.seed(1)
    before, torchs = np.random.get_state()[1].copy(), torch.random.get_rng_state()
    make_linear_2024(Linear2024Options(**SMALL), make_context(tmp_path))
    np.testing.assert_array_equal(before, np.random.get_state()[1])
    assert torch.equal(torchs, torch.random.get_rng_state())


def test_the_data_seed_goes_before_the_runs_and_large_seeds_are_refused(tmp_path):
    given = make_linear_2024(Linear2024Options(**SMALL, data_seed=3), make_context(tmp_path, seed=2**40))
    plain = make_linear_2024(Linear2024Options(**SMALL), make_context(tmp_path, seed=3))
    assert given.fingerprint == plain.fingerprint
    with pytest.raises(OptionsError, match=f"the seed {2**40} is too large") as caught:
        make_linear_2024(Linear2024Options(**SMALL), make_context(tmp_path, seed=2**40))
    assert "data_seed" in caught.value.hint
