"""The page of the verbs as functions, and of what they return."""

from __future__ import annotations

from generating.classes import class_section, function_section
from generating.markdown import page

import identify_core as ic

INTRODUCTION = """\
Each verb of the command line is a function of `identify_core`, with the same plugins, the same store and the same
messages. [Python and notebooks](../how-to/in-python.md) shows them at work."""
EXAMPLE = """\
```python
import identify_core as ic

run = ic.run("genni", preset="smoke", overrides={"evaluators": []}, quiet=True)
run = ic.evaluate(run, "genni:convergence", quiet=True)
assert "convergence" in run.findings
page = ic.report(run)
files = ic.plot(run, formats=["png", "svg"], output="figures")
assert page.name == "report.html" and files

steps = ic.sweep("genni", preset="smoke", over={"objective.steps": [10, 20]}, overrides={"evaluators": []}, quiet=True)
assert len(steps.runs) == 2 and steps.is_whole
print(steps)

comparison = ic.compare(run.latents["hidden-1"], quiet=True)
print(comparison.answer)
assert ic.open(comparison.id).answer == comparison.answer
assert len(ic.list_runs()) == 3
```"""


def verbs_page() -> str:
    """Every verb that is a function, one example of all, and the objects that they return."""
    verbs = (ic.run, ic.resume, ic.sweep, ic.evaluate, ic.compare, ic.report, ic.plot, ic.open, ic.list_runs)
    return page(
        "# The verbs in Python",
        INTRODUCTION,
        EXAMPLE,
        *(function_section(each) for each in verbs),
        *(class_section(each) for each in (ic.OpenRun, ic.OpenComparison, ic.OpenSweep)),
    )
