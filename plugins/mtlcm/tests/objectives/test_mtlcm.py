"""The causal model on inputs, on a regression's representation and on stored latents; resuming; every refusal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch

from identify_core import Context, Finding, Interrupted, Latents, OptionsError, RunWriter, Samples, Store
from identify_core.testing.contexts import make_context
from identify_mtlcm.objectives.mtlcm import train
from identify_mtlcm.options.causal import AdamOptions, CausalOptions
from identify_mtlcm.options.objectives import MtlcmOptions
from identify_mtlcm.options.regression import RegressionOptions

INPUTS = MtlcmOptions(representation="inputs", keep="all")
QUICK = RegressionOptions(epochs=3, batch_size=256)


def run(
    options: MtlcmOptions, samples: Samples, context: Context, replicates: Any = None
) -> tuple[dict[str, Finding], dict[str, Latents]]:
    kept = list(train(options, replicates, samples, context))
    findings = {each.name: each for each in kept if isinstance(each, Finding)}
    return findings, {each.name: each for each in kept if isinstance(each, Latents)}


def truth(samples: Samples) -> np.ndarray[Any, Any]:
    return np.stack([each.values for each in samples.factors.values()], axis=1)


def test_latents_of_the_model_itself_are_found_under_a_random_mixing(
    tmp_path: Path, make_causal: Any, matched: Any
) -> None:
    samples = make_causal()
    findings, latents = run(INPUTS, samples, make_context(tmp_path, count=2))
    assert set(latents) == {"z"}
    assert latents["z"].identified_up_to == "permutation-scaling"
    assert matched(latents["z"].values[0], truth(samples)) > 0.995
    assert matched(samples.tensor("x"), truth(samples)) < 0.98
    model = findings["causal-model"]
    assert model.arrays["mixing"].values.shape == (2, 4, 4)
    assert model.arrays["probabilities"].values.shape == model.arrays["gamma"].values.shape == (2, 40, 4)
    assert model.scalars["representation"] == "inputs"
    assert [row[0] for row in model.tables["solver"].rows] == [0, 1]


def test_z_is_read_out_of_the_kept_mixing_and_centre(tmp_path: Path, make_causal: Any) -> None:
    samples = make_causal()
    findings, latents = run(INPUTS, samples, make_context(tmp_path, count=1))
    arrays = findings["causal-model"].arrays
    h = samples.tensor("x").double().numpy() - arrays["centre"].values[0]
    assert np.allclose(h @ np.linalg.inv(arrays["mixing"].values[0]).T, latents["z"].values[0], atol=1e-5)


def test_latents_go_from_the_largest_mean_residual_variance_downwards(tmp_path: Path, make_causal: Any) -> None:
    samples = make_causal()
    findings, latents = run(INPUTS, samples, make_context(tmp_path, count=1))
    assert "residual variance" in findings["causal-model"].conventions["order"]
    rows = samples.splits["train"]
    z, y = latents["z"].values[0].double().numpy()[rows], samples.tensor("y").double().numpy()[rows, 0]
    task = samples.tensor("task").numpy()[rows]
    left = []
    for t in np.unique(task):
        own, target = z[task == t], y[task == t][:, None]
        left.append(((own - target * (target * own).sum(0) / (target**2).sum()) ** 2).mean(0))
    assert (np.diff(np.mean(left, axis=0)) < 0).all()


def test_a_sentence_that_replicates_share_is_said_once(make_causal: Any, store_latents: Any) -> None:
    samples = make_causal()
    x = samples.tensor("x")
    noise = torch.randn(3, len(x), 4, generator=torch.Generator().manual_seed(0))
    h = x + torch.tensor([0.0, 0.02, 0.04])[:, None, None] * noise
    context = store_latents(samples, h, rows=np.arange(len(x)), count=3)
    options = attrs.evolve(STORED, solver=CausalOptions(spurious_noise=0.4))
    findings, _ = run(options, samples, context)
    (said,) = findings["causal-model"].warnings
    assert said.startswith("replicate 0, and likewise 1, 2: ")
    assert said.count("of the residual variances lie significantly below") == 1
    assert not any("residual variances" in each for each in context.warnings)


def test_a_regression_comes_first_where_the_run_has_a_model(
    tmp_path: Path, make_problem: Any, make_causal: Any, matched: Any
) -> None:
    samples = make_causal(tasks=60, points=80, latents=3)
    problem = make_problem(samples=samples, latents=3)
    context = problem.context(tmp_path, count=2)
    options = MtlcmOptions(regression=RegressionOptions(epochs=60, batch_size=256))
    findings, latents = run(options, samples, context, problem.replicates(context))
    assert set(findings) == {"heads", "causal-model"}
    assert latents["h"].identified_up_to == "affine"
    assert matched(latents["z"].values[0], truth(samples)[samples.splits["test"]]) > 0.97


@pytest.mark.parametrize("solver", [CausalOptions(), CausalOptions(solver="adam", adam=AdamOptions(epochs=2))])
def test_a_replicate_does_not_depend_on_how_many_there_are(
    tmp_path: Path, make_problem: Any, make_causal: Any, solver: CausalOptions
) -> None:
    samples = make_causal()
    problem = make_problem(samples=samples, latents=4)
    options = MtlcmOptions(regression=QUICK, solver=solver)
    found = {}
    for count in (2, 3):
        context = problem.context(tmp_path / str(count), count=count)
        found[count] = run(options, samples, context, problem.replicates(context))[1]["z"].values
    assert torch.equal(found[3][:2], found[2])


@pytest.mark.parametrize(
    "solver", [CausalOptions(), CausalOptions(solver="adam", adam=AdamOptions(epochs=6, batch_size=256))]
)
def test_a_resumed_run_ends_with_the_same_bits(
    tmp_path: Path, make_problem: Any, make_causal: Any, solver: CausalOptions
) -> None:
    """Stopped in the regression, between the stages, and in the second stage."""
    samples = make_causal()
    problem = make_problem(samples=samples, latents=4)
    options = MtlcmOptions(regression=QUICK, solver=solver)
    asked = [0]

    def begin(folder: Path, stop_at: int | None) -> dict[str, Latents]:
        asked[0] = 0

        def stop() -> bool:
            asked[0] += 1
            return asked[0] == stop_at

        context = problem.context(folder, stop_requested=stop)
        return run(options, samples, context, problem.replicates(context))[1]

    expected = begin(tmp_path / "whole", None)
    steps = 3 * 8
    assert asked[0] > steps + 2  # the second stage asks too
    for stop_at in (5, steps, steps + 1, steps + 2, asked[0]):
        with pytest.raises(Interrupted):
            begin(tmp_path / str(stop_at), stop_at)
        again = begin(tmp_path / str(stop_at), None)
        assert torch.equal(again["h"].values, expected["h"].values)  # type: ignore[arg-type]
        assert torch.equal(again["z"].values, expected["z"].values)  # type: ignore[arg-type]


def test_one_latent(tmp_path: Path, make_causal: Any) -> None:
    samples = make_causal(latents=1, tasks=12)
    findings, latents = run(INPUTS, samples, make_context(tmp_path, count=1))
    assert latents["z"].values.shape == (1, len(samples), 1)
    correlation = np.corrcoef(latents["z"].values[0][:, 0], truth(samples)[:, 0])[0, 1]
    assert abs(correlation) == pytest.approx(1.0, abs=1e-3)
    assert findings["causal-model"].scalars["unseparated-pairs"] == 0


def test_more_latents_than_tasks(tmp_path: Path, make_causal: Any) -> None:
    samples = make_causal(tasks=3, points=300, latents=5)
    findings, _ = run(INPUTS, samples, make_context(tmp_path, count=1))
    model = findings["causal-model"]
    assert model.scalars["tasks"] == 3
    assert model.scalars["unseparated-pairs"] > 0  # type: ignore[operator]
    assert "never separated by a task and stay mixed" in model.summary


@pytest.fixture
def store_latents(tmp_path: Path) -> Any:
    """Write latents of some samples into a store; gives a context that finds them there."""
    store = Store(tmp_path / "store").create()

    def write(
        samples: Samples, values: Any, *, rows: np.ndarray[Any, Any], count: int = 2, claim: str = "linear"
    ) -> Any:
        with RunWriter.create(store, name="first", plugin="toy") as writer:
            writer.write_spec('name = "first"\n')
            writer.write_document({"status": "finished"})
            writer.write_samples(samples)
            writer.write_latents(
                Latents(name="h", values=values, split="some", ids=samples.ids[rows], identified_up_to="linear")
            )
            writer.commit()
        return make_context(tmp_path / "scratch", count=count, open_run=lambda reference: store.open(reference))

    return write


STORED = MtlcmOptions(representation="stored", run="@last", keep="all")


def test_stored_latents_are_joined_on_ids(make_causal: Any, matched: Any, store_latents: Any) -> None:
    """In another order, some of them missing: each replicate takes the stored one of its number."""
    samples = make_causal()
    rows = np.random.default_rng(0).permutation(len(samples))[:2000]
    x = samples.tensor("x")
    maps = [torch.randn(4, 4, generator=torch.Generator().manual_seed(r)) for r in range(3)]
    context = store_latents(samples, torch.stack([x[rows] @ each for each in maps]), rows=rows)
    findings, latents = run(STORED, samples, context)
    assert f"2,000 of {len(samples):,} samples have a row" in context.warnings[0]
    assert np.array_equal(latents["z"].ids, samples.ids[rows])
    assert latents["h"].identified_up_to == "linear"
    for r in range(2):
        assert torch.allclose(latents["h"].values[r], x[rows] @ maps[r])
        assert matched(latents["z"].values[r], truth(samples)[rows]) > 0.99
    assert findings["causal-model"].scalars["rows"] == int(np.isin(rows, samples.splits["train"]).sum())


def test_one_stored_replicate_for_all(make_causal: Any, store_latents: Any) -> None:
    samples = make_causal()
    rows = samples.splits["train"]
    h = torch.randn(3, len(rows), 4, generator=torch.Generator().manual_seed(0))
    context = store_latents(samples, h, rows=rows, count=5)
    _, latents = run(attrs.evolve(STORED, replicate=1), samples, context)
    assert all(torch.equal(each, h[1]) for each in latents["h"].values)


def test_rows_outside_the_training_split_will_do_and_it_is_said(make_causal: Any, store_latents: Any) -> None:
    samples = make_causal()
    rows = samples.splits["test"]
    context = store_latents(samples, samples.tensor("x")[rows].expand(2, -1, -1), rows=rows)
    findings, _ = run(STORED, samples, context)
    assert any("none of the 600 stored rows is in the split 'train'" in each for each in context.warnings)
    assert findings["causal-model"].scalars["rows"] == 600


def test_refusals_of_stored_latents(make_causal: Any, store_latents: Any) -> None:
    samples = make_causal()
    rows = samples.splits["train"]
    context = store_latents(samples, torch.zeros(2, len(rows), 4), rows=rows)

    def refused(message: str, options: MtlcmOptions = STORED, samples: Samples = samples, **more: Any) -> None:
        with pytest.raises(OptionsError, match=message):
            run(options, samples, more.get("context", context))

    refused("has no latents 'w'; it has: h", attrs.evolve(STORED, latents="w"))
    refused("replicate is 2, but .* have replicates 0 to 1", attrs.evolve(STORED, replicate=2))
    more = make_context(context.scratch, count=3, open_run=context.open_run)
    refused("have 2 replicates, but this run has 3", context=more)
    refused("latent_dim is 7, but the stored latents 'h' have 4", attrs.evolve(STORED, latent_dim=7))
    refused("none of the 1,800 stored rows is in the split 'test'", attrs.evolve(STORED, keep="test"))
    refused("no row of the latents", samples=attrs.evolve(samples, ids=samples.ids + 10**6))
    refused("no row of the latents", samples=attrs.evolve(samples, ids=samples.ids.astype(str)))
    moved = {**samples.columns, "x": samples.tensor("x") + 1}
    refused("1,800 of 1,800 rows .* and other inputs", samples=attrs.evolve(samples, columns=moved))


def test_refusals(tmp_path: Path, make_problem: Any, make_causal: Any) -> None:
    samples = make_causal()
    problem = make_problem(samples=samples, latents=3)
    context = problem.context(tmp_path)

    def refused(message: str, options: MtlcmOptions, samples: Samples = samples, encoder: bool = False) -> None:
        with pytest.raises(OptionsError, match=message):
            run(options, samples, context, problem.replicates(context) if encoder else None)

    def changed(**columns: torch.Tensor) -> Samples:
        return attrs.evolve(samples, columns={**samples.columns, **columns})

    refused("latent_dim is 5, but the inputs have 4", attrs.evolve(INPUTS, latent_dim=5))
    refused("latent_dim is 5, but the encoder gives 3", MtlcmOptions(latent_dim=5), encoder=True)
    refused("this run has no model", MtlcmOptions(representation="regression"))
    refused("one input has the shape", INPUTS, changed(x=torch.zeros(len(samples), 2, 2)))
    refused("have no numeric column 'x'", INPUTS, attrs.evolve(samples, columns={"y": samples.tensor("y")}))
    refused("whose targets are all equal", INPUTS, changed(y=torch.ones(len(samples), 1)))
    refused("without any target", INPUTS, changed(y=torch.full((len(samples), 1), torch.nan)))


def test_options_that_contradict_each_other() -> None:
    with pytest.raises(ValueError, match='representation is "stored", but no run is named'):
        MtlcmOptions(representation="stored")
    with pytest.raises(ValueError, match='only "stored" reads a run'):
        MtlcmOptions(run="@last")
