"""Whole comparisons with the toy plugin: runs and arrays, what is stored, and what cannot be compared."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from identify_core.comparisons.comparison import Comparison, Request, standard_evaluators
from identify_core.comparisons.estimates import Cost, plan
from identify_core.comparisons.execution import ComparisonSurroundings, compare
from identify_core.comparisons.foreign.door import Terms
from identify_core.comparisons.imports import import_arrays
from identify_core.comparisons.references import open_groups
from identify_core.components import Evaluator
from identify_core.contexts.context import Context
from identify_core.contexts.display import SilentDisplay
from identify_core.errors import PluginError, RunError, UsageError
from identify_core.evaluation.grids import against_claim, common_claim, meets
from identify_core.evaluation.subjects import Subject
from identify_core.hookspecs import hookimpl
from identify_core.plugins import Registry, load_registry
from identify_core.reports.pair_figures import cluster_order, embed
from identify_core.reports.stored_figures import draw_comparison
from identify_core.runs.engine import RunSurroundings, execute
from identify_core.scores import Score, Verdict
from identify_core.spec import choose_evaluator, load_spec
from identify_core.store import Store, StoredRun, verify_run
from identify_core.testing import toy_plugin


class Failing:
    """Evaluators of pairs that raise what no plugin should."""

    prepared = 0

    @hookimpl
    def identify_evaluators(self) -> Iterable[Evaluator]:
        here = "compare_failing"
        for name in ("overflow", "memory", "exit", "typo"):
            yield Evaluator(name=name, summary="Fails.", target=f"{here}:{name}", arity="pair")
        for name in ("unprepared", "as-unprepared"):
            yield Evaluator(name=name, summary="", target=f"{here}:typo", prepare=f"{here}:prepare", arity="pair")
        yield Evaluator(
            name="unestimated", summary="", target=f"{here}:typo", estimate=f"{here}:no_estimate", arity="pair"
        )
        yield Evaluator(name="missing", summary="", target=f"{here}:nowhere", arity="pair")


@pytest.fixture(scope="module", autouse=True)
def failing() -> Iterator[ModuleType]:
    """The targets of `Failing` as a module."""
    module = ModuleType("compare_failing")
    module.prepared = []  # type: ignore[attr-defined]

    def overflow(options: object, subject: Subject, context: Context) -> Score:
        raise OverflowError("int too big to convert")

    def memory(options: object, subject: Subject, context: Context) -> Score:
        raise MemoryError

    def leave(options: object, subject: Subject, context: Context) -> Score:
        sys.exit("enough")

    def typo(options: object, subject: Subject, context: Context) -> Score:
        raise KeyError("spearmen")

    def prepare(representations: object, context: Context) -> object:
        module.prepared.append(representations)  # type: ignore[attr-defined]
        raise RuntimeError("no room")

    def no_estimate(options: object, sizes: object) -> Cost:
        raise ZeroDivisionError("division by zero")

    for name, function in {"overflow": overflow, "memory": memory, "exit": leave, "typo": typo}.items():
        setattr(module, name, function)
    module.prepare, module.no_estimate = prepare, no_estimate  # type: ignore[attr-defined]
    sys.modules["compare_failing"] = module
    yield module
    del sys.modules["compare_failing"]


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry(only=("toy", "failing"), extra={"toy": toy_plugin, "failing": Failing()})


@pytest.fixture(scope="module")
def store(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Two runs on the same data and one on other data."""
    store = Store(tmp_path_factory.mktemp("compare") / "store")
    for name, more in (("wide", []), ("long", ["objective.steps=40"]), ("elsewhere", ["seed=9"])):
        spec = load_spec(registry, plugin="toy", preset="smoke", overrides=[f"name={name}", "evaluators=[]", *more])
        execute(spec, RunSurroundings(store=store, display=SilentDisplay()))
    return store


def make(registry: Registry, store: Store, *references: str, evaluator: str = "distance", **more: Any) -> Comparison:
    groups = open_groups(references, store)
    return compare(
        Request(groups=groups, evaluators=[choose_evaluator(registry, evaluator)], **more),
        ComparisonSurroundings(store=store),
    )


def test_runs_of_the_same_data_are_compared_and_the_comparison_is_stored(registry: Registry, store: Store) -> None:
    comparison = make(registry, store, "wide", "long")
    matrix = comparison.findings["distance"].arrays["value"].values
    values = [
        StoredRun(store.find(name)).latents["hidden"].values(replicate)
        for name in ("wide", "long")
        for replicate in range(3)
    ]
    np.testing.assert_allclose(matrix, [[np.linalg.norm(a - b) for b in values] for a in values])
    assert [each.id for each in store.comparisons()] == [comparison.id]
    stored = StoredRun(store.find(comparison.id, kind="comparison"))
    np.testing.assert_array_equal(stored.findings["distance"].finding.arrays["value"].values, matrix)


