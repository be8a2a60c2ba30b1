"""What a spec will allocate is told by arithmetic, part by part, and refused where this machine has less."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace

import attrs
import pytest

from identify_core import Dataset, Known, Model, Objective, Sizes, at_least, dense_parameters, hookimpl, option
from identify_core.errors import SpecError
from identify_core.plugins import load_registry
from identify_core.saying import say_bytes
from identify_core.spec import ResolvedSpec, load_spec, memory
from identify_core.spec.memory import machine_memory, memory_of, refuse_beyond_memory, say_memory
from identify_core.testing.fixtures import Project

SPEC = """
plugin = "big"
replicates = 3
dtype = "{dtype}"
[dataset]
type = "rows"
rows = {rows}
[model]
type = "dense"
[objective]
type = "keep"
"""


@attrs.frozen
class RowsOptions:
    rows: int = option(10, help="How many.", limit=at_least(1))


def rows(options: RowsOptions, known: Known) -> Sizes:
    return Sizes(parts={"rows": options.rows * 4 * known.itemsize}, samples=options.rows, inputs=(4,), outputs=(1,))


def dense(options: object, known: Known) -> Sizes:
    assert known.inputs is not None
    return Sizes(parameters=dense_parameters((*known.inputs, 2, 1)), latents=2)


def keep(options: object, known: Known) -> Sizes:
    assert known.samples is not None
    assert known.latents is not None
    return Sizes(parts={"latents": known.replicates * known.samples * known.latents * known.itemsize})


class Big:
    @hookimpl
    def identify_datasets(self) -> Iterable[Dataset]:
        yield Dataset(name="rows", summary="", options=RowsOptions, target="a:b", sizes=f"{__name__}:rows")

    @hookimpl
    def identify_models(self) -> Iterable[Model]:
        yield Model(name="dense", summary="", target="a:b", sizes=f"{__name__}:dense")

    @hookimpl
    def identify_objectives(self) -> Iterable[Objective]:
        yield Objective(name="keep", summary="", target="a:b", sizes=f"{__name__}:keep")


def load(project: Project, monkeypatch: pytest.MonkeyPatch, *, rows: int, dtype: str = "float32") -> ResolvedSpec:
    functions = {"rows": globals()["rows"], "dense": dense, "keep": keep}
    monkeypatch.setattr(memory, "load_target", lambda target: functions[target.partition(":")[2]])
    registry = load_registry(only=["big"], extra={"big": Big()})
    return load_spec(registry, file=project.write_spec(SPEC.format(rows=rows, dtype=dtype)))


@pytest.mark.parametrize(("dtype", "itemsize"), [("float32", 4), ("float64", 8)])
def test_each_part_is_told_from_those_before_it(
    project: Project, monkeypatch: pytest.MonkeyPatch, dtype: str, itemsize: int
) -> None:
    parts = memory_of(load(project, monkeypatch, rows=10, dtype=dtype))
    generators = parts.pop("model, random generators")
    assert generators == 3 * memory._GENERATOR
    assert parts == {
        "dataset, rows": 10 * 4 * itemsize,
        "model, weights, gradients and moments": 4 * 3 * (5 * 2 + 3) * itemsize,
        "objective, latents": 3 * 10 * 2 * itemsize,
    }


def test_more_than_the_machine_has_is_refused_with_its_parts(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = load(project, monkeypatch, rows=10**12)
    with pytest.raises(SpecError, match=r"needs about 40 TB of memory, and this machine has") as caught:
        refuse_beyond_memory(spec)
    assert [each.rpartition(": ")[2] for each in caught.value.problems][:2] == ["24 TB", "16 TB"]
    assert caught.value.problems[0].startswith("objective, latents")
    assert caught.value.hint.endswith("--force")
    refuse_beyond_memory(spec, force=True)


def test_the_border_is_what_the_machine_has(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = load(project, monkeypatch, rows=10)
    needed = sum(memory_of(spec).values())
    for available in (None, needed):
        monkeypatch.setattr(memory, "machine_memory", lambda available=available: available)
        refuse_beyond_memory(spec)
    monkeypatch.setattr(memory, "machine_memory", lambda: needed - 1)
    with pytest.raises(SpecError):
        refuse_beyond_memory(spec)


def test_a_container_has_what_it_may_have(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = machine_memory()
    assert whole is not None
    assert whole > 10**8
    for text, expected in (("1000000\n", 1_000_000), ("max\n", None)):
        monkeypatch.setattr(memory, "Path", lambda _, text=text: SimpleNamespace(read_text=lambda: text))
        found = machine_memory()
        assert found is not None
        assert found == expected or (expected is None and found >= whole)


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "0 bytes"), (999, "999 bytes"), (1_500, "1.5 kB"), (3e9, "3 GB"), (16e12, "16 TB"), (1e19, "10,000 PB")],
)
def test_bytes_are_said_in_powers_of_ten(number: float, said: str) -> None:
    assert say_bytes(number) == said


def test_the_sum_comes_with_its_parts() -> None:
    assert say_memory({"a": 1_000, "b": 2_000}) == "3 kB (a: 1 kB; b: 2 kB)"


def test_dense_layers() -> None:
    assert dense_parameters((3, 5, 2)) == 3 * 5 + 5 + 5 * 2 + 2
    assert dense_parameters((3, 5, 2), bias=False) == 3 * 5 + 5 * 2
