"""Latents: what is stored, what the decoder gets, and who gets which gradient."""

from __future__ import annotations

import math

import pytest
import torch

from identify_core import IdentifyError
from identify_quantization.networks.latents import Finite, Gaussian, NoisyClamp, ScalarBooks, VectorBooks, build_latent
from identify_quantization.objectives.losses import commit_loss, quantise_loss
from identify_quantization.options.networks import LatentOptions


def test_books_begin_evenly_from_minus_a_half_to_a_half() -> None:
    books = ScalarBooks((3, 3), shared=False, learnable=True)
    torch.testing.assert_close(books.values.detach(), torch.tensor([[-0.5, 0.0, 0.5]] * 2))


def test_the_nearest_value_is_taken_and_the_first_of_two_as_near() -> None:
    books = ScalarBooks((3, 3), shared=False, learnable=True)
    code = books(torch.tensor([[0.25, -0.3], [9.0, 0.1]]))
    assert code.indices.tolist() == [[1, 0], [2, 1]]
    assert code.value.tolist() == [[0.0, -0.5], [0.5, 0.0]]


def test_books_of_several_sizes_never_take_a_value_that_is_missing() -> None:
    books = ScalarBooks((2, 5), shared=False, learnable=True)
    code = books(torch.zeros(4, 2))
    assert code.value[:, 0].abs().eq(0.5).all()  # 0 would be the padding
    assert books.draw(torch.full((3, 2), 0.999999)).tolist() == [[0.5, 0.5]] * 3


def test_a_shared_book_serves_all_latents() -> None:
    books = ScalarBooks((4, 4, 4), shared=True, learnable=True)
    assert books.values.shape == (1, 4)
    assert books(torch.tensor([[-1.0, 0.2, 1.0]])).indices.tolist() == [[0, 2, 3]]


def test_frozen_books_are_no_parameters() -> None:
    assert not list(build_latent(LatentOptions(kind="scalar-books", learnable=False)).parameters())


def test_the_straight_through_value_hands_its_gradient_to_the_encoder_alone() -> None:
    books = ScalarBooks((3,) * 2, shared=False, learnable=True)
    x = torch.tensor([[0.2, -0.3]], requires_grad=True)
    (books(x).through * torch.tensor([[2.0, 5.0]])).sum().backward()
    assert x.grad.tolist() == [[2.0, 5.0]]
    assert books.values.grad is None


def test_quantise_moves_books_and_commit_moves_latents() -> None:
    books = ScalarBooks((3,) * 2, shared=False, learnable=True)
    x = torch.tensor([[0.2, -0.3]], requires_grad=True)
    code = books(x)
    assert quantise_loss(code).item() == commit_loss(code).item() == pytest.approx((0.04 + 0.04) / 2)
    (by_books,) = torch.autograd.grad(quantise_loss(code), books.values, retain_graph=True)
    assert by_books.tolist() == [[0.0, pytest.approx(-0.2), 0.0], [pytest.approx(-0.2), 0.0, 0.0]]
    (by_latents,) = torch.autograd.grad(commit_loss(code), x, retain_graph=True)
    assert by_latents.tolist() == [[pytest.approx(0.2), pytest.approx(0.2)]]
    assert torch.autograd.grad(quantise_loss(code), x, allow_unused=True, retain_graph=True) == (None,)
    assert torch.autograd.grad(commit_loss(code), books.values, allow_unused=True) == (None,)


def test_rounding_leaks_through_the_straight_through_value_and_not_through_what_is_stored() -> None:
    torch.manual_seed(0)
    books = ScalarBooks((10,), shared=False, learnable=True)
    books.values.data = 0.3 * torch.randn(1, 10)  # as trained books are: no round numbers, and latents beyond them
    code = books(3 * torch.randn(20_000, 1))
    assert code.value.unique().numel() <= 10
    assert code.through.unique().numel() > 10


def test_what_is_drawn_from_a_book_moves_it() -> None:
    books = ScalarBooks((4,) * 2, shared=False, learnable=True)
    drawn = books(torch.tensor([[0.0, 0.99], [0.3, 0.6]]), draw=True)
    torch.testing.assert_close(drawn, torch.tensor([[-0.5, 0.5], [-1 / 6, 1 / 6]]))
    drawn.sum().backward()
    assert books.values.grad.tolist() == [[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]]


def test_vector_books_take_the_nearest_row_of_one_table() -> None:
    torch.manual_seed(0)
    books = VectorBooks(3, entries=20, width=4)
    assert 0.8 < books.values.abs().max().item() / math.sqrt(3 / 4) <= 1
    x = torch.randn(6, 12)
    code = books(x)
    nearest = torch.cdist(x.reshape(6, 3, 4), books.values.expand(6, -1, -1)).argmin(-1)
    assert torch.equal(code.indices, nearest)
    assert torch.equal(code.value, books.values[nearest].reshape(6, 12))
    assert books(torch.rand(5, 3), draw=True).shape == (5, 12)


@pytest.mark.parametrize("levels", [2, 3, 12])
def test_finite_latents_lie_on_an_even_grid(levels: int) -> None:
    code = Finite(1, levels=levels)(torch.linspace(-4, 4, 4001)[:, None])
    grid = torch.linspace(-1, 1, levels)
    torch.testing.assert_close(code.value.unique(), grid)
    torch.testing.assert_close(grid[code.indices], code.value)
    assert float((code.value - code.before).abs().max()) <= 1 / (levels - 1) + 1e-6


def test_gaussian_stores_means_and_decodes_draws() -> None:
    x, noise = torch.randn(4, 6), torch.randn(4, 3)
    code = Gaussian(3)(x, noise)
    torch.testing.assert_close(code.value, x[:, :3])
    torch.testing.assert_close(code.through, x[:, :3] + torch.log1p(x[:, 3:].exp()) * noise)
    torch.testing.assert_close(Gaussian(3)(x).through, x[:, :3])


def test_noisy_clamp_is_quiet_without_noise() -> None:
    latent = NoisyClamp(1, clamp=1.0, noise=0.5)
    x = torch.tensor([[3.0], [-0.2]])
    torch.testing.assert_close(latent(x).through, torch.tensor([[1.0], [-0.2]]))
    torch.testing.assert_close(latent(x, torch.ones(2, 1)).through, torch.tensor([[1.5], [0.3]]))


def test_books_of_one_value_and_sizes_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(IdentifyError, match="at least 2"):
        LatentOptions(kind="scalar-books", values=1)
    with pytest.raises((IdentifyError, ValueError), match="2 numbers for 3 latents"):
        LatentOptions(kind="scalar-books", count=3, values=(4, 5))
    with pytest.raises((IdentifyError, ValueError), match="there is one book"):
        LatentOptions(kind="scalar-books", count=2, values=(4, 5), shared=True)
