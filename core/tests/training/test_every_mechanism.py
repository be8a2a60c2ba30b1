"""What holds of every way to train, to minimise and to encode, under vmap and in a loop.

Interrupted anywhere it ends with the bits of an uninterrupted one; a replicate alone equals itself among others; a GPU
gives what the CPU gives. What each mechanism computes is held against independent references in its own file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import geoopt
import numpy as np
import pytest
import torch
from torch import nn

from identify_core import (
    Adam,
    Adamax,
    Batch,
    Call,
    Context,
    Group,
    Interrupted,
    Latents,
    MappedColumn,
    Replicates,
    Schedule,
    Sgd,
    Turn,
    fit,
    minimise,
    polish,
    squared_error,
)
from identify_core.replicates import Strategy
from identify_core.testing.contexts import make_context
from identify_core.testing.networks import inputs

ROWS, COUNT, ALONE = 24, 4, 2
Found = Mapping[str, torch.Tensor]
Work = Callable[[Replicates, Context], Found]


class Network(nn.Module):
    """Two latents, a decoder of three numbers, a free vector and a point on a sphere."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.encoder = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2))
            self.decoder = nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 3))
            self.book = nn.Parameter(torch.randn(2))
            self.point = geoopt.ManifoldParameter(torch.randn(3), manifold=geoopt.Sphere())
            with torch.no_grad():
                self.point /= self.point.norm()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        decoded: torch.Tensor = self.decoder(self.encoder(x) + self.book) * self.point
        return decoded


def x() -> torch.Tensor:
    return inputs(ROWS).double()


def data() -> dict[str, torch.Tensor]:
    return {"x": x(), "y": torch.sin(x())}


def loss(call: Call, batch: Batch) -> torch.Tensor:
    value: torch.Tensor = (call(batch["x"]) - batch["y"]).square().mean()
    return value


def trained(replicates: Replicates, context: Context, turns: Any = loss, columns: Any = None, **settings: Any) -> Found:
    """Train in shuffled batches; what the training ended with, by name."""
    given = {"steps": 20, "batch_size": 7, "order": "shuffled", "frozen": "point", **settings}
    if turns is loss:
        given = {"optimiser": Adam(learning_rate=0.02), **given}
    result = fit(replicates, turns, data() if columns is None else columns, context=context, **given)
    latents = {each.name: torch.as_tensor(each.values) for each in result.snapshots}
    metrics = {} if result.metrics is None else {"metrics": result.metrics}
    return {"losses": result.losses, "steps": result.steps, **metrics, **latents}


def take_turns(replicates: Replicates, context: Context) -> Found:
    """Encoder and book every step, the decoder every third against them, with the step in its loss."""

    def other(call: Call, batch: Batch) -> torch.Tensor:
        decoded = call.part("decoder")(batch["x"][:, :2] * call.tensors["book"])
        return -decoded.mean() + batch["step"] / 10 * decoded.square().mean()

    decaying = Adam(learning_rate=0.02, weight_decay=0.1, decoupled=True)
    groups = [Group(r"encoder\..*", decaying, clip_value=0.3), Group("book", Sgd(learning_rate=0.1, momentum=0.9))]
    decoder = Group(r"decoder\..*", Adamax(learning_rate=0.05), clip_norm=0.2, schedule=Schedule(shape="cosine"))
    turns = [Turn(loss, groups, name="encoder"), Turn(other, [decoder], every=3, name="decoder")]
    return trained(replicates, context, turns)


def draw_noise(replicates: Replicates, context: Context) -> Found:
    """A reparametrised draw."""

    def perturbed(call: Call, batch: Batch) -> torch.Tensor:
        z = call.part("encoder")(batch["x"])
        value: torch.Tensor = (call.part("decoder")(z + batch["eps"]) - batch["y"]).square().mean()
        return value

    noise = {"eps": lambda generator, rows: torch.randn(rows, 2, generator=generator)}
    return trained(
        replicates, context, perturbed, optimiser=Adam(learning_rate=0.02), noise=noise, frozen=["point", "book"]
    )


