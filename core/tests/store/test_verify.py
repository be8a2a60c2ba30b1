"""Verification finds every kind of damage, all of it at once, and nothing in a run that is well."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from identify_core.store import RunSummary, Store, verify_run
from identify_core.store.folder import Folder
from identify_core.store.records import read_record, write_record

Write = Callable[..., RunSummary]
CHUNK = "arrays.zarr/latents/hidden-1/c.0.0.0"


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_runs_that_are_well_have_no_problems(write_run: Write) -> None:
    assert verify_run(write_run()) == []
    assert verify_run(write_run(commit=False)) == []


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda f: flip(f / CHUNK), "latents/hidden-1: its chunks or its zarr.json changed since it was written"),
        (lambda f: (f / CHUNK).unlink(), "latents/hidden-1: 1 of its 1 chunks are missing"),
        (lambda f: (f / CHUNK).write_bytes(b""), "latents/hidden-1: its chunks or its zarr.json changed"),
        (lambda f: shutil.rmtree(f / "arrays.zarr/weights/0.weight"), "weights/0.weight: it is missing"),
        (
            lambda f: (f / "arrays.zarr/weights/0.weight/zarr.json").write_text("{"),
            "weights/0.weight: it is not JSON",
        ),
        (lambda f: (f / "arrays.zarr/weights/0.weight/zarr.json").unlink(), "weights/0.weight: zarr.json is missing"),
        (
            lambda f: edit(f / "arrays.zarr/findings/subspace/zarr.json", "few points", "many points"),
            "findings/subspace: its zarr.json changed since it was written",
        ),
        (
            lambda f: edit(f / "arrays.zarr/latents/hidden-1/zarr.json", "linear", "identity"),
            "latents/hidden-1: its chunks or its zarr.json changed since it was written",
        ),
        (lambda f: (f / "arrays.zarr/weights/0.weight/c.9").write_bytes(b"x"), "weights/0.weight: its chunks"),
        (lambda f: shutil.copytree(f / "arrays.zarr/samples", f / "arrays.zarr/more"), "more: run.json does not list"),
        (lambda f: shutil.rmtree(f / "arrays.zarr"), "arrays.zarr is missing"),
        (lambda f: (f / "spec.toml").write_text("seed = 2"), "spec.toml: it changed since it was written"),
        (lambda f: (f / "spec.toml").unlink(), "spec.toml: it cannot be read: No such file"),
        (lambda f: (f / "run.json").write_text("{"), "its run.json is damaged"),
    ],
)
def test_each_kind_of_damage_is_found(
    write_run: Write, store: Store, damage: Callable[[Path], None], problem: str
) -> None:
    run = write_run()
    damage(run.folder)
    assert any(found.startswith(problem) for found in verify_run(store.find(run.id)))


def test_what_a_killed_evaluation_left_is_no_damage(write_run: Write) -> None:
    run = write_run()
    shutil.copytree(run.folder / "arrays.zarr/findings/subspace", run.folder / "arrays.zarr/findings/later")
    (run.folder / "arrays.zarr/findings/later/zarr.json").unlink()
    assert verify_run(run) == []


def test_every_problem_is_listed(write_run: Write, store: Store) -> None:
    run = write_run()
    flip(run.folder / CHUNK)
    (run.folder / "spec.toml").unlink()
    shutil.rmtree(run.folder / "arrays.zarr/weights")
    problems = verify_run(store.find(run.id))
    assert {problem.partition(":")[0] for problem in problems} == {
        "latents/hidden-1",
        "spec.toml",
        "weights",
        "weights/0.weight",
        "weights/mean",
    }


def test_what_run_json_names_must_be_there(write_run: Write, store: Store) -> None:
    run = write_run()
    document = read_record(run.folder / "run.json")
    document["figures"] = [{"label": "a", "name": "b", "caption": "", "static": "figures/b.png", "interactive": None}]
    document["findings"]["ghost"] = document["findings"]["subspace"] | {"group": "findings/ghost"}
    write_record(Folder.open(run.folder), "run.json", document)
    assert verify_run(store.find(run.id)) == [
        "the finding 'ghost' has no group 'findings/ghost'",
        "figures/b.png: it is missing from figures",
    ]
