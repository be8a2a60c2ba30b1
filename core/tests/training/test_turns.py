"""Several losses that take turns, each moving its own parameters: against torch.optim on each network by itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from identify_core.contexts.streams import Streams
from identify_core.errors import Interrupted, OptionsError
from identify_core.replicates import Batch, Call, Replicates
from identify_core.testing import networks
from identify_core.testing.contexts import make_context
from identify_core.testing.networks import inputs
from identify_core.training import Group, Turn, fit, squared_error
from identify_core.training.optimisers import Adam, Adamax, Sgd
from identify_core.training.schedules import Schedule

STEPS = 13
ROWS, BATCH = 20, 8


class Adversaries(nn.Module):
    """A critic, a generator and a book of values that nobody decays."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.book = nn.Parameter(torch.randn(2))
            self.critic = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
            self.generator = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.critic(x)
        return y


class Plain:
    """A module itself, as a loss calls a replicate."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.tensors = dict(module.named_parameters())

    def __call__(self, *inputs: Any) -> Any:
        return self.module(*inputs)

    def part(self, name: str) -> Any:
        return self.module.get_submodule(name)


def critic_loss(call: Call, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Wasserstein with a gradient penalty: a gradient inside the loss."""
    critic = call.part("critic")
    fake = call.part("generator")(batch["z"] * call.tensors["book"]).detach()
    mixed = batch["eps"] * batch["x"] + (1 - batch["eps"]) * fake
    slopes = torch.func.grad(lambda x: critic(x).sum())(mixed)
    penalty = (slopes.square().sum(1).sqrt() - 1).square().mean()
    return critic(fake).mean() - critic(batch["x"]).mean() + 10 * penalty, {"penalty": penalty}


def generator_loss(call: Call, batch: Batch) -> torch.Tensor:
    """What the critic says of it, and a penalty that grows with the steps."""
    fake = call.part("generator")(batch["z"] * call.tensors["book"])
    value: torch.Tensor = -call.part("critic")(fake).mean() + batch["step"] / 10 * fake.square().mean()
    return value


def turns() -> list[Turn]:
    """The critic at every step and the generator at every third."""
    decaying = Adam(learning_rate=0.02, betas=(0.0, 0.9), weight_decay=0.1, decoupled=True)
    return [
        Turn(
            critic_loss,
            [Group(r"critic\..*weight", decaying, clip_value=0.3), Group(r"critic\..*", Adam(learning_rate=0.02))],
            name="critic",
        ),
        Turn(
            generator_loss,
            [
                Group(r"generator\..*", Adamax(learning_rate=0.05), clip_norm=0.2, schedule=Schedule(shape="cosine")),
                Group("book", Adam(learning_rate=0.1)),
            ],
            every=3,
            name="generator",
        ),
    ]


NOISE: dict[str, Callable[[torch.Generator, int], torch.Tensor]] = {
    "z": lambda generator, rows: torch.randn(rows, 2, generator=generator),
    "eps": lambda generator, rows: torch.rand(rows, 1, generator=generator),
}


def build(strategy: Any = "auto", count: int = 3) -> Replicates:
    return Replicates.build(Adversaries, count, device="cpu", dtype=torch.float64, strategy=strategy)


def train(replicates: Replicates, folder: Path, stop_at: int | None = None, **settings: Any) -> Any:
    calls = [0]

    def stop_requested() -> bool:
        calls[0] += 1
        return calls[0] == stop_at

    context = make_context(folder, count=replicates.count, dtype=torch.float64, stop_requested=stop_requested)
    given = {"turns": turns(), "columns": {"x": inputs(ROWS).double()}, "noise": NOISE, **settings}
    settings = {"steps": STEPS, "batch_size": BATCH, "order": "shuffled", "drop_last": True, **given}
    result = fit(replicates, settings.pop("turns"), settings.pop("columns"), context=context, **settings)
    return result, context


