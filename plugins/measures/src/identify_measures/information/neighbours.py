"""Neighbours: mutual information of a real variable and a class, from distances along one line, all pairs at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

_ON_CPU = 1 << 16  # values of a block of latents: what stays in a core's cache
_ON_DEVICE = 1 << 23
_JITTER = 1e-10


def jittered(codes: np.ndarray, seed: int) -> np.ndarray:
    """Each column with deviation 1 and a jitter of 1e-10, without which equal values have no distance.

    The jitter is scikit-learn's, number by number: `mutual_info_classif` with the same `random_state` adds the same.

    Args:
        codes: shape (n, d), each column less its mean; a constant column stays 0.
        seed: of the jitter.
    """
    deviations = codes.std(axis=0)
    scaled = codes / np.where(deviations > 0, deviations, 1.0)
    noise = np.random.RandomState(seed % 2**32).standard_normal(len(codes))  # the generator that scikit-learn has
    jitter = _JITTER * np.maximum(1.0, np.abs(scaled).mean(axis=0))
    with_jitter: np.ndarray = scaled + jitter * noise[:, None]
    return with_jitter


def neighbour_information(
    codes: np.ndarray, labels: Sequence[np.ndarray], k: int, *, seed: int, device: torch.device
) -> np.ndarray:
    """Mutual information of every latent with every class variable (Ross 2014, PLoS ONE 9(2) e87357, equation 2).

    For a row whose class has N rows, r is the distance to its k-th neighbour in the class (the furthest one where the
    class has no more than k others), and m counts all rows nearer than r, itself included. The estimate is
    ψ(n) + mean ψ(k) − mean ψ(N) − mean ψ(m), at least 0. Rows that are alone in their class are left out. On a line the
    neighbours are next to each other in sorted order, so that it takes a sort a latent, k + 1 differences a row and two
    searches.

    Args:
        codes: latents less their mean, shape (n, d).
        labels: classes from 0 upwards, F arrays of shape (n,).
        k: neighbours.
        seed: of the jitter.
        device: where it is computed.

    Returns:
        In nats, shape (d, F).
    """
    columns = torch.from_numpy(np.ascontiguousarray(jittered(codes, seed).T))
    d, n = columns.shape
    classes = [torch.from_numpy(np.ascontiguousarray(each)).to(device) for each in labels]
    digamma = torch.digamma(torch.arange(1, n + 2, dtype=torch.float64, device=device))
    block = max(1, (_ON_CPU if device.type == "cpu" else _ON_DEVICE) // n)
    values = torch.zeros(d, len(labels), dtype=torch.float64, device=device)
    for first in range(0, d, block):
        line, order = torch.sort(columns[first : first + block].to(device), dim=1)
        for j, each in enumerate(classes):
            values[first : first + block, j] = _of_block(line, order, each, k, digamma)
    found: np.ndarray = values.cpu().numpy()
    found[(codes == codes[:1]).all(axis=0)] = 0.0
    return found


def _of_block(
    line: torch.Tensor, order: torch.Tensor, labels: torch.Tensor, k: int, digamma: torch.Tensor
) -> torch.Tensor:
    """The estimates of a block of latents, sorted, shape (b, n), with one class variable, shape (b,)."""
    sizes = torch.bincount(labels)
    lonely = sizes == 1
    if bool(lonely.any()):
        kept = ~lonely[labels]
        mask = kept[order]
        count = int(kept.sum())
        line = line[mask].reshape(len(line), count)
        new_place = torch.cumsum(kept, 0) - 1
        order = new_place[order[mask]].reshape(len(line), count)
        labels = torch.unique(labels[kept], return_inverse=True)[1]
        sizes = torch.bincount(labels)
    n = line.shape[1]
    if n == 0:
        return torch.zeros(len(line), dtype=line.dtype, device=line.device)
    small = torch.int16 if len(sizes) < 2**15 else torch.int64
    by_class = torch.sort(labels.to(small)[order], dim=1, stable=True).indices
    grouped = torch.gather(line, 1, by_class)
    radii = torch.nextafter(_radii(grouped, sizes, k), torch.zeros((), dtype=line.dtype, device=line.device))
    near = _within(line, grouped, radii)
    # digamma[m − 1] is ψ(m).
    taken = torch.clamp(sizes - 1, max=k)
    of_sizes = (sizes * (digamma[taken - 1] - digamma[sizes - 1])).sum() / n
    return torch.clamp(digamma[n - 1] + of_sizes - digamma[near - 1].mean(dim=1), min=0.0)


def _radii(grouped: torch.Tensor, sizes: torch.Tensor, k: int) -> torch.Tensor:
    """The distance of every value to its k-th neighbour in its class, shape (b, n).

    Args:
        grouped: values class after class, ascending in each, shape (b, n).
        sizes: of the classes, at least 2 each.
        k: neighbours.
    """
    b, n = grouped.shape
    starts = torch.cumsum(sizes, 0) - sizes
    classes = torch.repeat_interleave(torch.arange(len(sizes), device=grouped.device), sizes, output_size=n)
    # Between classes lie k places that are infinitely far away, so that no window of neighbours crosses a border.
    place = torch.arange(n, device=grouped.device) + k * (classes + 1)
    padded = grouped.new_full((b, n + k * (len(sizes) + 1)), torch.inf)
    padded[:, place] = grouped
    below = torch.where(torch.isinf(padded), -torch.inf, padded)
    middle = padded[:, k : padded.shape[1] - k]
    radii = torch.full_like(middle, torch.inf)
    lower, upper = torch.empty_like(middle), torch.empty_like(middle)
    width = middle.shape[1]
    for t in range(k + 1):
        torch.sub(middle, below[:, k - t : k - t + width], out=lower)
        torch.sub(padded[:, 2 * k - t : 2 * k - t + width], middle, out=upper)
        torch.minimum(radii, torch.maximum(lower, upper, out=lower), out=radii)
    found = radii[:, place - k]
    few = sizes[classes] <= k
    if bool(few.any()):
        first, last = starts[classes[few]], (starts + sizes - 1)[classes[few]]
        found[:, few] = torch.maximum(grouped[:, few] - grouped[:, first], grouped[:, last] - grouped[:, few])
    return found


def _within(line: torch.Tensor, centres: torch.Tensor, radii: torch.Tensor) -> torch.Tensor:
    """How many values of a sorted line are within each radius of each centre, by |value − centre| itself.

    `centre − radius` is rounded, which takes in the neighbour at whose distance the circle ends: the two ends that the
    search finds are moved until every difference is on its side.
    """
    n = line.shape[1]
    start = torch.searchsorted(line, centres - radii)
    stop = torch.searchsorted(line, centres + radii, right=True)
    while True:
        out = (start < n) & (centres - torch.gather(line, 1, start.clamp(max=n - 1)) > radii)
        more = (start > 0) & (centres - torch.gather(line, 1, (start - 1).clamp(min=0)) <= radii)
        moves = more.to(start.dtype) - out.to(start.dtype)
        if not bool(moves.any()):
            break
        start -= moves
    while True:
        out = (stop > 0) & (torch.gather(line, 1, (stop - 1).clamp(min=0)) - centres > radii)
        more = (stop < n) & (torch.gather(line, 1, stop.clamp(max=n - 1)) - centres <= radii)
        moves = more.to(stop.dtype) - out.to(stop.dtype)
        if not bool(moves.any()):
            break
        stop += moves
    return stop - start
