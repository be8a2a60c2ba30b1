"""The two runs that the study released, made again from their seeds, have the ranks of the specification."""

from __future__ import annotations

import torch
from torch import nn

from identify_core import Replicates, Shape
from identify_genni.geometry.jacobian import spectrum
from identify_genni.networks.convolutional import build_lenet
from identify_genni.networks.fully_connected import build_fcn
from identify_genni.options.networks import FcnOptions, LeNetOptions


def ranks(modules: list[nn.Module], inputs: torch.Tensor) -> list[int | None]:
    replicates = Replicates.from_modules([module.double() for module in modules]).eval()
    return [
        spectrum(replicates.function(r), replicates.vectors()[r], inputs.double()).rank(1e-6)
        for r in range(replicates.count)
    ]


def test_fcn_sample() -> None:
    """The teacher has rank 1; after 1000 steps nets 4, 5 and 9 have rank 1 and the others rank 2."""
    shape, options = Shape(inputs=(1,), outputs=(1,)), FcnOptions(widths=(2,), bias=False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(10)
        build_fcn(options, shape, None)
        evaluation = torch.randn(500, 1)
        torch.manual_seed(10)
        teacher = build_fcn(options, shape, None)
        x = torch.randn(16384, 1)
        nets: list[nn.Module] = [build_fcn(options, shape, None) for _ in range(10)]
    y = teacher(x).detach()
    w = torch.stack([dict(net.named_parameters())["fc_input.weight"].detach()[:, 0] for net in nets]).requires_grad_()
    u = torch.stack([dict(net.named_parameters())["fc_final.weight"].detach()[0] for net in nets]).requires_grad_()
    for step in range(1000):
        rows = slice(256 * (step % 64), 256 * (step % 64 + 1))
        outputs = torch.einsum("rnk,rk->rn", torch.relu(x[rows][None] * w[:, None]), u)
        loss = (outputs - y[rows, 0]).square().mean(1).sum()
        for parameter, gradient in zip((w, u), torch.autograd.grad(loss, (w, u)), strict=True):
            parameter.data -= 0.015 * gradient
    for number, net in enumerate(nets):
        nn.utils.vector_to_parameters(torch.cat((w[number], u[number])).detach(), net.parameters())
    assert ranks([teacher], evaluation) == [1]
    assert ranks(nets, evaluation) == [2, 2, 2, 2, 1, 1, 2, 2, 2, 1]


def test_lenet_sample() -> None:
    """The teacher's rank is its 52 outputs that are not zero, and net 0, the centre of every grid, is dead."""
    shape, options = Shape(inputs=(1, 28, 28), outputs=(1,)), LeNetOptions(head="relu")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        teacher = build_lenet(options, shape, None)
        evaluation = torch.randn(500, 1, 28, 28)
        torch.manual_seed(0)
        build_lenet(options, shape, None)
        torch.randn(8192, 1, 28, 28)
        net = build_lenet(options, shape, None)
    assert ranks([teacher, net], evaluation) == [52, 0]