def by_hand(number: int, module: torch.nn.Module) -> dict[str, list[float]]:
    """The same training of one network with torch.optim and torch's own clipping; returns the losses."""
    streams, named = Streams(0), dict(module.named_parameters())
    x = inputs(ROWS).double()
    critic = [each for name, each in named.items() if name.startswith("critic")]
    weights = [each for name, each in named.items() if name.startswith("critic") and name.endswith("weight")]
    biases = [each for name, each in named.items() if name.startswith("critic") and name.endswith("bias")]
    generator = [each for name, each in named.items() if name.startswith("generator")]
    decaying = torch.optim.AdamW(weights, lr=0.02, betas=(0.0, 0.9), weight_decay=0.1)
    plain = torch.optim.Adam(biases, lr=0.02)
    adamax = torch.optim.Adamax(generator, lr=0.05)
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(adamax, T_max=STEPS // 3 - 1)
    book = torch.optim.Adam([named["book"]], lr=0.1)
    losses: dict[str, list[float]] = {"critic": [], "generator": []}
    for step in range(STEPS):
        epoch, position = divmod(step, ROWS // BATCH)
        order = torch.randperm(ROWS, generator=streams.torch(f"train/epoch-{epoch}"))
        rows = order[position * BATCH : (position + 1) * BATCH]
        for turn, loss in (("critic", critic_loss), ("generator", generator_loss)):
            if turn == "generator" and step % 3 != 2:
                continue
            batch = {"x": x[rows], "step": torch.tensor(float(step), dtype=torch.float64)}
            for name, draw in NOISE.items():
                batch[name] = draw(streams.torch(f"train/{turn}/noise/{name}/step-{step}", number), BATCH).double()
            module.zero_grad()
            value = loss(Plain(module), batch)
            value = value[0] if isinstance(value, tuple) else value
            value.backward()
            losses[turn].append(value.item())
            if turn == "critic":
                torch.nn.utils.clip_grad_value_(weights, 0.3)
                decaying.step()
                plain.step()
            else:
                torch.nn.utils.clip_grad_norm_(generator, 0.2)
                adamax.step()
                book.step()
                rate.step()
    assert len(critic) == 4
    return losses


@pytest.mark.parametrize("strategy", ["vmap", "loop"])
def test_turns_are_torchs_optimisers_taking_turns(tmp_path: Path, strategy: str) -> None:
    replicates = build(strategy)
    modules = [replicates.module(number) for number in range(3)]
    _, context = train(replicates, tmp_path)
    history = context.history.series()
    assert replicates.strategy == strategy
    for number, module in enumerate(modules):
        losses = by_hand(number, module)
        for name, parameter in module.named_parameters():
            assert torch.allclose(replicates.parameters[name][number], parameter.detach(), rtol=1e-12, atol=1e-12)
        for turn, values in losses.items():
            assert np.allclose(history[f"{turn}-loss"][1][:, number], values, rtol=1e-12, atol=1e-12)
    assert history["critic-loss"][0].tolist() == list(range(1, 14))
    assert history["generator-loss"][0].tolist() == [3, 6, 9, 12]
    assert "critic-penalty" in history
    assert context.warnings == []


@pytest.mark.parametrize("strategy", ["vmap", "loop"])
def test_turns_with_noise_resume_to_the_same_bits(tmp_path: Path, strategy: str) -> None:
    whole = build(strategy)
    expected, context = train(whole, tmp_path / "whole")
    for stop_at in (1, 6, 11):
        folder = tmp_path / str(stop_at)
        with pytest.raises(Interrupted):
            train(build(strategy), folder, stop_at)
        resumed = build(strategy)
        result, again = train(resumed, folder)
        assert torch.equal(resumed.matrix, whole.matrix)
        assert torch.equal(result.losses, expected.losses)
        for name, (steps, values) in context.history.series().items():
            assert np.array_equal(again.history.series()[name][0], steps)
            assert np.array_equal(again.history.series()[name][1], values)


@pytest.mark.parametrize("strategy", ["vmap", "loop"])
def test_a_replicate_among_others_is_the_replicate_alone(tmp_path: Path, strategy: str) -> None:
    five, alone = build(strategy, count=5), build(strategy, count=5).select([3])
    train(five, tmp_path / "five")
    train(alone, tmp_path / "alone")
    assert torch.allclose(alone.matrix[0], five.matrix[3], rtol=1e-10, atol=1e-12)
    if strategy == "loop":
        assert torch.equal(alone.matrix[0], five.matrix[3])


def test_a_single_loss_is_one_turn_of_one_group(tmp_path: Path) -> None:
    first, second = (Replicates.build(networks.perceptron(), 3, device="cpu", dtype=torch.float32) for _ in range(2))
    data = {"x": inputs(9), "y": inputs(9, 2)}
    schedule = Schedule(shape="linear")
    one, two = make_context(tmp_path / "a"), make_context(tmp_path / "b")
    fit(first, squared_error(), data, optimiser=Adam(), schedule=schedule, steps=5, context=one)
    turn = Turn(squared_error(), [Group(".*", Adam(), schedule=schedule)])
    fit(second, turn, data, steps=5, context=two)
    assert torch.equal(first.matrix, second.matrix)
    assert one.history.series().keys() == two.history.series().keys() == {"loss", "gradient-norm", "parameter-norm"}


def test_parameters_that_nothing_moves_are_named_unless_they_are_frozen(tmp_path: Path) -> None:
    replicates = build()
    before = replicates.state()
    turn = Turn(generator_loss, [Group(r"generator\..*weight", Sgd(learning_rate=0.1))])
    _, context = train(replicates, tmp_path / "a", turns=[turn], steps=2, frozen=r"critic\..*")
    assert context.warnings == [
        "no turn of 'train' moves book, generator.0.bias, generator.2.bias: they stay as they are; "
        "name them under frozen= if that is meant"
    ]
    moved = {name for name, value in replicates.state().items() if not torch.equal(value, before[name])}
    assert moved == {"parameters/generator.0.weight", "parameters/generator.2.weight"}
    _, context = train(build(), tmp_path / "b", turns=[turn], steps=2, frozen=[r"critic\..*", "book", ".*bias"])
    assert context.warnings == []
    alone = build()
    train(alone, tmp_path / "c", turns=generator_loss, optimiser=Adam(), steps=2, frozen=["critic.*", "book"])
    kept = {name for name, value in alone.state().items() if torch.equal(value, before[name])}
    assert all(name.startswith(("parameters/critic", "parameters/book")) for name in kept)
    assert len(kept) == 5


def test_a_replicate_that_diverges_in_one_turn_stays_as_it_was_in_all(tmp_path: Path) -> None:
    def bursting(call: Any, batch: Any) -> torch.Tensor:
        infinite = (batch["y"].mean() > 0) & (batch["step"] >= 5)
        return generator_loss(call, batch) * torch.where(infinite, torch.inf, 1.0)

    given = turns()
    given[1] = Turn(bursting, given[1].groups, every=3, name="generator")
    bad = torch.tensor([-1.0, 1.0, -1.0], dtype=torch.float64)[:, None].expand(3, ROWS)
    replicates, free = build(), build()
    result, context = train(replicates, tmp_path / "a", turns=given, own={"y": bad})
    assert result.reasons == ("steps", "diverged", "steps")
    assert result.steps.tolist() == [13, 5, 13]
    assert context.warnings == [
        "replicate 1 diverged at step 6 of 'train': a value was not finite; "
        "it stays at its last finite weights and the others go on"
    ]
    assert replicates.matrix.isfinite().all()
    train(free, tmp_path / "b")
    assert torch.allclose(replicates.matrix[0], free.matrix[0], rtol=1e-12)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"turns": []}, "a training needs a loss, or at least one turn"),
        ({"turns": critic_loss}, "a training of one loss needs an optimiser"),
        ({"optimiser": Adam()}, "turns have their optimisers and schedules in their groups"),
        ({"turns": [Turn(critic_loss, [Group("critic", Adam())])]}, "no parameter matches 'critic'"),
        (
            {"turns": [Turn(critic_loss, [Group("critic.*", Adam())])], "frozen": "critic.*"},
            "the group 'critic.*' is left without parameters: earlier groups or frozen have them all",
        ),
        ({"frozen": "critics.*"}, "frozen is 'critics.*', which no parameter matches"),
        ({"frozen": "critic[.*"}, "'critic\\[.*' is not a regular expression"),
        ({"turns": [turns()[0], turns()[0]]}, "the turns are called critic, critic; each needs a name of its own"),
        ({"noise": {**NOISE, "x": NOISE["z"]}}, "the batch's 'x' is given twice"),
        ({"noise": {**NOISE, "step": NOISE["z"]}}, "the batch's 'step' is given twice"),
        (
            {"own": {"y": torch.zeros(2, ROWS)}},
            r"the column 'y' of one's own is \(2, 20\); it needs a part for each of 3",
        ),
        ({"own": {"y": torch.zeros(3, 7)}}, "columns of one length.*x 20, y 7"),
        ({"noise": {"z": lambda generator, rows: 1.0}}, "the noise 'z' gave float; a draw gives a tensor"),
    ],
)
def test_turns_that_cannot_be_are_refused(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionsError, match=message):
        train(build(), tmp_path, **settings)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Turn(critic_loss, [], name="x"), "the turn has no groups"),
        (lambda: Turn(critic_loss, [Group(".*", Adam())], every=0), "the turn's every is 0; it must be at least 1"),
        (lambda: Group(".*", Adam(), clip_value=0.0), "the group's clip_value is 0.0; it must be above 0"),
        (lambda: Group(".*", Adam(), clip_norm=-1.0), "the group's clip_norm is -1.0; it must be above 0"),
    ],
)
def test_records_that_cannot_be_are_refused(make: Any, message: str) -> None:
    with pytest.raises(OptionsError, match=message):
        make()


@pytest.mark.gpu
def test_turns_on_a_gpu_are_those_on_the_cpu(tmp_path: Path) -> None:
    here = build()
    train(here, tmp_path / "cpu")
    there = Replicates.build(Adversaries, 3, device="cuda", dtype=torch.float64)
    context = make_context(tmp_path / "gpu", device="cuda", dtype=torch.float64)
    fit(
        there,
        turns(),
        {"x": inputs(ROWS).double().cuda()},
        steps=STEPS,
        batch_size=BATCH,
        order="shuffled",
        drop_last=True,
        noise=NOISE,
        context=context,
    )
    assert torch.allclose(there.matrix.cpu(), here.matrix, rtol=1e-9, atol=1e-9)