def test_a_comparison_is_drawn_when_its_page_is_first_asked_for(registry: Registry, store: Store) -> None:
    comparison = make(registry, store, "wide", "long")
    assert not (comparison.folder / "report.html").exists()
    assert not list((comparison.folder / "figures").iterdir())
    stored = store.open(comparison.id, kind="comparison")
    assert draw_comparison(store, stored, registry) == {}
    page = (comparison.folder / "report.html").read_text()
    assert f"<dt>finished</dt><dd>{stored.document['finished']}</dd>" in page
    figures = {path.stem.rpartition(".")[2] for path in (comparison.folder / "figures").rglob("*.png")}
    assert len(figures) == 3, figures
    assert "distance" in page
    assert verify_run(store.find(comparison.id, kind="comparison")) == []


def test_single_replicates_can_be_named(registry: Registry, store: Store) -> None:
    comparison = make(registry, store, "wide:hidden[2]", "long[0]")
    assert [each.replicate for each in comparison.lined.representations] == [2, 0]


def test_a_single_pair_is_summed_up_by_its_value_alone(registry: Registry, store: Store) -> None:
    finding = make(registry, store, "wide[0]", "long[0]").findings["distance"]
    value = finding.arrays["value"].values[0, 1]
    assert finding.summary == f"distance {value:.4g}"
    assert make(registry, store, "wide").findings["distance"].summary.startswith("median over 3 pairs: distance ")


