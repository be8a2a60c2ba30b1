"""The envelope: what a spec says besides its components."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import attrs

from identify_core.options import at_least, matching, option
from identify_core.spec.layers import FORMAT

COMPONENT_KINDS = {"dataset": "dataset", "model": "model", "objective": "objective", "evaluators": "evaluator"}
"""The spec's tables of components, in order, with the kind of component that each names."""


@attrs.frozen
class Envelope:
    """Everything of a spec but its components and `[sweep]`."""

    format: Literal[1] = option(FORMAT, help="the version of the spec format")
    plugin: str = option("", help="the running plugin, whose components need no owner in their names")
    name: str = option(
        "",
        help="what the run is called in listings; changes nothing else",
        limit=matching(
            r"|[A-Za-z0-9][A-Za-z0-9._-]{0,99}",
            "at most 100 letters, digits, dots, hyphens and underscores, no dot first",
        ),
    )
    seed: int = option(0, help="every random stream of the run derives from it", limit=at_least(0))
    replicates: int = option(10, help="how many independently initialised copies of the model", limit=at_least(1))
    device: str = option(
        "auto",
        help="where to compute; auto takes CUDA, then MPS, then the CPU",
        limit=matching(r"auto|cpu|mps|cuda(:\d{1,3})?", "auto, cpu, mps, cuda or a numbered one such as cuda:1"),
    )
    dtype: Literal["float32", "float64"] = option("float32", help="the number type of parameters and data")
    autocast: Literal["off", "bfloat16", "float16"] = option(
        "off", help="the lower precision in which training may compute, where the objective allows it"
    )
    strategy: Literal["auto", "vmap", "loop"] = option(
        "auto",
        help="whether replicates run together with vmap, in parts where memory needs it, or one after the other",
    )
    requires: Mapping[str, str] = option(
        attrs.Factory(dict),
        help='versions that this spec needs, by plugin or distribution, such as identify-genni = ">=0.1,<0.2"',
    )
