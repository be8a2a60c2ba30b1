"""Parameters on manifolds: each replicate's steps against geoopt's own optimisers, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import geoopt
import pytest
import torch
from torch import nn

from identify_core.errors import Interrupted, OptionsError, RunError
from identify_core.replicates import Batch, Call, Replicates
from identify_core.testing.contexts import make_context
from identify_core.testing.networks import inputs
from identify_core.training import Group, Turn, fit
from identify_core.training.minimise import polish
from identify_core.training.optimisers import Adam, Adamax, Optimiser, Sgd
from identify_core.training.schedules import Schedule

KINDS = ["stiefel", "sphere", "spd", "ball"]


class Curved(nn.Module):
    """A point on a manifold and a flat weight."""

    def __init__(self, kind: str, seed: int) -> None:
        super().__init__()
        manifold = {
            "stiefel": geoopt.Stiefel,
            "sphere": geoopt.Sphere,
            "spd": geoopt.SymmetricPositiveDefinite,
            "ball": geoopt.PoincareBall,
        }[kind]().double()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            size = {"stiefel": (4, 2), "sphere": (3, 4), "spd": (3, 3), "ball": (4, 3)}[kind]
            start = manifold.random(*size, dtype=torch.float64) * (0.3 if kind == "ball" else 1)
            self.flat = nn.Parameter(torch.randn(3, dtype=torch.float64))
            self.point = geoopt.ManifoldParameter(start, manifold=manifold)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.point.reshape(-1)[:3] * x + self.flat).square() + self.point.sum() ** 2 / 10


def value(call: Call, batch: Batch) -> torch.Tensor:
    loss: torch.Tensor = (call(batch["x"]) - batch["x"]).square().mean()
    return loss


def build(kind: str, strategy: Any = "auto", count: int = 3) -> Replicates:
    return Replicates.build(
        lambda seed: Curved(kind, seed), count, device="cpu", dtype=torch.float64, strategy=strategy
    )


def train(replicates: Replicates, folder: Path, optimiser: Optimiser, stop_at: int | None = None, **more: Any) -> None:
    calls = [0]

    def stop_requested() -> bool:
        calls[0] += 1
        return calls[0] == stop_at

    context = make_context(folder, count=replicates.count, dtype=torch.float64, stop_requested=stop_requested)
    settings = {"turns": value, "optimiser": optimiser, "steps": 25, **more}
    fit(replicates, settings.pop("turns"), {"x": inputs(9).double()}, context=context, **settings)


CASES: list[tuple[Optimiser, str, dict[str, Any]]] = [
    (Sgd(learning_rate=0.05), "RiemannianSGD", {"lr": 0.05}),
    (
        Sgd(learning_rate=0.02, momentum=0.8, weight_decay=0.01, nesterov=True),
        "RiemannianSGD",
        {"lr": 0.02, "momentum": 0.8, "weight_decay": 0.01, "nesterov": True},
    ),
    (Adam(learning_rate=0.05), "RiemannianAdam", {"lr": 0.05}),
    (
        Adam(learning_rate=0.02, betas=(0.5, 0.9), epsilon=1e-4, weight_decay=0.1),
        "RiemannianAdam",
        {"lr": 0.02, "betas": (0.5, 0.9), "eps": 1e-4, "weight_decay": 0.1},
    ),
]


@pytest.mark.parametrize("strategy", ["vmap", "loop"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("record", "theirs", "settings"), CASES)
def test_every_step_on_a_manifold_is_geoopts(
    tmp_path: Path, strategy: str, kind: str, record: Optimiser, theirs: str, settings: dict[str, Any]
) -> None:
    replicates = build(kind, strategy)
    train(replicates, tmp_path, record, frozen="flat")
    for number in range(3):
        module = Curved(kind, number)
        optimiser = getattr(geoopt.optim, theirs)([module.point], **settings)
        for _ in range(25):
            optimiser.zero_grad()
            x = inputs(9).double()
            (module(x) - x).square().mean().backward()
            optimiser.step()
        expected = module.point.detach()
        assert torch.allclose(replicates.parameters["point"][number], expected, rtol=1e-12, atol=1e-12)
        assert not torch.allclose(expected, Curved(kind, number).point, atol=1e-3)
        assert torch.equal(replicates.parameters["flat"][number], Curved(kind, number).flat)
        assert module.point.manifold.check_point_on_manifold(replicates.parameters["point"][number])


@pytest.mark.parametrize("kind", KINDS)
def test_flat_and_curved_parameters_move_in_one_group_and_resume_to_the_same_bits(tmp_path: Path, kind: str) -> None:
    settings: dict[str, Any] = {
        "turns": Turn(
            value,
            [Group(".*", Sgd(learning_rate=0.05, momentum=0.9), clip_norm=0.1, schedule=Schedule(shape="cosine"))],
        ),
    }
    whole = build(kind)
    train(whole, tmp_path / "whole", None, **settings)  # type: ignore[arg-type]
    module = Curved(kind, 1)
    flat = torch.optim.SGD([module.flat], lr=0.05, momentum=0.9)
    curved = geoopt.optim.RiemannianSGD([module.point], lr=0.05, momentum=0.9)
    for step in range(25):
        for optimiser in (flat, curved):
            optimiser.zero_grad()
            optimiser.param_groups[0]["lr"] = 0.05 * Schedule(shape="cosine").factor(step, 25)
        x = inputs(9).double()
        (module(x) - x).square().mean().backward()
        torch.nn.utils.clip_grad_norm_([module.flat, module.point], 0.1)
        flat.step()
        curved.step()
    assert torch.allclose(whole.parameters["flat"][1], module.flat, rtol=1e-12, atol=1e-12)
    assert torch.allclose(whole.parameters["point"][1], module.point, rtol=1e-12, atol=1e-12)
    with pytest.raises(Interrupted):
        train(build(kind), tmp_path / "cut", None, 11, **settings)  # type: ignore[arg-type]
    resumed = build(kind)
    train(resumed, tmp_path / "cut", None, **settings)  # type: ignore[arg-type]
    assert torch.equal(resumed.matrix, whole.matrix)


class Incomplete:
    """No manifold at all."""

    def retr(self, x: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
        return x + u


def incomplete(seed: int) -> nn.Module:
    module = nn.Linear(3, 3).double()
    module.weight.manifold = Incomplete()  # type: ignore[assignment]
    return module


def test_what_cannot_move_on_a_manifold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionsError, match="the parameter 'point' lies on Sphere, where Adamax cannot move it"):
        train(build("sphere"), tmp_path, Adamax())
    with pytest.raises(OptionsError, match="where Adam with decoupled weight decay cannot move it"):
        train(build("sphere"), tmp_path, Adam(weight_decay=0.1, decoupled=True))
    train(build("sphere"), tmp_path, Adamax(), frozen="point")
    broken = Replicates.build(incomplete, 2, device="cpu", dtype=torch.float64)
    with pytest.raises(OptionsError, match="'weight' lies on Incomplete, which lacks egrad2rgrad, retr_transp"):
        train(broken, tmp_path / "b", Adam())
    with pytest.raises(OptionsError, match="the parameter 'point' lies on a manifold, which polishing would leave"):
        polish(build("sphere"), value, {"x": inputs(9)}, context=make_context(tmp_path / "c"))
    with pytest.raises(RunError, match="replicate 1 differs from replicate 0 in the manifold of 'point'"):
        Replicates.build(
            lambda seed: Curved("sphere", seed) if seed == 0 else _other(), 2, device="cpu", dtype=torch.float64
        )


def _other() -> nn.Module:
    module = Curved("sphere", 1)
    module.point = geoopt.ManifoldParameter(module.point.detach(), manifold=geoopt.Euclidean())
    return module


def test_manifolds_stay_where_replicates_are_selected_moved_and_copied() -> None:
    replicates = build("stiefel")
    for other in (replicates.select([1, 2]), replicates.to(dtype=torch.float32)):
        assert {name: type(each).__name__ for name, each in other.manifolds.items()} == {"point": "CanonicalStiefel"}


def test_the_core_imports_no_geoopt() -> None:
    code = (
        "import sys, identify_core as ic; [getattr(ic, name) for name in ic.__all__]; sys.exit('geoopt' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
