"""What is measured while replicates train: metrics by name, rates that wait for a plateau, latents at chosen steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from identify_core.data import Latents
from identify_core.errors import Interrupted, OptionsError
from identify_core.replicates import Batch, Call, Replicates
from identify_core.testing import networks
from identify_core.testing.contexts import make_context
from identify_core.testing.networks import inputs
from identify_core.training import Group, Turn, fit, squared_error
from identify_core.training.optimisers import Adam, Sgd
from identify_core.training.schedules import Schedule


def build(count: int = 3, strategy: Any = "auto", dtype: torch.dtype = torch.float64) -> Replicates:
    return Replicates.build(networks.perceptron(), count, device="cpu", dtype=dtype, strategy=strategy)


def data() -> dict[str, torch.Tensor]:
    x = inputs(20).double()
    return {"x": x, "y": torch.sin(x[:, :2])}


def train(replicates: Replicates, folder: Path, stop_at: int | None = None, **settings: Any) -> Any:
    calls = [0]

    def stop_requested() -> bool:
        calls[0] += 1
        return calls[0] == stop_at

    context = make_context(folder, count=replicates.count, dtype=torch.float64, stop_requested=stop_requested)
    settings = {"optimiser": Sgd(learning_rate=0.1), "steps": 30, **settings}
    return fit(replicates, settings.pop("turns", squared_error()), data(), context=context, **settings), context


def test_a_metric_knows_its_step_and_may_give_several_numbers_of_which_one_decides(tmp_path: Path) -> None:
    steps: list[int] = []

    def metric(replicates: Replicates, step: int) -> dict[str, torch.Tensor]:
        assert not replicates.training
        steps.append(step)
        return {"rising": torch.tensor([1.0, 2.0, 3.0]) * step, "falling": torch.tensor([12.0, 22.0, 99.0]) - step}

    result, context = train(
        build(), tmp_path, metric=metric, metric_every=5, watch="falling", stop_below=0.0, log_every=10
    )
    assert steps == [5, 10, 15, 20, 25, 30]
    assert result.reasons == ("converged", "converged", "steps")
    assert result.steps.tolist() == [15, 25, 30]
    assert result.metrics.tolist() == [-3.0, -3.0, 69.0]
    history = context.history.series()
    assert history["rising"][1][:3].tolist() == [[5, 10, 15], [10, 20, 30], [15, 30, 45]]
    assert np.isnan(history["rising"][1][3:, 0]).all()
    assert history["falling"][0].tolist() == [5, 10, 15, 20, 25, 30]
    assert "metric" not in history


def test_several_numbers_that_decide_nothing_need_no_choice(tmp_path: Path) -> None:
    result, context = train(
        build(), tmp_path, metric=lambda replicates, step: {"a": torch.ones(3), "b": torch.zeros(3)}, metric_every=10
    )
    assert result.reasons == ("steps",) * 3
    assert {"a", "b"} <= context.history.series().keys()
    assert result.metrics.isnan().all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"stop_below": 1.0}, "the metric gives a, b, and the training does not say which of them decides"),
        ({"watch": "c"}, "the training's watch is 'c', which its metric does not give"),
        ({"metric": lambda replicates, step: torch.ones(2)}, r"the metric 'metric' is \(2,\); a metric is a tensor"),
        ({"metric": lambda replicates, step: {"a": 1.0}}, "the metric 'a' is float; a metric is a tensor"),
    ],
)
def test_metrics_that_cannot_be_are_refused(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    two = {"metric": lambda replicates, step: {"a": torch.ones(3), "b": torch.zeros(3)}}
    with pytest.raises(OptionsError, match=message):
        train(build(), tmp_path, **{**two, "metric_every": 5, **settings})


SEEN = [5.0, 4.0, 4.5, 3.9999, 4.1, 4.2, 4.0, 3.0, 3.1, 3.2, 3.3, 3.4, 3.5, 2.0, 2.1]


@pytest.mark.parametrize("strategy", ["vmap", "loop"])
def test_a_plateau_lowers_each_replicates_rate_as_torchs_scheduler_does(tmp_path: Path, strategy: str) -> None:
    def seen(number: int, look: int) -> float:
        return SEEN[look] + number * (look % 3)

    def metric(replicates: Replicates, step: int) -> torch.Tensor:
        return torch.tensor([seen(number, step // 2 - 1) for number in range(3)], dtype=torch.float64)

    replicates = build(strategy=strategy)
    modules = [replicates.module(number) for number in range(3)]
    schedule = Schedule(shape="plateau", decay=0.5, patience=1, final=0.1, warm_up=3)
    train(replicates, tmp_path, optimiser=Adam(learning_rate=0.05), schedule=schedule, metric=metric, metric_every=2)
    courses = []
    for number, module in enumerate(modules):
        optimiser = torch.optim.Adam(module.parameters(), lr=0.05)
        plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, factor=0.5, patience=1, min_lr=0.005)
        course = []
        for step in range(30):
            rate = optimiser.param_groups[0]["lr"]
            course.append(rate)
            optimiser.param_groups[0]["lr"] = rate * min(1.0, (step + 1) / 4)
            optimiser.zero_grad()
            torch.nn.functional.mse_loss(module(data()["x"]), data()["y"]).backward()
            optimiser.step()
            optimiser.param_groups[0]["lr"] = rate
            if step % 2 == 1:
                plateau.step(seen(number, step // 2))
        courses.append(tuple(course))
        expected = torch.nn.utils.parameters_to_vector(module.parameters()).detach()
        assert torch.allclose(replicates.matrix[number], expected, rtol=1e-12, atol=1e-12)
    assert len(set(courses)) > 1
    assert courses[0][-1] == 0.005


def test_a_plateau_without_a_metric_waits_for_the_mean_loss_and_resumes_to_the_same_bits(tmp_path: Path) -> None:
    turn = Turn(
        squared_error(),
        [Group(".*", Sgd(learning_rate=2.0), schedule=Schedule(shape="plateau", decay=0.3, patience=0))],
    )
    settings: dict[str, Any] = {"turns": turn, "optimiser": None, "metric_every": 3}
    whole = build()
    train(whole, tmp_path / "whole", **settings)
    free = build()
    train(free, tmp_path / "free", optimiser=Sgd(learning_rate=2.0))
    assert not torch.equal(free.matrix, whole.matrix)
    with pytest.raises(Interrupted):
        train(build(), tmp_path / "cut", 17, **settings)
    resumed = build()
    train(resumed, tmp_path / "cut", **settings)
    assert torch.equal(resumed.matrix, whole.matrix)


def test_the_mean_loss_sees_noise_step_and_columns_of_ones_own(tmp_path: Path) -> None:
    own = torch.arange(3, dtype=torch.float64)[:, None].expand(3, 20)

    def loss(call: Call, batch: Batch) -> torch.Tensor:
        value: torch.Tensor = call(batch["x"]).mean() * 0
        return value + batch["own"].mean() + batch["step"] + batch["eps"].mean() * 0 + len(batch["eps"])

    noise = {"eps": lambda generator, rows: torch.randn(rows, generator=generator)}
    result, context = train(
        build(), tmp_path, turns=loss, own={"own": own}, noise=noise, batch_size=7, metric_every=10, keep_best=True
    )
    mean_rows = (7 * 7 + 7 * 7 + 6 * 6) / 20
    expected = [[step + number + mean_rows for number in range(3)] for step in (10, 20, 30)]
    assert np.allclose(context.history.series()["metric"][1], expected)
    assert result.metrics.tolist() == pytest.approx(expected[-1])


@pytest.mark.parametrize("order", ["sequential", "shuffled", "shuffled-each"])
@pytest.mark.parametrize("strategy", ["vmap", "loop"])
def test_columns_of_ones_own_go_with_their_rows_and_with_their_replicates(
    tmp_path: Path, order: str, strategy: str
) -> None:
    """Each replicate has its own targets, as if each were trained alone on them; two stop early and leave."""
    targets = inputs(5, 20, 2).double()

    def own_error(call: Call, batch: Batch) -> torch.Tensor:
        value: torch.Tensor = (call(batch["x"]) - batch["y"]).square().mean()
        return value

    def run(rows: list[int], folder: Path) -> Replicates:
        replicates = build(count=5, strategy=strategy).select(rows)
        context = make_context(folder, count=len(rows), dtype=torch.float64)

        def metric(trained: Replicates, step: int) -> torch.Tensor:
            return torch.tensor([-1.0 if number in (1, 2, 4) else 1.0 for number in trained.numbers])

        fit(
            replicates,
            own_error,
            {"x": data()["x"]},
            own={"y": targets[rows]},
            optimiser=Sgd(learning_rate=0.1),
            steps=40,
            batch_size=6,
            order=order,  # type: ignore[arg-type]
            metric=metric,
            metric_every=10,
            stop_below=0.0,
            context=context,
        )
        return replicates

    five = run([0, 1, 2, 3, 4], tmp_path / "five")
    for number in (0, 2, 3):
        alone = run([number], tmp_path / str(number))
        assert torch.allclose(alone.matrix[0], five.matrix[number], rtol=1e-9, atol=1e-12)


def outputs(replicates: Replicates, step: int) -> Latents:
    assert not replicates.training
    ids = np.array([f"row-{row}" for row in range(20)])
    return Latents(name="y", values=replicates(data()["x"]), split="all", ids=ids, names=("a", "b", "c"))


def test_latents_are_kept_at_chosen_steps_and_a_resumed_training_has_them_all(tmp_path: Path) -> None:
    begin = build()(data()["x"])
    replicates = build()
    result, _ = train(replicates, tmp_path / "whole", snapshot=outputs, snapshot_at=(30, 0, 7))
    assert [each.name for each in result.snapshots] == ["y-step-0", "y-step-7", "y-step-30"]
    assert torch.equal(torch.as_tensor(result.snapshots[0].values), begin)
    assert torch.equal(torch.as_tensor(result.snapshots[2].values), replicates(data()["x"]))
    short = build()
    train(short, tmp_path / "short", steps=7)
    assert torch.equal(torch.as_tensor(result.snapshots[1].values), short(data()["x"]))
    assert result.snapshots[1].ids is not None
    assert result.snapshots[1].ids.tolist()[:2] == ["row-0", "row-1"]
    assert result.snapshots[1].names == ("a", "b", "c")
    assert replicates.training
    with pytest.raises(Interrupted):
        train(build(), tmp_path / "cut", 12, snapshot=outputs, snapshot_at=(0, 7, 30))
    for _ in range(2):  # resumed, and asked again when it had ended
        again, _ = train(build(), tmp_path / "cut", snapshot=outputs, snapshot_at=(0, 7, 30))
        for ours, theirs in zip(again.snapshots, result.snapshots, strict=True):
            assert ours.name == theirs.name
            assert torch.equal(torch.as_tensor(ours.values), torch.as_tensor(theirs.values))


def test_snapshots_that_are_not_reached_are_said(tmp_path: Path) -> None:
    result, context = train(
        build(),
        tmp_path,
        snapshot=outputs,
        snapshot_at=(5, 20),
        metric=lambda replicates, step: torch.zeros(3),
        metric_every=10,
        stop_below=1.0,
    )
    assert [each.name for each in result.snapshots] == ["y-step-5"]
    assert context.warnings == [
        "every replicate of 'train' had stopped before the steps 20: there are no snapshots of them"
    ]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"snapshot": outputs}, "snapshots need both what is taken and the steps"),
        ({"snapshot_at": (3,)}, "snapshots need both what is taken and the steps"),
        ({"snapshot": outputs, "snapshot_at": (31,)}, "snapshot_at names the step 31; the training goes from 0 to 30"),
        ({"snapshot": lambda replicates, step: 1, "snapshot_at": (3,)}, "a snapshot is Latents, not int"),
    ],
)
def test_snapshots_that_cannot_be_are_refused(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionsError, match=message):
        train(build(), tmp_path, **settings)