def have_targets_of_their_own(replicates: Replicates, context: Context) -> Found:
    """Another target for every replicate."""
    targets = inputs(COUNT, ROWS, 3, seed=5).double()[list(replicates.numbers)]
    return trained(replicates, context, columns={"x": x()}, own={"y": targets}, order="shuffled-each")


def read_from_a_file(replicates: Replicates, context: Context) -> Found:
    """A mapped column of bytes."""
    file = context.scratch / "pixels.npy"
    np.save(file, np.random.default_rng(0).integers(0, 256, size=(ROWS, 3), dtype=np.uint8))
    column = MappedColumn.of_npy(file, scale=1 / 255)
    return trained(replicates, context, columns={"x": column, "y": torch.sin(x())})


def wait_for_plateaus(replicates: Replicates, context: Context) -> Found:
    """A rate that falls where the mean loss does not."""
    schedule = Schedule(shape="plateau", decay=0.3, patience=0)
    turn = Turn(loss, [Group(".*", Sgd(learning_rate=1.0), schedule=schedule)])
    return trained(replicates, context, turn, metric_every=2)


def measure_and_keep(replicates: Replicates, context: Context) -> Found:
    """Metrics by name, of which one stops two replicates; latents at chosen steps; the best numbers in the end."""

    def metric(each: Replicates, step: int) -> dict[str, torch.Tensor]:
        lengths = each.matrix.norm(dim=1)
        early = torch.tensor([number % 2 for number in each.numbers], device=lengths.device)
        return {"length": lengths, "left": lengths / 100 + 12 - step - 20 * (1 - early)}

    def snapshot(each: Replicates, step: int) -> Latents:
        return Latents(name="z", values=each.part("encoder")(x().to(each.device)).detach().cpu(), split="all")

    return trained(
        replicates, context, metric=metric, metric_every=4, watch="left", stop_below=-19.0, keep_best=True,
        snapshot=snapshot, snapshot_at=(0, 3, 8),
    )  # fmt: skip


def move_on_a_sphere(replicates: Replicates, context: Context) -> Found:
    """A point that stays on its manifold next to flat parameters."""
    found = trained(replicates, context, optimiser=Adam(learning_rate=0.05), frozen=())
    lengths = replicates.parameters["point"].norm(dim=1)
    assert torch.allclose(lengths, torch.ones_like(lengths), rtol=1e-12)
    return found


def polish_all(replicates: Replicates, context: Context) -> Found:
    """A part by L-BFGS, whose targets are cut from wider rows."""
    part, columns = replicates.part("encoder"), {"x": x(), "y": data()["y"][:, :2]}
    result = polish(part, squared_error(), columns, context=context, iterations=12, batch_size=10)
    return {"values": result.values, "iterations": result.iterations, "polished": part.matrix}


