"""Presets of the measured data: the study's settings where they say so, its faults mended where they do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from identify_core import Registry, ResolvedSpec, Store, load_registry, load_spec, run_command_line
from identify_mtlcm.molecules.records import Molecules, write_graphs
from identify_mtlcm.options.molecules import PROPERTIES


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry(only=("mtlcm",), strict=True)


def load(registry: Registry, name: str) -> ResolvedSpec:
    return load_spec(registry, plugin="mtlcm", file=None, preset=name, overrides=())


def held(options: Any, **expected: object) -> bool:
    return {name: getattr(options, name) for name in expected} == expected


@pytest.mark.parametrize("name", ["superconduct-2024", "qm9-2024"])
def test_the_studys_presets_hold_out_nothing_and_train_as_its_code_does(registry: Registry, name: str) -> None:
    spec = load(registry, name)
    assert held(spec.dataset.options, standardise="all", test_part=0.0)
    assert held(
        spec.objective.options.regression,
        batch_size=256,
        optimiser="adam",
        schedule="constant",
        inputs="as-given",
        targets="as-given",
        head_biases=True,
        covariance_penalty=0.0,
        head_penalty=0.0,
        weight_decay=0.0,
        refit_heads=False,
        polish=0,
    )
    solver = spec.objective.options.solver
    assert held(
        solver,
        solver="adam",
        observation_noise=1e-4,
        spurious_noise=0.1,
        centring="global",
        standardise="coordinates",
    )
    assert held(solver.adam, batch_size=256, learning_rate=0.1, scheduler=True, patience=100, factor=0.5)


def test_the_studys_superconductors(registry: Registry) -> None:
    spec = load(registry, "superconduct-2024")
    assert spec.dataset.options.temperature_input
    assert spec.model is not None
    assert held(spec.model.options, latent_dim=10, hidden=64, layers=2, activation="relu")
    assert held(spec.objective.options.regression, epochs=200, learning_rate=0.005)
    assert spec.objective.options.solver.adam.epochs == 20


def test_the_studys_molecules(registry: Registry) -> None:
    spec = load(registry, "qm9-2024")
    assert spec.model is not None
    assert held(spec.model.options, hidden=64, layers=2, narrow=True, relu_coords=True, distances=True)
    assert held(spec.objective.options.regression, epochs=300, learning_rate=0.001)
    assert spec.objective.options.solver.adam.epochs == 10


@pytest.mark.parametrize("name", ["superconduct", "qm9"])
def test_the_corrected_presets_hold_out_rows_and_standardise_by_the_others(registry: Registry, name: str) -> None:
    spec = load(registry, name)
    assert spec.replicates == 5
    assert held(spec.dataset.options, standardise="train", test_part=0.2, subset=None)
    if name == "superconduct":
        assert not spec.dataset.options.temperature_input
    else:
        assert spec.model is not None
        assert held(spec.model.options, relu_coords=False, narrow=False, distances=True)


def small_rings(count: int = 90) -> Molecules:
    """Rings of three to eight atoms of four elements at random places, with properties that their atoms decide."""
    generator = np.random.default_rng(0)
    sizes = generator.integers(3, 9, count)
    numbers = generator.choice([6, 7, 8, 9], sizes.sum())
    atoms = np.zeros((sizes.sum(), 11), dtype=np.uint8)
    atoms[np.arange(len(numbers)), numbers - 5] = 1
    atoms[:, 5] = numbers
    owner = np.repeat(np.arange(count), sizes)
    amounts = np.stack([np.bincount(owner, weights=numbers == each, minlength=count) for each in (6, 7, 8, 9)], axis=1)
    return Molecules(
        ids=np.arange(1, count + 1),
        atoms=atoms,
        positions=generator.normal(size=(sizes.sum(), 3)),
        ends=np.concatenate([np.stack([np.arange(size), (np.arange(size) + 1) % size], axis=1) for size in sizes]),
        kinds=np.zeros(sizes.sum(), dtype=np.int64),
        atom_counts=sizes,
        bond_counts=sizes,
        properties=amounts @ generator.normal(size=(4, len(PROPERTIES))),
        source="rings",
    )


def test_the_preset_of_the_molecules_runs_from_the_command_line(tmp_path: Path) -> None:
    """With small molecules and few epochs: files to stored latents of held-out molecules, lined up on their ids."""
    write_graphs(tmp_path / "qm9_rings_graphs.npz", small_rings(), made_from="")
    store = tmp_path / "store"
    settings = {
        "dataset.folder": str(tmp_path),
        "dataset.uncharacterised": "keep",
        "model.latent_dim": 3,
        "model.hidden": 8,
        "objective.regression.epochs": 3,
        "objective.solver.restarts": 0,
        "replicates": 2,
    }
    arguments = ["run", "mtlcm", "--preset", "qm9", "--store", str(store), "--quiet"]
    for key, value in settings.items():
        arguments += ["--set", f"{key}={value}"]
    assert run_command_line(arguments) == 0
    (summary,) = Store(store).runs()
    run = Store(store).open(summary.id)
    test = run.splits["test"]
    assert 5 < len(test) < 40
    for name in ("h", "z"):
        latents = run.latents[name]
        assert latents.shape == (2, len(test), 3)
        assert np.array_equal(latents.ids, np.asarray(run.ids)[test])
        assert np.isfinite(latents.values(0)).all()
