"""Whitening, FastICA, sparse heads and the untrained representation on problems with known answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch

from identify_core import Finding, Latents, OptionsError, Samples
from identify_core.testing.contexts import make_context
from identify_mtlcm.objectives import fastica, group_sparse
from identify_mtlcm.objectives.whitening import keep_untrained, whiten
from identify_mtlcm.options.baselines import FastIcaOptions, GroupSparseOptions, UntrainedOptions, WhiteningOptions


def split(kept: Any) -> tuple[dict[str, Finding], dict[str, Latents]]:
    items = list(kept)
    findings = {each.name: each for each in items if isinstance(each, Finding)}
    return findings, {each.name: each for each in items if isinstance(each, Latents)}


def sources(law: str, count: int = 3, rows: int = 3000) -> tuple[Samples, np.ndarray[Any, Any]]:
    random = np.random.default_rng(0)
    s = random.uniform(-1, 1, (rows, count)) if law == "uniform" else random.standard_normal((rows, count))
    x = s @ random.standard_normal((count, count)).T + 2
    samples = Samples(
        columns={"x": torch.from_numpy(x).float()},
        ids=np.arange(rows),
        splits={"train": np.arange(rows), "test": np.arange(0, rows, 3)},
    )
    return samples, s[::3]


@pytest.mark.parametrize("kind", ["pca", "zca"])
def test_whitened_training_rows_have_unit_covariance(tmp_path: Path, kind: Any) -> None:
    samples, _ = sources("uniform")
    options = WhiteningOptions(kind=kind, keep="train")
    _, latents = split(whiten(options, None, samples, make_context(tmp_path, count=2)))
    z = torch.as_tensor(latents["z"].values[0]).double()
    assert torch.allclose(z.T @ z / len(z), torch.eye(3, dtype=torch.float64), atol=1e-5)
    assert torch.allclose(z.mean(0), torch.zeros(3, dtype=torch.float64), atol=1e-5)
    assert latents["z"].identified_up_to == ""


def test_zca_stays_closest_to_the_centred_inputs(tmp_path: Path) -> None:
    """Kessy, Lewin & Strimmer 2018: of all whitened coordinates its distance to the inputs is the smallest."""
    samples, _ = sources("uniform")
    context = make_context(tmp_path, count=1)
    x = samples.tensor("x").double()
    x = x - x.mean(0)
    far = {}
    for kind in ("pca", "zca"):
        _, latents = split(whiten(WhiteningOptions(kind=kind, keep="train"), None, samples, context))
        far[kind] = float((torch.as_tensor(latents["z"].values[0]).double() - x).square().sum())
    assert far["zca"] < far["pca"]


def test_principal_components_come_in_order_and_constant_directions_are_left_out(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    x = np.column_stack([random.standard_normal(500), 9 * random.standard_normal(500), np.ones(500)])
    samples = Samples(columns={"x": torch.from_numpy(x).float()}, ids=np.arange(500), splits={"train": np.arange(500)})
    context = make_context(tmp_path, count=1)
    findings, latents = split(whiten(WhiteningOptions(keep="train"), None, samples, context))
    z = latents["z"].values[0]
    assert z.shape == (500, 2)
    assert abs(np.corrcoef(z[:, 0], x[:, 1])[0, 1]) > 0.99
    assert findings["whitening"].scalars["components"] == 2
    with pytest.raises(OptionsError, match="2 of 3 directions of the representation vary, fewer than the 3"):
        split(whiten(WhiteningOptions(keep="train", components=3), None, samples, context))
    still = attrs.evolve(samples, columns={"x": torch.ones(500, 2)})
    with pytest.raises(OptionsError, match="0 of 2 directions"):
        split(whiten(WhiteningOptions(keep="train"), None, still, context))


def test_whitened_regressions_claim_a_rotation(tmp_path: Path, make_problem: Any, make_regression: Any) -> None:
    problem = make_problem(samples=make_regression(), latents=3)
    context = problem.context(tmp_path)
    options = WhiteningOptions(regression=attrs.evolve(WhiteningOptions().regression, epochs=2))
    findings, latents = split(whiten(options, problem.replicates(context), problem.samples, context))
    assert latents["z"].identified_up_to == "orthogonal"
    assert set(findings) == {"heads", "whitening"}


def test_fastica_finds_independent_uniform_sources(tmp_path: Path, matched: Any) -> None:
    samples, truth = sources("uniform")
    context = make_context(tmp_path, count=2)
    findings, latents = split(fastica.separate(FastIcaOptions(), None, samples, context))
    for z in latents["z"].values:
        assert matched(z, truth) > 0.99
    assert findings["fastica"].scalars["converged"] == 2
    assert findings["fastica"].warnings == ()
    _, white = split(whiten(WhiteningOptions(), None, samples, context))
    assert matched(white["z"].values[0], truth) < 0.95


def test_fastica_that_does_not_converge_says_so(tmp_path: Path) -> None:
    samples, _ = sources("normal")
    options = FastIcaOptions(iterations=1)
    findings, _ = split(fastica.separate(options, None, samples, make_context(tmp_path, count=2)))
    assert "did not converge within 1 iterations for 2 of 2 replicates (0, 1)" in findings["fastica"].warnings[0]


def test_one_component_needs_no_rotation(tmp_path: Path) -> None:
    samples, _ = sources("uniform", count=1)
    _, latents = split(fastica.separate(FastIcaOptions(), None, samples, make_context(tmp_path, count=1)))
    assert latents["z"].values[0].shape == (1000, 1)


def test_replicates_of_fastica_do_not_depend_on_their_number(tmp_path: Path) -> None:
    samples, _ = sources("uniform")
    found = {
        count: split(fastica.separate(FastIcaOptions(), None, samples, make_context(tmp_path, count=count)))[1]["z"]
        for count in (1, 2)
    }
    assert torch.equal(found[1].values[0], found[2].values[0])


def test_the_untrained_representation_is_that_of_the_encoders_as_drawn(
    tmp_path: Path, make_problem: Any, make_regression: Any
) -> None:
    problem = make_problem(samples=make_regression(), latents=3)
    context = problem.context(tmp_path)
    replicates = problem.replicates(context)
    before = replicates.vectors()
    (latents,) = keep_untrained(UntrainedOptions(), replicates, problem.samples, context)
    expected = replicates(problem.samples.tensor("x")[500:])
    assert torch.allclose(torch.as_tensor(latents.values), expected, atol=1e-5)
    assert torch.equal(replicates.vectors(), before)
    assert latents.identified_up_to == ""
    with pytest.raises(OptionsError, match="there is no encoder to leave untrained"):
        list(keep_untrained(UntrainedOptions(), None, problem.samples, context))


def test_sparse_heads_find_sparse_latents_up_to_order_and_scale(
    tmp_path: Path, make_problem: Any, matched: Any
) -> None:
    """Each task uses one or two of three latents; the inputs are a random mixing of them."""
    random = np.random.default_rng(3)
    z = random.standard_normal((1500, 3))
    weights = np.zeros((30, 3))
    for t in range(30):
        weights[t, random.choice(3, 1 + t % 2, replace=False)] = random.uniform(1, 2)
    x, y = z @ random.standard_normal((3, 3)).T, z @ weights.T
    samples = Samples(
        columns={"x": torch.from_numpy(x).float(), "y": torch.from_numpy(y).float()},
        ids=np.arange(1500),
        splits={"train": np.arange(1200), "test": np.arange(1200, 1500)},
    )
    problem = make_problem(samples=samples, latents=3, hidden=())
    context = problem.context(tmp_path, count=3)
    options = GroupSparseOptions(
        epochs=100, batch_size=128, entry_penalty=0.1, group_penalty=0.0, covariance_penalty=1.0
    )
    findings, latents = split(group_sparse.train(options, problem.replicates(context), samples, context))
    used = findings["heads"].arrays["used"].values
    assert used.shape == (3, 30, 3)
    # Rotations have local minima; the replicate with the sparsest heads is the one that found the latents.
    best = int(used.mean((1, 2)).argmin())
    assert matched(latents["z"].values[best], z[1200:]) > 0.99
    assert used[best].mean() == pytest.approx(0.5, abs=0.05)


def test_options_that_contradict_each_other() -> None:
    with pytest.raises(ValueError, match='kind is "zca", which keeps every coordinate'):
        WhiteningOptions(kind="zca", components=2)
    with pytest.raises(ValueError, match="group-sparse has penalties of its own"):
        GroupSparseOptions(head_penalty=0.1)
    with pytest.raises(ValueError, match="nothing holds the scale of the representation"):
        GroupSparseOptions(covariance_penalty=0.0)
