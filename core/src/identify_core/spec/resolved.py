"""ResolvedSpec: a spec with every value structured, its component classes found, and the origin of each value kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal

import attrs

from identify_core.plugins import Registered
from identify_core.spec.envelope import Envelope
from identify_core.spec.keypaths import KeyPath, read_key_path
from identify_core.spec.layers import DEFAULT, FORMAT, Origin
from identify_core.spec.merge import Given
from identify_core.spec.structure import plain_options
from identify_core.spec.write import write_document

UNHASHED = ("name", "requires", "strategy", "sweep")
"""The parts of a spec that change nothing in a run's results."""


@attrs.frozen(kw_only=True)
class Chosen:
    """A component that a spec names, with its options.

    Args:
        registered: the component with its owner, distribution and version.
        options: an instance of the component's options class.
        label: an evaluator's label, unique within the spec; the kind for the others.
        consulted: qualified name to evaluator, of those that an evaluator consults and that are installed.
        origins: dotted key of every option that was given, to where its value came from.
    """

    registered: Registered
    options: Any
    label: str
    consulted: Mapping[str, Registered] = attrs.field(factory=dict, eq=False)
    origins: Mapping[str, Origin] = attrs.field(factory=dict, eq=False, repr=False)

    def as_dict(self) -> dict[str, Any]:
        """The component's table in plain types, its `type` qualified."""
        return {"type": self.registered.qualified_name, **plain_options(self.options)}


@attrs.frozen(kw_only=True)
class ResolvedSpec:
    """A complete spec.

    Args:
        plugin: the running plugin's name.
        name: what the run is called.
        seed: the root of every random stream, from 0 to 2**63 - 1.
        replicates: how many copies of the model, at least one.
        device: `auto`, `cpu`, `mps`, `cuda` or `cuda:N`.
        dtype: `float32` or `float64`.
        autocast: `off`, `bfloat16` or `float16`.
        strategy: `auto`, `vmap` or `loop`.
        requires: plugin or distribution to version bounds, already checked.
        dataset: the dataset.
        model: the model; None where the spec has none, for objectives that need none.
        objective: the objective.
        evaluators: the evaluators in order.
        sweep: dotted key path to the values that `identify sweep` tries; not read by a run.
        histories: for every key path that a layer gave, what each layer gave, lowest first.
        notes: sentences about what a higher layer made void.
    """

    plugin: str
    name: str
    seed: int
    replicates: int
    device: str
    dtype: str
    autocast: str
    strategy: Literal["auto", "vmap", "loop"]
    requires: Mapping[str, str]
    dataset: Chosen
    model: Chosen | None
    objective: Chosen
    evaluators: tuple[Chosen, ...]
    sweep: Mapping[str, tuple[Any, ...]]
    histories: Mapping[KeyPath, tuple[Given, ...]] = attrs.field(repr=False, eq=False)
    notes: tuple[str, ...] = attrs.field(default=(), eq=False)

    def as_dict(self) -> dict[str, Any]:
        """The whole spec in plain TOML types, defaults included, component types qualified; None is left out."""
        envelope: dict[str, Any] = {"format": FORMAT}
        for field in attrs.fields(Envelope):
            if field.name != "format":
                value = getattr(self, field.name)
                if value or field.name != "requires":
                    envelope[field.name] = dict(value) if isinstance(value, Mapping) else value
        components: dict[str, Any] = {"dataset": self.dataset.as_dict()}
        if self.model is not None:
            components["model"] = self.model.as_dict()
        components["objective"] = self.objective.as_dict()
        components["evaluators"] = [
            {"type": each.registered.qualified_name, "label": each.label, **plain_options(each.options)}
            for each in self.evaluators
        ]
        sweep = {"sweep": {key: list(values) for key, values in self.sweep.items()}} if self.sweep else {}
        return envelope | components | sweep

    def as_toml(self) -> str:
        """The spec as a file which, run again, gives the same run."""
        return write_document(self.as_dict())

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical JSON of all that decides the results, which `UNHASHED` does not."""
        content = {key: value for key, value in self.as_dict().items() if key not in UNHASHED}
        text = json.dumps(without_infinities(content), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def origin(self, key_path: str) -> Origin:
        """Where the value at a dotted key path came from; an evaluator is named by its index or its label.

        Raises:
            ValueError: the text is not a dotted key.
        """
        path: KeyPath = read_key_path(key_path)
        if path[0] == "evaluators" and len(path) > 1:
            labels = {each.label: index for index, each in enumerate(self.evaluators)}
            text = str(path[1])
            index = int(text) if text.isdigit() else labels.get(text, -1)
            path = ("evaluators", index, *path[2:])
        return self.origin_at(path)

    def origin_at(self, path: KeyPath) -> Origin:
        """Where the value at a key path came from; a part of a list came from where the list did."""
        given = self.given_at(path)
        return given[-1].origin if given else DEFAULT

    def given_at(self, path: KeyPath) -> tuple[Given, ...]:
        """What each layer gave at a key path, or for the list that it is a part of; empty for a default."""
        if path in self.histories:
            return self.histories[path]
        for length in range(len(path) - 1, 0, -1):
            given = self.histories.get(path[:length])
            if given is not None:
                return given if isinstance(given[-1].value, list) else ()
        return ()


def without_infinities(value: Any) -> Any:
    """Infinite numbers as strings, which JSON lacks."""
    if isinstance(value, Mapping):
        return {key: without_infinities(each) for key, each in value.items()}
    if isinstance(value, list):
        return [without_infinities(each) for each in value]
    return str(value) if isinstance(value, float) and value in (float("inf"), float("-inf")) else value
