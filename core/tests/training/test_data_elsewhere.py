"""Training and encoding from files: the same bits as from the device, read one batch ahead."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from identify_core import Adam, Call, Interrupted, MappedColumn, Replicates, RunError, fit, squared_error
from identify_core.contexts.streams import Streams
from identify_core.replicates import Strategy
from identify_core.testing.contexts import make_context
from identify_core.testing.networks import perceptron
from identify_core.training.batches import Batches

ROWS = 60


@pytest.fixture
def pixels(tmp_path: Path) -> MappedColumn:
    file = tmp_path / "pixels.npy"
    np.save(file, np.random.default_rng(0).integers(0, 256, size=(ROWS + 7, 3), dtype=np.uint8))
    return MappedColumn.of_npy(file, scale=1 / 255).rows(np.arange(ROWS + 7)[::-1][:ROWS])


def resident(column: MappedColumn) -> torch.Tensor:
    return column.take(slice(0, len(column)))


def train(folder: Path, x: Any, **settings: Any) -> Replicates:
    folder.mkdir(exist_ok=True)
    context = make_context(folder, count=3)
    replicates = Replicates.build(perceptron(), 3, device="cpu", dtype=torch.float32, strategy="vmap")
    y = torch.sin(torch.arange(2.0 * ROWS)).reshape(ROWS, 2)
    settings = {"steps": 20, "batch_size": 16, "order": "shuffled", **settings}
    fit(replicates, squared_error(), {"x": x, "y": y}, optimiser=Adam(), context=context, **settings)
    return replicates


@pytest.mark.parametrize("order", ["sequential", "shuffled", "shuffled-each"])
def test_a_mapped_column_trains_to_the_bits_of_a_resident_one(tmp_path: Path, pixels: MappedColumn, order: Any) -> None:
    settings = {"order": order, "stop_below": 0.0, "metric_every": 5}
    ours = train(tmp_path / "mapped", pixels, **settings)
    theirs = train(tmp_path / "resident", resident(pixels), **settings)
    assert torch.equal(ours.matrix, theirs.matrix)


def batches(column: Any, **settings: Any) -> Batches:
    settings = {"order": "shuffled", **settings}
    return Batches({"x": column}, 16, drop_last=False, streams=Streams(0), name="train", **settings)


def test_the_next_batch_is_made_while_the_step_runs_and_another_is_made_where_that_is_asked(
    pixels: MappedColumn, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[str, int]] = []
    original = Batches._make

    def watching(self: Batches, step: int, *rest: Any) -> Any:
        made.append((threading.current_thread().name.split("_")[0], step))
        return original(self, step, *rest)

    monkeypatch.setattr(Batches, "_make", watching)
    plain = batches(resident(pixels), order="shuffled-each")
    with batches(pixels, order="shuffled-each") as ahead:
        for step, who in ((0, (0, 1)), (1, (0, 1)), (2, (1,)), (9, (1,))):
            assert torch.equal(ahead.at(step, who)["x"], plain.at(step, who)["x"])
    ours = [each for each in made if each[0] == "batches"]
    assert ours == [("batches", 1), ("batches", 2), ("batches", 3), ("batches", 10)]
    assert not [each for each in threading.enumerate() if each.name.startswith("batches")]


def test_what_goes_wrong_while_reading_ahead_is_raised_by_the_training(
    tmp_path: Path, pixels: MappedColumn, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, read = MappedColumn.stored_rows, []

    def failing(self: MappedColumn, which: Any) -> torch.Tensor:
        read.append(1)
        if len(read) == 3:
            raise RunError("the disk is gone")
        return original(self, which)

    monkeypatch.setattr(MappedColumn, "stored_rows", failing)
    with pytest.raises(RunError, match="the disk is gone"):
        train(tmp_path / "run", pixels)


def whole_and_split(call: Call, rows: Any) -> torch.Tensor:
    return torch.cat([call(rows), rows[:, :1]], dim=1)


@pytest.mark.parametrize("strategy", ["vmap", "loop"])
def test_encoding_in_blocks_is_the_module_applied_to_each_block(pixels: MappedColumn, strategy: Strategy) -> None:
    replicates = Replicates.build(perceptron(), 3, device="cpu", dtype=torch.float32, strategy=strategy)
    x = resident(pixels)
    found = replicates.encode(pixels, whole_and_split, batch_size=13)
    for number in range(3):
        module = replicates.module(number).eval()
        expected = torch.cat([torch.cat([module(part), part[:, :1]], 1) for part in x.split(13)])
        assert torch.equal(found[number], expected)
    assert torch.equal(replicates.select([2]).encode(x, whole_and_split, batch_size=13)[0], found[2])


def test_encoding_takes_text_and_evaluation_mode() -> None:
    modules = [torch.nn.Sequential(torch.nn.BatchNorm1d(1), torch.nn.Dropout(0.5)) for _ in range(2)]
    replicates = Replicates.from_modules(modules).train()
    before = replicates.state()

    def lengths(call: Call, rows: tuple[str, ...]) -> torch.Tensor:
        return call(torch.tensor([[float(len(row))] for row in rows]))

    found = replicates.encode(("a", "bcd", ""), lengths, batch_size=2)
    assert torch.allclose(found[0].flatten(), torch.tensor([1.0, 3.0, 0.0]), atol=1e-4)
    assert replicates.training
    assert all(torch.equal(value, before[name]) for name, value in replicates.state().items())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_encoding_into_a_file_gives_what_memory_gives(tmp_path: Path, pixels: MappedColumn, dtype: torch.dtype) -> None:
    replicates = Replicates.build(perceptron(), 2, device="cpu", dtype=dtype)
    memory = replicates.encode(pixels, batch_size=7)
    mapped = replicates.encode(pixels, batch_size=7, into=tmp_path / "h.npy")
    assert memory.dtype == dtype
    assert torch.equal(mapped, memory.to(mapped.dtype))
    assert torch.equal(torch.from_numpy(np.load(tmp_path / "h.npy")), mapped)


def test_encoding_takes_and_gives_several_by_name(tmp_path: Path, pixels: MappedColumn) -> None:
    replicates = Replicates.build(perceptron(), 2, device="cpu", dtype=torch.float32)
    y = torch.arange(float(ROWS))

    def body(call: Call, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {"h": call(batch["x"]), "sum": call(batch["x"]).sum(1) + batch["y"]}

    found = replicates.encode({"x": pixels, "y": y}, body, batch_size=7, into=tmp_path / "z.npy")
    h = replicates.encode(pixels, batch_size=7)
    assert torch.equal(found["h"], h)
    assert torch.equal(found["sum"], h.sum(2) + y)
    assert sorted(each.name for each in tmp_path.glob("z*")) == ["z-h.npy", "z-sum.npy"]
    with pytest.raises(RunError, match=r"encoded together have one length, not \[59, 60\]"):
        replicates.encode({"x": pixels, "y": y[1:]}, body)


def test_encoding_shows_a_bar_and_stops_where_the_user_asks(tmp_path: Path, pixels: MappedColumn) -> None:
    replicates = Replicates.build(perceptron(), 2, device="cpu", dtype=torch.float32)
    told: list[int] = []
    context = make_context(tmp_path, count=2, stop_requested=lambda: bool(told.append(1)) or len(told) == 3)
    with pytest.raises(Interrupted, match="stopped after encoding 30 rows"):
        replicates.encode(pixels, batch_size=10, context=context)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (lambda call, rows: call(rows).mean(), r"gave \(\) for 16 rows; it must give tensors with one entry a row"),
        (lambda call, rows: call(rows)[:3], r"gave \(3, 2\) for 16 rows"),
        (lambda call, rows: {"h": call(rows), "text": "a"}, "gave str for 16 rows"),
    ],
)
def test_what_is_no_row_of_numbers_is_refused(pixels: MappedColumn, body: Any, message: str) -> None:
    replicates = Replicates.build(perceptron(), 2, device="cpu", dtype=torch.float32)
    with pytest.raises(RunError, match=message):
        replicates.encode(pixels, body, batch_size=16)


def test_no_rows_and_no_batch_are_refused(pixels: MappedColumn) -> None:
    replicates = Replicates.build(perceptron(), 2, device="cpu", dtype=torch.float32)
    with pytest.raises(RunError, match="there are no rows to encode"):
        replicates.encode(pixels.rows(np.arange(0)))
    with pytest.raises(RunError, match="a batch of 0 rows cannot be encoded"):
        replicates.encode(pixels, batch_size=0)
