"""The verbs as functions: they make what the command line makes, and say the same when they cannot."""

from __future__ import annotations

import os
import signal
import threading
import warnings
from pathlib import Path

import numpy as np
import pandas
import polars
import pytest
import torch
import xarray

import identify_core as ic
from identify_core.cli.root import run_command_line
from identify_core.store import Store
from identify_core.testing.fixtures import InstallDistribution, Project


@pytest.fixture(autouse=True)
def toy(install_distribution: InstallDistribution, project: Project) -> None:
    install_distribution("toy-plugin", plugins={"toy": "identify_core.testing.toy_plugin"}, modules={})


@pytest.fixture
def stored(toy: None) -> ic.OpenRun:
    return ic.run("toy", preset="smoke", overrides={"seed": 3}, quiet=True)


def test_a_run_is_that_of_the_command_line(project: Project, stored: ic.OpenRun) -> None:
    assert run_command_line(["run", "toy", "--preset", "smoke", "--set", "seed=3", "--quiet"]) == 0
    other = ic.open("@last")
    assert other.id != stored.id
    assert stored.document["spec_hash"] == other.document["spec_hash"]
    for name, latents in other.latents.items():
        np.testing.assert_array_equal(stored.latents[name].numpy(), latents.numpy())


def test_latents_read_what_is_asked_for(stored: ic.OpenRun) -> None:
    latents = next(iter(stored.latents.values()))
    whole = np.asarray(latents)
    assert whole.shape == latents.shape
    assert latents.dims == ("replicate", "sample", "latent")
    for key in (0, -1, (slice(None), slice(0, 3)), (0, 2), (..., 0), (slice(None), [1, 0]), (0, slice(None, None, 2))):
        np.testing.assert_array_equal(latents[key], whole[key])
    assert latents.torch(device="cpu").equal(torch.from_numpy(whole))
    lazy = latents.xarray()
    assert lazy.dims == latents.dims
    np.testing.assert_array_equal(lazy.coords["sample"], latents.ids)
    np.testing.assert_array_equal(lazy[:, 1:5:2, 0].values, whole[:, 1:5:2, 0])
    with pytest.raises(IndexError, match="three axes"):
        latents[0, 0, 0, 0]


def test_only_the_rows_that_are_used_are_read(stored: ic.OpenRun, monkeypatch: pytest.MonkeyPatch) -> None:
    latents = next(iter(stored.latents.values()))
    read: list[tuple[int, int, int]] = []
    original = type(latents).rows

    def rows(self: ic.StoredLatents, replicate: int, start: int, stop: int) -> object:
        read.append((replicate, start, stop))
        return original(self, replicate, start, stop)

    monkeypatch.setattr(type(latents), "rows", rows)
    lazy = latents.xarray()
    read.clear()  # one empty read says the type
    assert lazy[1, 2:4].values.shape == (2, latents.shape[2])
    assert read == [(1, 2, 4)]


def test_a_run_is_one_tree_with_unique_dimensions(stored: ic.OpenRun) -> None:
    tree = stored.to_xarray()
    assert isinstance(tree, xarray.DataTree)
    assert {"samples", "latents", "history", "findings"} <= set(tree.children)
    for group in tree.subtree:
        for array in group.variables.values():
            assert len(set(array.dims)) == array.ndim
    name, latents = next(iter(stored.latents.items()))
    np.testing.assert_array_equal(tree[f"latents/{name}/values"].values, latents.numpy())
    np.testing.assert_array_equal(tree[f"latents/{name}/sample"], latents.ids)


def test_findings_answer_by_name_and_tables_by_place(stored: ic.OpenRun) -> None:
    label, found = next((label, each) for label, each in stored.findings.items() if each.tables)
    table = found.tables[0]
    assert table is next(iter(found.tables.values())) is found.tables[-len(found.tables)]
    with pytest.raises(KeyError, match="there is"):
        found.tables[99]
    frame = table.to_pandas()
    assert list(frame.columns) == list(table.columns)
    assert len(frame) == len(table.rows) == len(table)
    assert label in repr(stored.findings)


