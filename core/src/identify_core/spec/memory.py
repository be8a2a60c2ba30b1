"""Memory: what a spec will allocate, by the arithmetic of its components, next to what this machine has."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import attrs

from identify_core.components import Dataset, Model, Objective, load_target
from identify_core.errors import SpecError
from identify_core.saying import say_bytes
from identify_core.sizes import Known, Sizes
from identify_core.spec.resolved import ResolvedSpec

_COPIES = 4
"""Weights, their gradients, and two moments of an optimiser."""
_GENERATOR = 6_000
"""Bytes of a replicate next to its numbers, most of them its random generator: 5.5 kB were measured."""
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def memory_of(spec: ResolvedSpec, *, training: bool = True, parameters: int | None = None) -> dict[str, int]:
    """Bytes that a run will allocate, by part; what no component tells is not among them.

    Args:
        spec: of the run.
        training: whether it is trained; otherwise its samples are made and its weights read, as evaluators do.
        parameters: of one replicate, for a model that does not tell, once one is built.
    """
    known = Known(replicates=spec.replicates, itemsize=8 if spec.dtype == "float64" else 4)
    parts: dict[str, int] = {}
    copies, words_of_weights = (_COPIES, "weights, gradients and moments") if training else (1, "weights")
    for chosen in (spec.dataset, spec.model, *([spec.objective] if training else [])):
        component = chosen.registered.component if chosen is not None else None
        if chosen is None or not isinstance(component, (Dataset, Model, Objective)):
            continue
        sizes: Sizes = load_target(component.sizes)(chosen.options, known) if component.sizes else Sizes()
        parts |= {f"{chosen.label}, {words}": number for words, number in sizes.parts.items()}
        told = {field.name: getattr(sizes, field.name) for field in attrs.fields(Sizes) if field.name != "parts"}
        known = attrs.evolve(known, **{name: value for name, value in told.items() if value is not None})
        if isinstance(component, Model):
            parts["model, random generators"] = _GENERATOR * spec.replicates
            known = attrs.evolve(known, parameters=parameters if sizes.parameters is None else sizes.parameters)
            if known.parameters is not None:
                weights = copies * spec.replicates * known.parameters * known.itemsize
                parts[f"model, {words_of_weights}"] = weights
    return parts


def machine_memory() -> int | None:
    """Bytes of memory that this process may have: the machine's, or a container's limit; None where neither is told."""
    found = []
    if hasattr(os, "sysconf") and {"SC_PHYS_PAGES", "SC_PAGE_SIZE"} <= os.sysconf_names.keys():
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for file in _LIMITS:
        try:
            found.append(int(Path(file).read_text()))
        except (OSError, ValueError):  # not there, or "max"
            continue
    return min(found, default=None)


def refuse_beyond_memory(
    spec: ResolvedSpec, *, force: bool = False, training: bool = True, parameters: int | None = None
) -> None:
    """Refuse a spec that needs more memory than this machine has.

    Args:
        spec: what would be run.
        force: whether the user wants it all the same.
        training: as in `memory_of`, and so is `parameters`.

    Raises:
        SpecError: it does; `problems` has each part with its size, the largest first.
    """
    available = machine_memory()
    parts = memory_of(spec, training=training, parameters=parameters)
    if force or available is None or sum(parts.values()) <= available:
        return
    largest = sorted(parts.items(), key=lambda each: -each[1])
    raise SpecError(
        f"the spec needs about {say_bytes(sum(parts.values()))} of memory, and this machine has {say_bytes(available)}",
        problems=[f"{words}: {say_bytes(number)}" for words, number in largest],
        hint="take smaller sizes, or go on all the same with --force",
    )


def say_memory(parts: Mapping[str, int]) -> str:
    """The sum and its parts in one line."""
    listed = "; ".join(f"{words}: {say_bytes(number)}" for words, number in parts.items())
    return f"{say_bytes(sum(parts.values()))} ({listed})"
