"""On a GPU replicates train as they do on the CPU, without the loop waiting for the device."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from identify_core.contexts.device import resolve_device
from identify_core.data.mapped import MappedColumn
from identify_core.errors import Interrupted
from identify_core.replicates import Batch, Call, Replicates
from identify_core.testing import networks
from identify_core.testing.contexts import make_context
from identify_core.testing.networks import inputs
from identify_core.training import fit, squared_error
from identify_core.training.minimise import polish
from identify_core.training.optimisers import Adam, Sgd

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here"),
]
SHAPES = {"perceptron": (3,), "normalised": (3,), "convolutional": (1, 6, 6)}


def build(name: str, device: str, dtype: torch.dtype = torch.float64) -> Replicates:
    factory: Any = networks.perceptron() if name == "perceptron" else getattr(networks, name)
    return Replicates.build(factory, 5, device=device, dtype=dtype)


def data(name: str, device: str, dtype: torch.dtype = torch.float64) -> dict[str, torch.Tensor]:
    x = inputs(64, *SHAPES[name]).to(device, dtype)
    return {"x": x, "y": torch.sin(x.flatten(1)[:, :2])}


@pytest.mark.parametrize("name", SHAPES)
def test_training_on_cuda_agrees_with_the_cpu(tmp_path: Path, name: str) -> None:
    trained = {}
    for device in ("cpu", "cuda"):
        replicates = build(name, device)
        fit(
            replicates,
            squared_error(),
            data(name, device),
            optimiser=Sgd(learning_rate=0.05, momentum=0.9),
            steps=100,
            batch_size=16,
            order="shuffled-each" if name == "perceptron" else "shuffled",
            context=make_context(tmp_path / device, device=device, count=5, dtype=torch.float64),
        )
        trained[device] = {key: value.cpu() for key, value in replicates.state().items()}
    for key, value in trained["cpu"].items():
        assert torch.allclose(trained["cuda"][key], value, rtol=1e-8, atol=1e-10)


def test_convolutions_run_together_on_cuda() -> None:
    assert build("convolutional", "cuda").strategy == "vmap"
    assert resolve_device().type == "cuda"


def test_a_step_does_not_wait_for_the_device(tmp_path: Path) -> None:
    replicates = build("perceptron", "cuda", torch.float32)
    context = make_context(tmp_path, device="cuda", count=5)
    settings: dict[str, Any] = {"optimiser": Adam(), "context": context}
    fit(replicates, squared_error(), data("perceptron", "cuda", torch.float32), steps=40, **settings)
    waits: list[int] = []

    def loss(call: Call, batch: Batch) -> torch.Tensor:
        # From the second step to the next look at who still trains, any wait is an error.
        torch.cuda.set_sync_debug_mode("error" if 1 <= len(waits) < 30 else "default")
        waits.append(1)
        value: torch.Tensor = (call(batch["x"]) - batch["y"]).square().mean()
        return value

    fit(
        replicates, loss, data("perceptron", "cuda", torch.float32), steps=31, log_every=1000, name="second", **settings
    )
    torch.cuda.set_sync_debug_mode("default")
    assert len(waits) == 31


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_trains_close_to_float32(tmp_path: Path, dtype: torch.dtype) -> None:
    losses = {}
    for kind in (None, dtype):
        replicates = build("perceptron", "cuda", torch.float32)
        context = make_context(tmp_path / str(kind), device="cuda", count=5, autocast_dtype=kind)
        columns = data("perceptron", "cuda", torch.float32)
        losses[kind] = fit(
            replicates, squared_error(), columns, optimiser=Sgd(learning_rate=0.1), steps=200, context=context
        ).losses
    assert torch.allclose(losses[dtype], losses[None], rtol=0.05)


def test_dropout_on_cuda_draws_from_each_replicates_own_stream(tmp_path: Path) -> None:
    def trained(rows: list[int]) -> torch.Tensor:
        replicates = Replicates.build(networks.dropping, 5, device="cuda", dtype=torch.float32).select(rows)
        context = make_context(tmp_path / str(len(rows)), device="cuda", count=5)
        columns = data("perceptron", "cuda", torch.float32)
        fit(replicates, squared_error(), columns, optimiser=Adam(), steps=20, batch_size=16, context=context)
        return replicates.vectors()

    assert torch.equal(trained([0, 1, 2, 3, 4])[3], trained([3])[0])


def test_interrupted_and_resumed_on_cuda_gives_the_same_bits(tmp_path: Path) -> None:
    def trained(folder: str, stop_at: int | None) -> torch.Tensor:
        calls = [0]

        def stop_requested() -> bool:
            calls[0] += 1
            return calls[0] == stop_at

        replicates = build("perceptron", "cuda", torch.float32)
        context = make_context(tmp_path / folder, device="cuda", count=5, stop_requested=stop_requested)
        columns = data("perceptron", "cuda", torch.float32)
        fit(replicates, squared_error(), columns, optimiser=Adam(), steps=60, batch_size=16, context=context)
        return replicates.vectors()

    whole = trained("whole", None)
    with pytest.raises(Interrupted):
        trained("cut", 37)
    assert torch.equal(trained("cut", None), whole)


def test_polishing_on_cuda_agrees_with_the_cpu(tmp_path: Path) -> None:
    polished = {}
    for device in ("cpu", "cuda"):
        replicates = build("perceptron", device)
        context = make_context(tmp_path / device, device=device, count=5)
        result = polish(replicates, squared_error(), data("perceptron", device), context=context, iterations=5)
        polished[device] = result.values
    assert torch.allclose(polished["cpu"], polished["cuda"], rtol=1e-6)


def elsewhere(folder: Path, where: str) -> dict[str, Any]:
    """The same columns in a file and in the host's memory, or on the device."""
    columns = data("perceptron", "cpu", torch.float32)
    if where == "cuda":
        return {name: column.to("cuda") for name, column in columns.items()}
    if where == "host":
        return {**columns}
    np.save(folder / "x.npy", columns["x"].numpy())
    return {"x": MappedColumn.of_npy(folder / "x.npy"), "y": columns["y"]}