def minimise_in_decoders(replicates: Replicates, context: Context) -> Found:
    """Latents of five points in every decoder: a row for each replicate and point."""
    goals = torch.sin(inputs(5, 3, seed=3)).double().to(replicates.device)
    count, decoders = replicates.count, replicates.part("decoder").eval()

    def objective(points: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        everyone = points.new_zeros(count * 5, 2).index_copy(0, rows, points).reshape(count, 5, 2)
        decoded = decoders.map(lambda call, z: call(z), everyone, shared=False, differentiable=True)
        return (decoded - goals).square().sum(2).reshape(-1)[rows]

    start = torch.zeros(count * 5, 2, dtype=torch.float64, device=replicates.device)
    found = minimise(objective, start, context=context, iterations=12)
    return {"points": found.points.reshape(count, -1), "taken": found.iterations.reshape(count, -1)}


def encode(replicates: Replicates, context: Context) -> Found:
    """All rows, block by block."""
    return {"z": replicates.part("encoder").encode(x(), batch_size=5, context=context)}


WORKS = [
    take_turns,
    draw_noise,
    have_targets_of_their_own,
    read_from_a_file,
    wait_for_plateaus,
    measure_and_keep,
    move_on_a_sphere,
    polish_all,
    minimise_in_decoders,
    encode,
]
every = pytest.mark.parametrize("work", WORKS, ids=lambda work: work.__name__)
strategies = pytest.mark.parametrize("strategy", ["vmap", "loop"])


class Asked:
    """Counts the questions whether to stop, and says yes to one of them."""

    def __init__(self, stop_at: int = 0) -> None:
        self.stop_at, self.times = stop_at, 0

    def __call__(self) -> bool:
        self.times += 1
        return self.times == self.stop_at


def done(
    work: Work, folder: Path, strategy: Strategy = "vmap", *, numbers: Sequence[int] = range(COUNT),
    asked: Asked | None = None, device: str = "cpu",
) -> tuple[dict[str, torch.Tensor], Mapping[str, Any]]:  # fmt: skip
    """All that the work leaves in and of some of the replicates, and the history."""
    everyone = Replicates.build(Network, COUNT, device=device, dtype=torch.float64, strategy=strategy)
    replicates = everyone.select(list(numbers))
    assert replicates.strategy == strategy
    context = make_context(
        folder, count=replicates.count, device=device, dtype=torch.float64, stop_requested=asked or Asked()
    )
    found = {**work(replicates, context), "weights": replicates.matrix}
    assert context.warnings == []
    return {name: each.detach().cpu() for name, each in found.items()}, context.history.series()


def assert_same_bits(ours: Any, theirs: Any) -> None:
    (found, history), (expected, before) = ours, theirs
    assert found.keys() == expected.keys()
    for name, each in expected.items():
        assert torch.equal(found[name].nan_to_num(), each.nan_to_num()), name
    assert history.keys() == before.keys()
    for name, (steps, values) in before.items():
        np.testing.assert_array_equal(history[name][0], steps, err_msg=name)
        np.testing.assert_array_equal(history[name][1], values, err_msg=name)


@every
@strategies
def test_interrupted_anywhere_it_ends_with_the_same_bits(tmp_path: Path, work: Work, strategy: Strategy) -> None:
    asked = Asked()
    whole = done(work, tmp_path / "whole", strategy, asked=asked)
    assert asked.times >= 4
    for stop_at in {1, asked.times // 2, asked.times - 1}:
        folder = tmp_path / str(stop_at)
        with pytest.raises(Interrupted):
            done(work, folder, strategy, asked=Asked(stop_at))
        assert_same_bits(done(work, folder, strategy), whole)


@every
@strategies
def test_a_replicate_alone_equals_itself_among_others(tmp_path: Path, work: Work, strategy: Strategy) -> None:
    among, _ = done(work, tmp_path / "among", strategy)
    alone, _ = done(work, tmp_path / "alone", strategy, numbers=[ALONE])
    close = {"rtol": 0.0, "atol": 0.0} if strategy == "loop" else {"rtol": 1e-9, "atol": 1e-11}
    for name, each in among.items():
        torch.testing.assert_close(alone[name][0], each[ALONE], equal_nan=True, msg=name, **close)


@pytest.mark.gpu
@every
def test_a_gpu_gives_what_the_cpu_gives_and_resumes_to_the_same_bits(tmp_path: Path, work: Work) -> None:
    here, _ = done(work, tmp_path / "here")
    asked = Asked()
    there = done(work, tmp_path / "there", device="cuda", asked=asked)
    for name, each in here.items():
        torch.testing.assert_close(there[0][name], each, rtol=1e-7, atol=1e-9, equal_nan=True, msg=name)
    with pytest.raises(Interrupted):
        done(work, tmp_path / "cut", device="cuda", asked=Asked(asked.times // 2))
    assert_same_bits(done(work, tmp_path / "cut", device="cuda"), there)
