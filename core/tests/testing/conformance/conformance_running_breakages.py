"""Ways to break the rules of runs and evaluators, and what must be said then."""

from __future__ import annotations

from conformance_copies import Breakage, broken

_PAIRS = """[[evaluators]]
type = "alignment"

[[evaluators]]
type = "prediction"
"""
_CHECKPOINT = 'context.checkpoint({"step": step + 1, "weights": replicates.state(), "velocity": velocity})'
_SAVING = f"""        if context.checkpoint_due() or context.should_stop():
            {_CHECKPOINT}
"""
_STOPPING = """        if context.should_stop():
            raise Interrupted("stopped")
"""
_ALIGNED = "value = linear_cka(x, y)"

RUNS = (
    broken(
        "smoke-runs",
        "smoke",
        "training.py",
        "    replicates.eval()\n",
        '    raise ArithmeticError("diverged")\n    replicates.eval()\n',
        "the smoke preset fails: ArithmeticError: diverged",
        "identify --debug run",
    ),
    broken(
        "smoke-runs",
        "smoke",
        "training.py",
        "values=hidden,",
        "values=hidden / 0,",
        "the latents 'hidden' of replicate 0 are not finite",
        "take a smaller learning rate",
        more=(("smoke.toml", _PAIRS, ""),),
    ),
    broken(
        "smoke-time",
        "smoke",
        "training.py",
        "    replicates.eval()\n",
        "    replicates.eval()\n\n",
        "s of CPU time, more than 0.001 s",
        "take fewer samples, steps and replicates",
        smoke_seconds=0.001,
    ),
    broken(
        "smoke-findings",
        "smoke",
        "outcome.py",
        "    MEMORY.append(errors)\n",
        '    raise RuntimeError("no")\n',
        "the evaluator 'outcome' failed: RuntimeError: no",
        "it must work on the smoke preset",
    ),
    broken(
        "smoke-findings",
        "smoke",
        "outcome.py",
        "    MEMORY.append(errors)\n",
        "    return\n",
        "the evaluator 'outcome' found nothing",
        "give a Finding for every run",
    ),
    broken(
        "smoke-findings",
        "smoke",
        "outcome.py",
        'summary=f"replicate {errors.argmin()} is the best"',
        'summary=""',
        "the finding 'outcome' has no summary",
    ),
    broken(
        "figures",
        "smoke",
        "outcome.py",
        'losses = finding.arrays["losses"].values',
        "losses = MEMORY.pop()",
        "'outcome' cannot be drawn from the stored finding: IndexError",
        "put all that the picture needs into the finding's arrays and tables",
    ),
    broken(
        "figures",
        "smoke",
        "outcome.py",
        '    yield Figure(name="losses", caption="The loss of every replicate.", static=figure)\n',
        "    yield from ()\n",
        "'outcome' has a draw target that draws nothing",
        "yield a Figure",
    ),
    broken(
        "findings-stored",
        "smoke",
        "outcome.py",
        'conventions={"split": "test"}',
        'conventions={"split": ("test", "ood")}',
        "the convention 'split' of the finding 'outcome' is read back as something else",
        "use numbers, strings, booleans and None",
    ),
    broken(
        "same-seed",
        "smoke",
        "training.py",
        "    replicates.eval()\n",
        "    replicates.eval()\n    noise = torch.rand(())\n",
        "two runs with the same seed differ: the latents 'hidden'",
        "draw from context.stream(name, replicate)",
        more=(("training.py", "values=hidden,", "values=hidden + noise,"),),
    ),
    Breakage(
        check="other-seed",
        item="smoke",
        file="networks.py",
        old="    return nn.Sequential(\n",
        new="    torch.manual_seed(0)\n    return nn.Sequential(\n",
        says=("of replicate 1 are those of another replicate", "torch's global generator, which the core seeds"),
    ),
    broken(
        "other-seed",
        "smoke",
        "training.py",
        "values=hidden,",
        "values=torch.randn(hidden.shape, generator=torch.Generator().manual_seed(0)),",
        "of replicate 0 are the same with the seeds 3 and 4",
        "not from a fixed seed",
    ),
    broken(
        "replicates-alone",
        "smoke",
        "training.py",
        "options.learning_rate * gradient",
        "options.learning_rate * gradient * values.mean()",
        "the latents 'hidden' of replicate 0 are others in a run of 1 than in one of 3",
        "take no mean over replicates",
    ),
    broken(
        "interruption",
        "smoke",
        "training.py",
        ', "velocity": velocity})',
        "})",
        "interrupted and resumed, the run ends otherwise: the latents 'hidden'",
        "belongs into the checkpoint",
    ),
    broken(
        "interruption",
        "smoke",
        "training.py",
        f"{_SAVING}{_STOPPING}",
        "",
        "the objective never asks context.should_stop()",
        "context.checkpoint(state) and raise Interrupted",
    ),
    broken(
        "interruption",
        "smoke",
        "training.py",
        _STOPPING,
        "",
        "the objective was asked to stop and went on",
        "raise identify_core.errors.Interrupted",
    ),
    broken(
        "interruption",
        "smoke",
        "training.py",
        _SAVING,
        "",
        "the objective stopped and left no checkpoint",
        "whenever context.checkpoint_due()",
    ),
)