def test_runs_of_other_data_are_refused_unless_trusted(registry: Registry, store: Store) -> None:
    with pytest.raises(UsageError, match="have other inputs under the same ids"):
        make(registry, store, "wide", "elsewhere")
    assert make(registry, store, "wide", "elsewhere", trust_ids=True).lined.rows == 32


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("wide:hiden", "has no latents 'hiden'"),
        ("wide[7]", "has no replicate 7"),
        ("a]b[", "names no run"),
    ],
)
def test_references_that_mean_nothing_are_one_message(store: Store, reference: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        open_groups([reference], store)


def test_latents_and_split_choose(store: Store) -> None:
    assert len(open_groups(["wide"], store, latents=["hidden", "other"])[0].representations) == 3
    with pytest.raises(UsageError, match="has no latents other"):
        open_groups(["wide"], store, latents=["other"])
    with pytest.raises(UsageError, match="has no latents of the split 'train'"):
        open_groups(["wide"], store, split="train")
    with pytest.raises(UsageError, match="are of the split 'test', not 'train'"):
        open_groups(["wide:hidden"], store, split="train")


def test_evaluators_that_do_not_apply_are_named_with_the_reason(registry: Registry, store: Store) -> None:
    with pytest.raises(UsageError, match="toy:norm: it studies a representation, not a pair"):
        make(registry, store, "wide", evaluator="norm")
    with pytest.raises(PluginError, match="no plugin offers a measure for pairs"):
        standard_evaluators(registry)


def test_an_expectation_needs_a_ladder_and_leaves_nothing_half_stored(registry: Registry, store: Store) -> None:
    with pytest.raises(UsageError, match="no evaluator is a ladder"):
        make(registry, store, "wide", expect="linear")


def test_an_evaluator_that_raises_anything_is_a_row_with_its_reason(
    registry: Registry, store: Store, failing: ModuleType
) -> None:
    names = ["overflow", "distance", "memory", "exit", "typo", "unprepared", "as-unprepared", "missing"]
    request = Request(
        groups=open_groups(["wide"], store), evaluators=[choose_evaluator(registry, each) for each in names]
    )
    failing.prepared.clear()
    comparison = compare(request, ComparisonSurroundings(store=store))
    assert list(comparison.findings) == ["distance"]
    reasons = comparison.failures
    assert set(reasons) == set(names) - {"distance"}
    assert reasons["overflow"].startswith("OverflowError: int too big to convert (at ")
    assert reasons["memory"].startswith("MemoryError (at ")
    assert "tried to end the program (SystemExit: enough)" in reasons["exit"]
    assert reasons["typo"].startswith("KeyError: 'spearmen' (at ")
    assert reasons["unprepared"] == reasons["as-unprepared"] == "RuntimeError: no room"
    assert len(failing.prepared) == 1  # what failed once would fail again
    assert "has no attribute 'nowhere'" in reasons["missing"]
    stored = StoredRun(store.find(comparison.id, kind="comparison"))
    assert stored.document["failures"] == comparison.failures
    assert list(stored.findings) == ["distance"]
    draw_comparison(store, stored, registry)
    assert "int too big to convert" in (comparison.folder / "report.html").read_text()


def test_where_every_evaluator_fails_nothing_is_stored(registry: Registry, store: Store) -> None:
    before = len(list(store.comparisons()))
    with pytest.raises(RunError, match=r"^overflow failed: OverflowError: int too big to convert"):
        make(registry, store, "wide", evaluator="overflow")
    chosen = [choose_evaluator(registry, name) for name in ("overflow", "typo")]
    with pytest.raises(RunError, match=r"every evaluator failed: overflow: OverflowError.*; typo: KeyError"):
        compare(Request(groups=open_groups(["wide"], store), evaluators=chosen), ComparisonSurroundings(store=store))
    assert len(list(store.comparisons())) == before


def test_imported_arrays_are_compared_with_runs_by_their_ids(registry: Registry, store: Store, tmp_path: Path) -> None:
    run = StoredRun(store.find("wide"))
    latents = run.latents["hidden"]
    order = np.random.default_rng(0).permutation(32)
    np.save(tmp_path / "mine.npy", latents.values(1)[order])
    np.save(tmp_path / "ids.npy", latents.ids[order])
    np.save(tmp_path / "hue.npy", np.linspace(0, 1, 32))
    import_arrays(
        [str(tmp_path / "mine.npy")],
        store,
        name="mine",
        terms=Terms(ids=(str(tmp_path / "ids.npy"),), factors=(f"hue:circular={tmp_path / 'hue.npy'}",)),
        identified_up_to="linear",
    )
    mine = StoredRun(store.find("mine"))
    assert mine.factors["hue"].kind == "circular"
    assert mine.latents["imported"].identified_up_to == "linear"
    matrix = make(registry, store, "wide[1]", "mine").findings["distance"].arrays["value"].values
    assert matrix[0, 1] == 0


def test_arrays_with_nan_are_refused_with_the_row(store: Store, tmp_path: Path) -> None:
    values = np.ones((5, 2))
    values[3, 1] = np.nan
    np.save(tmp_path / "bad.npy", values)
    with pytest.raises(UsageError, match="NaN or infinite values in 1 of 5 rows, the first of them row 3"):
        import_arrays([str(tmp_path / "bad.npy")], store, name="bad")


def test_an_axis_that_is_not_of_replicates_gives_latents_of_its_own(store: Store, tmp_path: Path) -> None:
    cube = np.random.default_rng(0).normal(size=(6, 3, 2))
    for name, sign in (("a", 1), ("b", -1)):
        np.save(tmp_path / f"{name}.npy", sign * cube)
    folder = import_arrays(
        [str(tmp_path / "a.npy"), str(tmp_path / "b.npy")],
        store,
        name="layers",
        terms=Terms(axes="sample,layer,latent"),
        latents="state",
    )
    latents = StoredRun.open(folder).latents
    assert sorted(latents) == ["state-layer-0", "state-layer-1", "state-layer-2"]
    assert latents["state-layer-2"].shape == (2, 6, 2)
    np.testing.assert_array_equal(latents["state-layer-2"].values(1), -cube[:, 2])


def test_replicates_from_files_in_other_orders_are_brought_into_one(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,z\nx,1\ny,2\n")
    (tmp_path / "b.csv").write_text("id,z\ny,20\nx,10\n")
    (tmp_path / "c.csv").write_text("id,z\ny,20\nv,10\n")
    latents = StoredRun.open(
        import_arrays([str(tmp_path / "a.csv"), str(tmp_path / "b.csv")], store, name="order")
    ).latents["imported"]
    assert latents.ids.tolist() == ["x", "y"]
    assert latents.values(1).tolist() == [[10], [20]]
    with pytest.raises(UsageError, match="has 1 row that others lack"):
        import_arrays([str(tmp_path / "a.csv"), str(tmp_path / "c.csv")], store, name="order")


def test_imports_without_ids_stay_without_ids(registry: Registry, store: Store, tmp_path: Path) -> None:
    for rows in (5, 4):
        np.save(tmp_path / f"{rows}.npy", np.ones((rows, 2)))
        import_arrays([str(tmp_path / f"{rows}.npy")], store, name=f"bare-{rows}")
    with pytest.raises(UsageError, match=r"bare-5.* has 5 rows and .*bare-4.* has 4, and nothing says"):
        make(registry, store, "bare-5", "bare-4")


def test_dissimilarities_are_not_imported_as_latents_unless_said(store: Store, tmp_path: Path) -> None:
    points = np.random.default_rng(0).normal(size=(6, 2))
    np.save(tmp_path / "d.npy", np.linalg.norm(points[:, None] - points[None], axis=-1))
    with pytest.raises(UsageError, match="is square and symmetric with a zero diagonal, and a run holds latents"):
        import_arrays([str(tmp_path / "d.npy")], store, name="d")
    assert import_arrays([str(tmp_path / "d.npy")], store, name="d", terms=Terms(taken_as="representations"))


def test_a_path_that_exists_is_never_looked_up_as_a_run(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert open_groups(["wide"], store)[0].representations[0].run_id
    Path("wide").write_text("no array")
    with pytest.raises(UsageError, match="wide is not a file of arrays that is read here") as error:
        open_groups(["wide"], store)
    assert "csv, tsv, parquet" in error.value.hint
    Path("wide").unlink()
    Path("wide").mkdir()
    with pytest.raises(UsageError, match="wide is a folder, not a file of arrays"):
        open_groups(["wide"], store)


def test_one_representation_alone_is_refused(registry: Registry, store: Store) -> None:
    with pytest.raises(UsageError, match="is one representation alone"):
        make(registry, store, "wide[0]")


def test_arrays_of_other_lengths_are_refused(store: Store, tmp_path: Path) -> None:
    np.save(tmp_path / "five.npy", np.ones((5, 2)))
    np.save(tmp_path / "three.npy", np.ones((3, 2)))
    with pytest.raises(UsageError, match=r"five\.npy has 5 rows and .*three\.npy has 3, and nothing says"):
        import_arrays([str(tmp_path / "five.npy"), str(tmp_path / "three.npy")], store, name="x")


def test_a_plan_names_what_would_fail(registry: Registry, store: Store) -> None:
    names = ["distance", "missing", "unestimated"]
    request = Request(
        groups=open_groups(["wide", "long"], store), evaluators=[choose_evaluator(registry, each) for each in names]
    )
    reasons = {each.evaluator: each.reason for each in plan(request).estimates}
    assert reasons["distance"] == ""
    assert "has no attribute 'nowhere'" in reasons["missing"]
    assert reasons["unestimated"] == "ZeroDivisionError: division by zero"


def test_a_plan_reads_no_latents(registry: Registry, store: Store) -> None:
    groups = open_groups(["wide", "long"], store)
    planned = plan(Request(groups=groups, evaluators=[choose_evaluator(registry, "distance")]))
    assert (planned.representations, planned.pairs, planned.rows) == (6, 15, 32)
    assert planned.seconds > 0
    assert planned.bytes > 0


def verdict(*lowest: str) -> Verdict:
    return Verdict(residuals={}, tolerance=0.01, lowest=lowest)


def test_what_is_found_is_held_against_what_is_claimed() -> None:
    assert common_claim("linear", "permutation") == "linear"
    assert common_claim("linear", "") == ""
    assert common_claim("orthogonal", "permutation-scaling") == ""
    assert against_claim(verdict("linear"), "linear") == "as claimed"
    assert against_claim(verdict("permutation"), "linear") == "more identified than claimed"
    assert against_claim(verdict("affine"), "linear") == "less identified than claimed"
    assert against_claim(verdict(), "linear") == "less identified than claimed"
    assert against_claim(verdict("linear"), "") is None
    assert meets(verdict("permutation"), "linear")
    assert meets(verdict("similarity", "permutation-scaling"), "linear")
    assert not meets(verdict("affine"), "linear")


def test_clustering_keeps_groups_together_and_puts_what_is_alike_side_by_side() -> None:
    positions = np.array([0.0, 10.0, 0.1, 10.1, 5.0, 5.1])
    distance = np.abs(positions[:, None] - positions[None])
    order = cluster_order(distance, ["a"] * 6, similar=False)
    assert sorted(order) == list(range(6))
    ordered = positions[order]
    assert np.all(np.diff(ordered) > 0) or np.all(np.diff(ordered) < 0)
    grouped = cluster_order(distance, ["a", "b", "a", "b", "c", "c"], similar=False)
    assert [["a", "b", "a", "b", "c", "c"][i] for i in grouped] in (
        ["a", "a", "c", "c", "b", "b"],
        ["b", "b", "c", "c", "a", "a"],
    )


def test_an_embedding_of_points_in_the_plane_is_exact() -> None:
    points = np.random.default_rng(0).normal(size=(7, 2))
    distance = np.linalg.norm(points[:, None] - points[None], axis=-1)
    coordinates, share = embed(distance, similar=False)
    np.testing.assert_allclose(np.linalg.norm(coordinates[:, None] - coordinates[None], axis=-1), distance, atol=1e-9)
    assert share == pytest.approx(1.0)
