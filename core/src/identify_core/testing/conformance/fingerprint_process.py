"""The other process in which datasets are made again: what their samples' fingerprints are there.

It reads the request that `datasets` makes from its standard input and writes {item: fingerprint} to its output.
"""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import Any

from identify_core.testing.conformance.bench import Bench, item_of, registry_of
from identify_core.testing.conformance.record import Settings


def main() -> None:
    """Make every dataset that was asked for."""
    request = json.loads(sys.stdin.read())
    with contextlib.redirect_stdout(sys.stderr):
        found = _fingerprints(request)
    print(json.dumps(found))  # noqa: T201 - it is what the process is for


def _fingerprints(request: dict[str, Any]) -> dict[str, str]:
    from identify_core.evaluation import targets
    from identify_core.spec import Chosen, load_spec, structure
    from identify_core.testing.conformance.material import make_context

    file = request["plugin_file"]
    settings = Settings(plugin=request["plugin"], plugin_file=None if file is None else Path(file))
    bench = Bench(settings, registry_of(settings), Path(request["folder"]))
    found = {}
    for registered in bench.components("dataset"):
        asked = request["datasets"].get(item_of(registered))
        if asked is None:
            continue
        spec = None
        if asked["spec"] is not None:
            text = bench.scratch("spec") / "spec.toml"
            text.write_text(asked["spec"], encoding="utf-8")
            spec = load_spec(bench.registry, plugin=bench.plugin, file=text)
        options = structure(asked["options"], registered.component.options)
        chosen = Chosen(registered=registered, options=options, label="dataset")
        context = make_context(bench, spec, item_of(registered), seed=request["seed"])
        found[item_of(registered)] = targets.make_samples(chosen, context).fingerprint
    return found


if __name__ == "__main__":
    main()
