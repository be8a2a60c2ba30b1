"""Every option of an evaluator has an effect: its code reads it."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from identify_core import Subject
from identify_metric.evaluators import angles, conditions, distances, isometry, latent_space, stability, volumes
from identify_metric.options import evaluators as options

QUICK = {"doublings": 0, "starts": 1, "iterations": 5}
CASES: dict[str, tuple[Any, type[Any], list[dict[str, Any]]]] = {
    "distances": (distances, options.DistancesOptions, [{"pairs": "all", "points": 3}, {"pairs": 2, "block": 2}]),
    "stability": (stability, options.StabilityOptions, [{"pairs": "all", "points": 3, "draws": 100}]),
    "angles": (angles, options.AnglesOptions, [{"pairs": 2}]),
    "volumes": (volumes, options.VolumesOptions, [{"triangles": 2}]),
    "identifiability-conditions": (conditions, options.ConditionsOptions, [{}]),
    "isometry": (isometry, options.IsometryOptions, [{"rows": 20}]),
    "latent-space": (latent_space, options.LatentSpaceOptions, [{"pairs": 1, "grid": 8}]),
}


def recording(kind: type[Any], seen: set[str]) -> type[Any]:
    """The options, which note the names that are read of them."""

    def read(self: Any, name: str) -> Any:
        seen.add(name)
        return object.__getattribute__(self, name)

    return type(kind.__name__, (kind,), {"__getattribute__": read})


@pytest.mark.parametrize("name", CASES)
def test_every_option_is_read(subject: tuple[Subject, Any], name: str) -> None:
    study, context = subject
    module, kind, choices = CASES[name]
    seen: set[str] = set()
    quick = QUICK if issubclass(kind, options.SolverOptions) else {}
    for chosen in choices:
        module.evaluate(recording(kind, seen)(**quick, **chosen), study, context)
    assert {each.name for each in attrs.fields(kind)} - seen == set()
