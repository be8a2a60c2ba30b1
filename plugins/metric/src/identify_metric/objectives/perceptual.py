"""The perceptual term: how far two images are apart in features of VGG16 (Simonyan & Zisserman, ICLR 2015)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from identify_core import Context, FilePlaces, PublicFile, RunError, obtain_file
from identify_metric.options.objectives import ElboOptions

WEIGHTS = PublicFile(
    name="vgg16-397923af.pth",
    url="https://download.pytorch.org/models/vgg16-397923af.pth",
    sha256="397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
    size=553_433_881,
    licence="BSD-3-Clause",
    source="torchvision's VGG16 on ImageNet",
)
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
TAPS = (0, 1, 2, 3, 4, 5, 6, 6)
"""Convolutions whose outputs are compared, conv1_1 to conv3_3; the study counts the last one twice."""


class Vgg16(nn.Module):
    """The thirteen convolutions of VGG16; their parameters have the names of torchvision's state dict."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for block in _BLOCKS:
            for out in block:
                layers += [nn.Conv2d(channels, out, 3, padding=1), nn.ReLU()]
                channels = out
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor, last: int = 12) -> list[torch.Tensor]:
        """Outputs of the convolutions up to the one numbered `last`, before their ReLU, of images in [0, 1].

        Args:
            x: (n, 3, H, W).
            last: from 0 to 12.
        """
        mean, std = (torch.tensor(each, dtype=x.dtype, device=x.device)[:, None, None] for each in (_MEAN, _STD))
        x, found = (x - mean) / std, []
        for layer in self.features:
            x = layer(x)
            if isinstance(layer, nn.Conv2d):
                found.append(x)
                if len(found) > last:
                    break
        return found


def perceptual_distance(vgg: Vgg16, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Σ over the compared convolutions of half the mean squared difference, (n,); no weights, no normalisation.

    Args:
        vgg: frozen.
        x: images in [0, 1], (n, 3, H, W).
        y: (n, 3, H, W).

    Source: Syrota et al., ICML 2025, arXiv 2502.13757: the loss of its code, which is not LPIPS.
    """
    first, second = (vgg(each, max(TAPS)) for each in (x, y))
    return torch.stack([(first[tap] - second[tap]).square().flatten(1).mean(1) / 2 for tap in TAPS]).sum(0)


def load_vgg16(options: ElboOptions, context: Context) -> Vgg16:
    """The network with torchvision's weights, frozen.

    Raises:
        RunError: the file is not there, or is not of VGG16.
    """
    places = FilePlaces(collection="vgg16", folder=options.perceptual_folder)
    path = obtain_file(WEIGHTS, places, context, download=options.download, option="objective.download = true")
    state = torch.load(path, map_location="cpu", weights_only=True)
    return vgg16_of(state, str(path)).to(context.device, context.dtype)


def vgg16_of(state: Mapping[str, torch.Tensor], said: str) -> Vgg16:
    """The network of a state dict; its classifier is left out.

    Raises:
        RunError: parameters are missing or have other shapes.
    """
    vgg = Vgg16()
    try:
        vgg.load_state_dict({name: each for name, each in state.items() if name.startswith("features.")})
    except RuntimeError as error:
        raise RunError(
            f"{said} does not hold the convolutions of VGG16: {str(error).splitlines()[-1].strip()}"
        ) from error
    return vgg.eval().requires_grad_(False)
