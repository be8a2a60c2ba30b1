"""What the evaluators say of networks whose answer is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from identify_core import IdentifyError, Replicates, RunSubject, Shape, Subject
from identify_core.testing.contexts import make_context
from identify_core.testing.representations import represent
from identify_quantization.data.generated import make_generated
from identify_quantization.evaluators import books, disentanglement, reconstruction, traversals
from identify_quantization.networks.autoencoder import build_dense
from identify_quantization.options.data import GeneratedOptions
from identify_quantization.options.evaluators import (
    BooksOptions,
    DisentanglementOptions,
    ReconstructionOptions,
    TraversalsOptions,
)
from identify_quantization.options.networks import DenseOptions, LatentOptions
from identify_quantization.views import pictures


def subject(folder: Path, latents: dict[str, Any] | None = None, model: Any = None, **options: Any) -> Subject:
    samples = make_generated(GeneratedOptions(side=8, evaluated=100), make_context(folder))
    if model is None:
        torch.manual_seed(0)
        model = build_dense(
            DenseOptions(widths=(16,), latent=LatentOptions(**options)), Shape(inputs=(3, 8, 8), outputs=()), None
        )
    test = samples.split("test")
    kept = {
        name: tuple(
            represent(values, name, ids=test.ids, latents=name, replicate=r, factors=test.factors) for r in range(2)
        )
        for name, values in (latents or {}).items()
    }
    run = RunSubject(
        run_id="run",
        count=2,
        model_name="quantization:dense",
        model_options=None,
        load_samples=lambda: samples,
        load_replicates=lambda: Replicates.from_modules([model, model], strategy="loop").eval(),
        load_history=dict,
        findings={},
        latents=kept,
    )
    return Subject(representations=(), run=run)


def drawn(draw: Any, options: Any, finding: Any) -> list[str]:
    return [figure.name for figure in draw(options, finding, None)]


def test_reconstruction_of_a_known_network(tmp_path: Path) -> None:
    """Logits of zero are grey: their cross-entropy is ln 2, their error (x − 1/2)²."""
    given = subject(tmp_path, kind="continuous", count=2)
    assert given.run is not None
    last = given.run.replicates.parameters
    for name in ("decoder.3.weight", "decoder.3.bias"):
        last[name].zero_()
    found = reconstruction.evaluate(ReconstructionOptions(shown=3), given, make_context(tmp_path, count=2))
    x = given.run.samples.split("test").tensor("x").double() / 255
    error = (x - 0.5).square().flatten(1).mean(1)
    assert found.scalars["cross-entropy"] == pytest.approx(np.log(2))
    assert found.scalars["psnr"] == pytest.approx(float((-10 * error.log10()).mean()), rel=1e-5)
    assert found.arrays["true"].values.shape == (3, 3, 8, 8)
    assert "training has seen" in found.conventions["rows"]
    assert found.warnings[0].startswith("2 of 2 replicates reconstruct less than 0.1 dB better than the mean image")
    assert drawn(pictures.draw_reconstruction, ReconstructionOptions(), found) == ["reconstruction"]


def test_books_count_what_is_used(tmp_path: Path) -> None:
    given = subject(tmp_path, kind="scalar-books", count=2, values=(3, 4))
    assert given.run is not None
    given.run.replicates.parameters["encoder.head.weight"].zero_()
    given.run.replicates.parameters["encoder.head.bias"].copy_(torch.tensor([[0.1, -9.0]] * 2))
    found = books.evaluate(BooksOptions(), given, make_context(tmp_path, count=2))
    assert found.arrays["counts"].values[0].tolist() == [[0, 100, 0, 0], [100, 0, 0, 0]]
    assert found.scalars["dead-entries"] == 2 * (2 + 3)
    assert np.isnan(found.arrays["values"].values[0, 0, 3])
    assert [row[4] for row in found.tables["latents"].rows] == [pytest.approx(1.0)] * 4
    assert drawn(pictures.draw_books, BooksOptions(), found) == ["books"]


@pytest.mark.parametrize("kind", ["vector-books", "finite"])
def test_books_of_other_kinds_are_counted(kind: str, tmp_path: Path) -> None:
    given = subject(tmp_path, kind=kind, count=2, entries=5, width=2, levels=3)
    found = books.evaluate(BooksOptions(), given, make_context(tmp_path, count=2))
    assert found.arrays["counts"].values.sum() == 2 * 2 * 100
    assert drawn(pictures.draw_books, BooksOptions(), found) == ["books"]


def test_traversals_of_books_ask_the_decoder_at_entries_alone(tmp_path: Path) -> None:
    given = subject(tmp_path, kind="scalar-books", count=2, values=(3, 4))
    assert given.run is not None
    unsorted = torch.tensor([[0.5, -0.5, 0.0, 0.0], [0.1, 0.3, -0.2, 0.0]])
    given.run.replicates.parameters["latent.values"].copy_(unsorted.expand(2, -1, -1))
    found = traversals.evaluate(TraversalsOptions(), given, make_context(tmp_path, count=2))
    np.testing.assert_allclose(found.arrays["values"].values, [[-0.5, 0.0, 0.5, 0.5], [-0.2, 0.0, 0.1, 0.3]], atol=1e-7)
    assert found.arrays["images"].values.shape == (2, 4, 3, 8, 8)
    assert drawn(pictures.draw_traversals, TraversalsOptions(), found) == ["traversals", "drawn"]


def test_traversals_find_the_latent_that_does_something(tmp_path: Path) -> None:
    given = subject(tmp_path, kind="continuous", count=3)
    assert given.run is not None
    given.run.replicates.parameters["decoder.0.weight"][:, :, [0, 2]] = 0.0
    found = traversals.evaluate(TraversalsOptions(values=5), given, make_context(tmp_path, count=2))
    assert found.scalars["strongest"] == 1
    assert found.scalars["idle"] == 2
    assert found.arrays["images"].values.shape == (3, 5, 3, 8, 8)


@pytest.mark.parametrize("kind", ["continuous", "gaussian", "scalar-books", "finite", "noisy-clamp"])
def test_images_are_decoded_from_latents_as_a_generator_is_given_them(kind: str, tmp_path: Path) -> None:
    given = subject(tmp_path, kind=kind, count=2, values=3, levels=3)
    assert given.run is not None
    seen: list[torch.Tensor] = []
    torch.nn.Sequential.forward, plain = _listening(seen), torch.nn.Sequential.forward
    try:
        found = traversals.evaluate(TraversalsOptions(drawn=60), given, make_context(tmp_path, count=2))
    finally:
        torch.nn.Sequential.forward = plain
    assert found.arrays["drawn"].values.shape == (60, 3, 8, 8)
    latents = next(each for each in seen if each.shape == (60, 2))
    low, high = {"continuous": (0, 1), "gaussian": (-5, 5), "scalar-books": (-0.5, 0.5)}.get(kind, (-1, 1))
    assert low <= latents.min() < latents.max() <= high
    assert (latents.unique().numel() == 3) == (kind in ("scalar-books", "finite"))
    assert (latents.min() < -1) == (kind == "gaussian")


def _listening(seen: list[torch.Tensor]) -> Any:
    plain = torch.nn.Sequential.forward

    def forward(self: Any, x: torch.Tensor) -> torch.Tensor:
        seen.append(x)
        return plain(self, x)

    return forward


def test_a_latent_of_one_value_has_a_bar_instead_of_a_violin(tmp_path: Path) -> None:
    test = make_generated(GeneratedOptions(side=8, evaluated=100), make_context(tmp_path)).split("test")
    truth = np.stack([factor.values for factor in test.factors.values()], axis=1).astype(float)
    truth[:, 1] = 2.0
    given = subject(tmp_path, {"z": truth}, kind="continuous", count=4)
    found = disentanglement.evaluate(DisentanglementOptions(), given, make_context(tmp_path, count=2))
    assert found.arrays["active"].values[0].tolist() == [True, False, True, True]
    figures = {each.name: each.static for each in pictures.draw_disentanglement(DisentanglementOptions(), found, None)}
    (axes,) = figures["violins"].axes
    assert len(axes.collections) == 3
    assert axes.lines[0].get_xdata().tolist() == [1]


def test_disentangled_symbols_are_told(tmp_path: Path) -> None:
    test = make_generated(GeneratedOptions(side=8, evaluated=100), make_context(tmp_path)).split("test")
    truth = np.stack([factor.values for factor in test.factors.values()], axis=1).astype(float)
    mixed = np.stack([truth[:, 0] + 3 * truth[:, 1], truth[:, 2] + 6 * truth[:, 3]], axis=1)
    latents = {"z-step-0": mixed, "z": truth}
    given = subject(tmp_path, latents, kind="scalar-books", count=4)
    found = disentanglement.evaluate(DisentanglementOptions(), given, make_context(tmp_path, count=2))
    scores = found.arrays["scores"].values
    assert found.conventions["latents"] == "symbols"
    assert scores.shape == (1, 2, 3)  # the run says of no steps: `z` stands at 0
    np.testing.assert_allclose(found.arrays["nmi"].values[0].diagonal(), 1.0)
    assert float(found.scalars["infoe"]) > 0.99
    np.testing.assert_array_equal(found.arrays["latents"].values, truth)
    assert drawn(pictures.draw_disentanglement, DisentanglementOptions(), found) == ["information", "violins"]


def test_what_evaluators_cannot_take_is_refused(tmp_path: Path) -> None:
    context = make_context(tmp_path, count=2)
    plain = subject(tmp_path, kind="continuous", count=2)
    with pytest.raises(IdentifyError, match="the latents of the run are Continuous"):
        books.evaluate(BooksOptions(), plain, context)
    with pytest.raises(IdentifyError, match="image is 100; the run has images 0 to 99"):
        traversals.evaluate(TraversalsOptions(image=100), plain, context)
    with pytest.raises(IdentifyError, match="no order to go through"):
        traversals.evaluate(TraversalsOptions(), subject(tmp_path, kind="vector-books", count=2), context)
    with pytest.raises(IdentifyError, match="has no latents 'z'"):
        disentanglement.evaluate(DisentanglementOptions(), plain, context)
    foreign = subject(tmp_path, model=torch.nn.Linear(2, 2))
    with pytest.raises(IdentifyError, match="of this plugin"):
        reconstruction.evaluate(ReconstructionOptions(), foreign, context)
