"""The catalogue of conformance checks, in the order in which a plugin's author will want to read what they say."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from identify_core.components import Arity
from identify_core.testing.conformance.record import Check, Kind

_PACKAGE = "identify_core.testing.conformance"
_COMPONENTS: tuple[Kind, ...] = ("dataset", "model", "objective", "evaluator")
_MEASURES: tuple[Arity, ...] = ("representation", "pair")
_WITH_TARGET: tuple[Kind, ...] = (*_COMPONENTS, "command", "check")


def _check(name: str, question: str, target: str, *kinds: Kind, arities: tuple[Arity, ...] = ()) -> Check:
    return Check(name=name, question=question, kinds=kinds, target=f"{_PACKAGE}.{target}", arities=arities)


def _measure_check(name: str, question: str, target: str, *, arities: tuple[Arity, ...] = _MEASURES) -> Check:
    return _check(name, question, f"evaluators:{target}", "evaluator", arities=arities)


_CHECKS = (
    _check("loads", "Does the plugin load, each name used once?", "imports:loads", "plugin"),
    _check(
        "light-imports",
        "Does its module import without torch, zarr and other heavy modules?",
        "imports:imports_nothing_heavy",
        "plugin",
    ),
    _check("import-time", "Does its module import within its CPU time?", "imports:imports_in_time", "plugin"),
    _check("offers", "Does it offer anything, and a smoke preset where it can run?", "records:offers", "plugin"),
    _check("summaries", "Does it say in one line what it is?", "records:has_summary", *_WITH_TARGET, "preset"),
    _check("sources", "Does a claim name the paper that proves it?", "records:cites_claims", "objective"),
    _check(
        "targets",
        "Can its target be imported and called with the arguments that it will get?",
        "targets:can_be_called",
        *_WITH_TARGET,
    ),
    _check("options-frozen", "Are its options frozen?", "options:are_frozen", *_COMPONENTS),
    _check("options-keyword-only", "Are its options keyword-only?", "options:are_keyword_only", *_COMPONENTS),
    _check(
        "options-documented", "Is each option made by option(), with a help?", "options:are_documented", *_COMPONENTS
    ),
    _check("options-types", "Can a spec give each option?", "options:have_types", *_COMPONENTS),
    _check("options-defaults", "Do the defaults keep their own limits?", "options:keep_limits", *_COMPONENTS),
    _check("options-toml", "Do its options survive a spec file?", "options:survive_toml", *_COMPONENTS),
    _check("options-names", "Does each option that names code or a file say so?", "names:are_declared", *_COMPONENTS),
    _check("presets-valid", "Is the preset a valid spec?", "presets:is_valid", "preset"),
    _check("presets-cited", "Does the preset name its source?", "presets:is_cited", "preset"),
    _check("presets-init", "Can `identify init` write the preset with comments?", "presets:can_be_written", "preset"),
    _check("samples-made", "Does the dataset give Samples?", "datasets:gives_samples", "dataset"),
    _check("samples-aligned", "Is every column as long as the ids?", "datasets:is_aligned", "dataset"),
    _check("samples-ids", "Does every sample have an id of its own?", "datasets:has_unique_ids", "dataset"),
    _check(
        "samples-fingerprint",
        "Does the same seed give the same samples, here and in another process?",
        "datasets:has_stable_fingerprint",
        "dataset",
    ),
    _check("sizes", "Does it allocate what it says?", "sizes:are_told", "dataset", "model"),
    _check("model-built", "Does the model build and answer?", "models:builds", "model"),
    _check("model-rows", "Is a row encoded the same whatever other rows there are?", "models:encodes_rows", "model"),
    _check("model-deterministic", "Does evaluation mode leave nothing to chance?", "models:is_deterministic", "model"),
    _check("model-moves", "Does .to() move all that the model has?", "models:moves", "model"),
    _check("smoke-runs", "Does the smoke preset run from end to end?", "smoke:runs", "smoke"),
    _check("smoke-time", "Does the smoke preset end within its CPU time?", "smoke:ends_in_time", "smoke"),
    _check("smoke-findings", "Does every evaluator of the smoke preset find something?", "smoke:finds", "smoke"),
    _check("figures", "Is every figure drawn from the stored finding alone?", "smoke:draws", "smoke"),
    _check("findings-stored", "Are findings read back as they were written?", "smoke:stores_findings", "smoke"),
    _check("same-seed", "Does the same seed give the same latents?", "smoke:repeats", "smoke"),
    _check("other-seed", "Does another seed give other latents?", "smoke:varies", "smoke"),
    _check(
        "replicates-alone",
        "Is a replicate that is trained alone the same as among others?",
        "smoke:trains_alone",
        "smoke",
    ),
    _check(
        "interruption",
        "Does a run that is interrupted and resumed end as if it had not been?",
        "smoke:resumes",
        "smoke",
    ),
    _measure_check("evaluator-answers", "Does the evaluator give scores?", "answers"),
    _measure_check("evaluator-record", "Do its scores say what its record says?", "agrees_with_record"),
    _measure_check("invariances-hold", "Do the declared invariances hold?", "keeps_invariances"),
    _measure_check(
        "invariances-complete", "Does every rung that is not declared change the value?", "declares_all_invariances"
    ),
    _measure_check("bounds", "Are all values within the declared bounds?", "keeps_bounds"),
    _measure_check("symbols", "Does it not matter what symbols are called?", "ignores_names_of_symbols"),
    _measure_check("direction", "Is larger what the record says?", "has_direction"),
    _measure_check("symmetry", "Is a symmetric measure the same both ways?", "is_symmetric", arities=("pair",)),
    _check("inputs-untouched", "Does it leave what it is given alone?", "evaluators:leaves_inputs", "evaluator"),
    _measure_check("row-order", "Does the order of the rows not matter?", "ignores_order"),
)

CHECKS: Mapping[str, Check] = MappingProxyType({each.name: each for each in _CHECKS})
"""Every check by name."""