EVALUATORS = (
    broken(
        "evaluator-answers",
        "evaluator:alignment",
        "measures.py",
        _ALIGNED,
        "raise ZeroDivisionError(len(y))",
        "given two representations of 320 samples and width 4, it fails: ZeroDivisionError",
        more=(("smoke.toml", '[[evaluators]]\ntype = "alignment"\n', ""),),
    ),
    broken(
        "evaluator-record",
        "evaluator:alignment",
        "measures.py",
        'larger_is="more similar"',
        'larger_is="more distant"',
        "the score says that larger is more distant, the record that larger is more similar",
        "write the same in both",
    ),
    broken(
        "invariances-hold",
        "evaluator:alignment",
        "measures.py",
        'invariant_to=("similarity",)',
        'invariant_to=("affine",)',
        "it declares that it is invariant to affine, but alignment goes from",
        "declare a smaller class in invariant_to, or mend the measure",
        more=(("plugin.py", 'invariant_to=("similarity",)', 'invariant_to=("affine",)'),),
    ),
    broken(
        "invariances-hold",
        "evaluator:alignment",
        "measures.py",
        'invariant_to=("similarity",)',
        'invariant_to=__import__("identify_core").ByRole(source=("similarity",), target=("affine",))',
        "when a random map of affine is applied to the target",
        "declare a smaller class in invariant_to",
        more=(
            (
                "plugin.py",
                'invariant_to=("similarity",)',
                "symmetric=False, "
                'invariant_to=__import__("identify_core").ByRole(source=("similarity",), target=("affine",))',
            ),
        ),
    ),
    broken(
        "symbols",
        "evaluator:alignment",
        "plugin.py",
        'invariant_to=("similarity",)',
        'invariant_to=("similarity",), takes={"numbers", "symbols"}',
        "it takes symbols, but alignment goes from",
        "leave 'symbols' out of takes",
    ),
    broken(
        "invariances-complete",
        "evaluator:alignment",
        "measures.py",
        'invariant_to=("similarity",)',
        'invariant_to=__import__("identify_core").ByRole(source=("similarity",), target=("orthogonal",))',
        "random maps of similarity of the target do not change its value",
        "add 'similarity' to ByRole(target=...)",
        more=(
            (
                "plugin.py",
                'invariant_to=("similarity",)',
                "symmetric=False, "
                'invariant_to=__import__("identify_core").ByRole(source=("similarity",), target=("orthogonal",))',
            ),
        ),
    ),
    broken(
        "invariances-complete",
        "evaluator:alignment",
        "measures.py",
        'invariant_to=("similarity",)',
        'invariant_to=("orthogonal",)',
        "random maps of similarity do not change its value",
        "add 'similarity' to invariant_to",
        more=(("plugin.py", 'invariant_to=("similarity",)', 'invariant_to=("orthogonal",)'),),
    ),
    broken(
        "bounds",
        "evaluator:alignment",
        "measures.py",
        _ALIGNED,
        "value = linear_cka(x, y) + 0.1",
        "alignment is 1.1 for a representation and itself, outside of its bounds 0 to 1",
        "declare wider bounds (None for no bound)",
    ),
    broken(
        "direction",
        "evaluator:alignment",
        "measures.py",
        'larger_is="more similar"',
        'larger_is="more distant"',
        "it says that larger is more distant, but alignment is 1 for a representation and itself",
        "turn larger_is around",
        more=(("plugin.py", 'larger_is="more similar"', 'larger_is="more distant"'),),
    ),
    Breakage(
        check="direction",
        item="evaluator:prediction",
        file="measures.py",
        old='larger_is="better"',
        new='larger_is="worse"',
        says=("it says that larger is worse, but prediction is", "for the ground truth itself"),
        more=(("plugin.py", 'larger_is="better"', 'larger_is="worse"'),),
    ),
    broken(
        "symmetry",
        "evaluator:alignment",
        "measures.py",
        _ALIGNED,
        "value = linear_r2(x, y)",
        "it is declared symmetric, but alignment is",
        "write symmetric=False in the record",
    ),
    broken(
        "inputs-untouched",
        "evaluator:alignment",
        "measures.py",
        "[centred(each.values()) for each in representations]",
        "[np.subtract(v, v.mean(0), out=v) for v in (each.values() for each in representations)]",
        "it changes the first representation in place",
        "work on a copy",
    ),
    broken(
        "inputs-untouched",
        "evaluator:outcome",
        "outcome.py",
        "    MEMORY.append(errors)\n",
        "    for value in run.replicates.parameters.values():\n        value.add_(1.0)\n",
        "it changes the replicates' parameters/",
        "replicates.select(range(count))",
    ),
    broken(
        "row-order",
        "evaluator:alignment",
        "measures.py",
        _ALIGNED,
        "half = len(x) // 2\n    value = linear_cka(centred(x[:half]), centred(y[:half]))",
        "when the samples are in another order",
        "split and draw samples by their ids",
    ),
)

RUNNING: tuple[Breakage, ...] = (*RUNS, *EVALUATORS)