@pytest.mark.parametrize("order", ["sequential", "shuffled", "shuffled-each"])
@pytest.mark.parametrize("where", ["host", "file"])
def test_columns_elsewhere_train_to_the_bits_of_columns_on_cuda(tmp_path: Path, where: str, order: Any) -> None:
    def trained(where: str) -> torch.Tensor:
        replicates = build("perceptron", "cuda", torch.float32)
        (tmp_path / where).mkdir()
        fit(
            replicates,
            squared_error(),
            elsewhere(tmp_path, where),
            optimiser=Adam(),
            steps=40,
            batch_size=16,
            order=order,
            metric_every=10,
            stop_below=0.0,
            context=make_context(tmp_path / where, device="cuda", count=5),
        )
        return replicates.vectors()

    assert torch.equal(trained(where), trained("cuda"))


def test_own_columns_on_the_host_train_as_those_on_cuda(tmp_path: Path) -> None:
    columns = data("perceptron", "cuda", torch.float32)
    own = torch.stack([columns["y"] * number for number in range(1, 6)])

    def trained(device: str) -> torch.Tensor:
        replicates = build("perceptron", "cuda", torch.float32)
        (tmp_path / device).mkdir()
        context = make_context(tmp_path / device, device="cuda", count=5)
        given: dict[str, Any] = {"optimiser": Adam(), "steps": 40, "batch_size": 16, "order": "shuffled"}
        fit(replicates, squared_error(), {"x": columns["x"]}, own={"y": own.to(device)}, context=context, **given)
        return replicates.vectors()

    assert torch.equal(trained("cpu"), trained("cuda"))


def test_encoding_on_cuda_agrees_with_the_cpu_from_memory_and_from_a_file(tmp_path: Path) -> None:
    x = data("perceptron", "cpu")["x"]
    np.save(tmp_path / "x.npy", x.numpy())
    expected = build("perceptron", "cpu").encode(x, batch_size=10)
    replicates = build("perceptron", "cuda")
    for column in (x, x.to("cuda"), MappedColumn.of_npy(tmp_path / "x.npy")):
        found = replicates.encode(column, batch_size=10)
        assert found.device.type == "cuda"
        torch.testing.assert_close(found.cpu(), expected, rtol=1e-9, atol=1e-12)
    mapped = replicates.encode(x, batch_size=10, into=tmp_path / "h.npy")
    torch.testing.assert_close(mapped, expected, rtol=1e-9, atol=1e-12)