def test_tables_go_through_the_interchange() -> None:
    table = ic.Table(columns=("name", "value", "mixed"), rows=[("a", 1.5, 1), ("b", None, "x")], caption="Two rows.")
    frames = [table.to_polars(), polars.DataFrame(table), polars.from_dataframe(table)]
    assert all(frame["name"].to_list() == ["a", "b"] for frame in frames)
    assert pandas.api.interchange.from_dataframe(table)["value"].isna().tolist() == [False, True]
    assert table.column("value") == [1.5, None]
    with pytest.raises(KeyError, match="'name'"):
        table.column("none")
    assert "Two rows." in repr(table)
    assert "<td>a</td>" in table._repr_html_()
    evil = ic.Table(columns=("<b>",), rows=[("<script>",)])
    assert "<script>" not in evil._repr_html_()
    assert "<b>" not in evil._repr_html_()


def test_anything_that_holds_numbers_is_compared(project: Project, stored: ic.OpenRun) -> None:
    latents = next(iter(stored.latents.values()))
    values = latents[0].astype(np.float64)
    np.save("a.npy", values)
    things = {
        "file": "a.npy",
        "numpy": values,
        "pandas": pandas.DataFrame(values),
        "polars": polars.DataFrame({f"z{i}": column for i, column in enumerate(values.T)}),
        "torch": torch.from_numpy(values),
        "xarray": xarray.DataArray(values, dims=("sample", "latent")),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = ic.compare(things, evaluators=["measures:linear-cka"], quiet=True)
    assert isinstance(made, ic.OpenComparison)
    labels = [each["label"] for each in made.document["representations"]]
    assert labels == ["a.npy", "numpy", "pandas", "polars", "torch", "xarray"]
    assert made.id in repr(made)
    assert made.answer.startswith("linear-cka 1 in the median of 15 pairs")
    assert ic.open("@comparison").id == made.id
    assert ic.report(made).is_file()


def test_runs_latents_and_dataframes_with_ids_are_compared(stored: ic.OpenRun) -> None:
    name, latents = next(iter(stored.latents.items()))
    frame = pandas.DataFrame(latents[0], index=latents.ids)
    made = ic.compare(stored, latents, f"@last:{name}[1]", frame, latents=name, evaluators=["linear-cka"], quiet=True)
    labels = [each["label"] for each in made.document["representations"]]
    assert len(labels) == 2 * latents.count + 2
    assert labels[-1] == "array-4"


def test_ids_of_a_dataframe_join_its_rows(project: Project) -> None:
    values = np.random.default_rng(0).normal(size=(60, 3))
    order = np.random.default_rng(1).permutation(60)
    ids = [f"sample {i}" for i in range(60)]
    first = pandas.DataFrame(values, index=ids)
    second = pandas.DataFrame(values[order], index=[ids[i] for i in order])
    made = ic.compare({"first": first, "second": second}, evaluators=["measures:ladder"], quiet=True)
    assert made.answer.startswith("identity")


def test_two_comparisons_say_what_changed(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    values, other = rng.normal(size=(80, 3)), rng.normal(size=(80, 3))
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    chosen = ["ladder", "linear-cka"]
    first = ic.compare({"a": values, "b": values @ rotation}, evaluators=chosen, quiet=True)
    again = ic.compare({"a": values, "b": values @ rotation}, evaluators=chosen, quiet=True)
    second = ic.compare({"a": values, "b": other}, evaluators=chosen, quiet=True)
    changed = {str(row[0]): row for row in second.changes_since(first).rows}
    assert changed["pairs within orthogonal"][1:] == (1, 0, -1)
    _, before, after, difference = changed["median linear-cka"]
    assert before == pytest.approx(1)
    assert isinstance(before, float)
    assert isinstance(after, float)
    assert difference == after - before < -0.5
    assert again.changes_since(first).rows == ()
    capsys.readouterr()
    assert run_command_line(["runs", "show", second.id, "--against", first.id]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("the smallest class that relates all pairs was orthogonal and is no rung")
    assert "median linear-cka" in printed
    assert run_command_line(["runs", "show", again.id, "--against", first.id]) == 0
    assert "orthogonal, as before; no values changed" in capsys.readouterr().out
    three = ic.compare({"a": values, "b": other, "c": other}, evaluators=["linear-cka"], quiet=True)
    with pytest.raises(ic.UsageError, match=r"2 representations, .* 3: they are not the same things"):
        three.changes_since(first)


def test_what_holds_no_numbers_is_refused(project: Project) -> None:
    with pytest.raises(ic.UsageError, match="holds text"):
        ic.compare(np.array(["a", "b"]), quiet=True)
    with pytest.raises(ic.UsageError, match="not an array"):
        ic.compare(3.0, quiet=True)
    with pytest.raises(ic.UsageError, match="a mapping is not an array"):
        ic.compare({"a": {"b": np.zeros((3, 2))}}, quiet=True)
    with pytest.raises(ic.UsageError, match="a store holds no 'sweep'"):
        ic.list_runs(kind="sweep")


def test_an_evaluator_is_added_to_a_run(stored: ic.OpenRun) -> None:
    label = next(each.evaluator for each in stored.findings.values() if each.evaluator)
    again = ic.evaluate(stored, label, label="again", quiet=True)
    assert {each for each in again.findings if each.partition(".")[0] == "again"}


def test_what_is_shown_is_one_screen(stored: ic.OpenRun) -> None:
    lines = repr(stored).splitlines()
    assert len(lines) <= 24
    assert stored.id in repr(stored)
    assert stored.id in stored._repr_html_()
    listing = ic.list_runs()
    assert [each.id for each in listing] == [stored.id] == listing.to_pandas()["id"].tolist()
    assert listing[0].id in repr(listing)


def test_an_interrupt_leaves_a_run_that_is_resumed(project: Project, stored: ic.OpenRun) -> None:
    def stopped_soon() -> threading.Timer:
        timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        return timer

    slow = {"seed": 3, "objective.pause": 0.2}
    timer = stopped_soon()
    with pytest.raises(ic.Interrupted, match="what it made so far is kept") as caught:
        ic.run("toy", preset="smoke", overrides=slow, quiet=True)
    timer.join()
    (staged,) = [each for each in Store(project.store.path).runs() if each.id != stored.id]
    assert staged.status == "interrupted"
    assert caught.value.hint == f'go on with ic.resume("{staged.id}")'
    done = ic.resume(staged.id, quiet=True)
    assert (done.id, done.status) == (staged.id, "finished")
    for name, latents in stored.latents.items():
        np.testing.assert_array_equal(done.latents[name].numpy(), latents.numpy())


def test_an_error_is_one_message_and_one_hint(project: Project) -> None:
    with pytest.raises(ic.SpecError) as caught:
        ic.run("toy", preset="smoke", overrides={"seed": "many"})
    shown = caught.value._render_traceback_()
    assert shown[0].startswith("error: ")
    assert any("seed" in line for line in shown[1:])
    with pytest.raises(ic.StoreError) as lost:
        ic.open("nothing", store=Path("nowhere"))
    assert lost.value._render_traceback_()[-1].startswith("hint: ")
    assert lost.value.__notes__ == [f"hint: {lost.value.hint}"]


def test_values_of_overrides_are_those_of_toml() -> None:
    from identify_core.spec.layers import read_overrides
    from identify_core.verbs.given import as_texts

    given = {"a.b": 1e-3, "c": [1, 2], "d": 'say "x"\n', "e": True, "f": {"k": float("inf")}, "g": float("nan")}
    values = read_overrides(as_texts(given)).values
    assert values["a"] == {"b": 1e-3}
    assert {key: values[key] for key in "cde"} == {key: given[key] for key in "cde"}
    assert values["f"] == {"k": float("inf")}
    assert np.isnan(values["g"])
    assert as_texts(["seed=1"]) == ["seed=1"]
