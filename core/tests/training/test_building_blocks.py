"""What losses and models are built from: Gaussians against torch.distributions, dense networks layer by layer."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.func import vmap

from identify_core import (
    ACTIVATIONS,
    OptionsError,
    dense_network,
    dense_parameters,
    gaussian_divergence,
    gaussian_log_likelihood,
    import_named,
)


def numbers(count: int, *, scale: float = 1.0, dtype: torch.dtype = torch.float64) -> list[torch.Tensor]:
    drawn = torch.randn(count, 20, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return list((scale * drawn).to(dtype))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
@pytest.mark.parametrize("scale", [1.0, 5.0])
def test_the_log_likelihood_is_torchs(dtype: torch.dtype, tolerance: float, scale: float) -> None:
    x, mean, log_variance = numbers(3, scale=scale)
    expected = torch.distributions.Normal(mean, (log_variance / 2).exp()).log_prob(x)
    found = gaussian_log_likelihood(x.to(dtype), mean.to(dtype), log_variance.to(dtype))
    assert found.dtype == dtype
    torch.testing.assert_close(found.double(), expected, rtol=tolerance, atol=tolerance)
    one = gaussian_log_likelihood(x.to(dtype), 0.0, math.log(4.0))
    torch.testing.assert_close(
        one.double(), torch.distributions.Normal(torch.zeros_like(x), 2.0).log_prob(x), rtol=tolerance, atol=tolerance
    )


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
@pytest.mark.parametrize("scale", [1.0, 5.0])
def test_the_divergence_is_torchs(dtype: torch.dtype, tolerance: float, scale: float) -> None:
    q, p = numbers(4, scale=scale)[:2], numbers(4, scale=scale)[2:]
    laws = [torch.distributions.Normal(mean, (log_variance / 2).exp()) for mean, log_variance in (q, p)]
    expected = torch.distributions.kl_divergence(*laws)
    found = gaussian_divergence(*(each.to(dtype) for each in (*q, *p)))
    torch.testing.assert_close(found.double(), expected, rtol=tolerance, atol=tolerance)
    assert float(gaussian_divergence(*q, *q).abs().max()) == 0.0
    standard = torch.distributions.kl_divergence(laws[0], torch.distributions.Normal(0.0, 1.0))
    torch.testing.assert_close(gaussian_divergence(*q), standard)


def test_both_have_gradients_and_run_under_vmap() -> None:
    x, mean, log_variance = numbers(3)
    mean.requires_grad_()
    log_variance.requires_grad_()
    assert torch.autograd.gradcheck(lambda m, v: gaussian_log_likelihood(x, m, v), (mean, log_variance))
    assert torch.autograd.gradcheck(gaussian_divergence, (mean, log_variance))
    together = vmap(gaussian_divergence)(mean, log_variance)
    assert torch.equal(together, gaussian_divergence(mean, log_variance))


def test_a_dense_network_is_its_layers_as_torch_draws_them() -> None:
    torch.manual_seed(3)
    network = dense_network([4, 7, 5, 2], activation="elu")
    torch.manual_seed(3)
    layers = [torch.nn.Linear(4, 7), torch.nn.Linear(7, 5), torch.nn.Linear(5, 2)]
    x = torch.randn(6, 4)
    elu = torch.nn.functional.elu
    assert torch.equal(network(x), layers[2](elu(layers[1](elu(layers[0](x))))))


@pytest.mark.parametrize("bias", [True, False])
def test_its_parameters_are_as_many_as_are_told_without_torch(bias: bool) -> None:
    network = dense_network([4, 7, 5, 2], bias=bias)
    assert sum(each.numel() for each in network.parameters()) == dense_parameters([4, 7, 5, 2], bias=bias)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_is_the_function_of_its_name(name: Any) -> None:
    z = torch.linspace(-3, 3, 7)
    functions: dict[str, Any] = {
        "relu": torch.relu,
        "leaky-relu": lambda v: torch.where(v > 0, v, 0.01 * v),
        "elu": lambda v: torch.where(v > 0, v, v.exp() - 1),
        "abs": torch.abs,
        "tanh": torch.tanh,
        "sigmoid": lambda v: 1 / (1 + (-v).exp()),
        "gelu": lambda v: v * 0.5 * (1 + torch.erf(v / 2**0.5)),
        "silu": lambda v: v / (1 + (-v).exp()),
        "softplus": lambda v: (1 + v.exp()).log(),
        "identity": lambda v: v,
    }
    torch.testing.assert_close(ACTIVATIONS[name]()(z), functions[name](z))
    assert dense_network([2, 3, 1], activation=name)(torch.ones(4, 2)).shape == (4, 1)


def test_what_is_no_dense_network_is_refused() -> None:
    with pytest.raises(OptionsError, match=r"at least two widths of at least 1, not \(3,\)"):
        dense_network([3])
    with pytest.raises(OptionsError, match=r"at least two widths of at least 1, not \(3, 0\)"):
        dense_network([3, 0])
    wrong: Any = "rleu"
    with pytest.raises(OptionsError, match='"rleu" is not one of "relu"'):
        dense_network([3, 2], activation=wrong)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("os.path", "is not an import path: it must read 'package.module:name'"),
        (":join", "is not an import path"),
        ("no_such_package:make", "cannot be imported: ModuleNotFoundError"),
        ("os.path:nothing", "cannot be imported: AttributeError"),
        ("os:sep", "is of type str, which cannot be called"),
    ],
)
def test_what_cannot_be_imported_or_called_is_refused(path: str, message: str) -> None:
    with pytest.raises(OptionsError, match=message):
        import_named(path, "the factory")


def test_a_name_is_imported_with_its_parts() -> None:
    assert import_named("pathlib:Path.cwd", "the factory")() == Path.cwd()
