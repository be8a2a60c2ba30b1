"""Convergence: curves of the kept attempts, what has arrived, dead units, balancedness, each against a plain count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from torch import nn

from identify_core import Context, Finding, Replicates, RunError, RunSubject, Samples, Shape, Subject
from identify_core.testing.contexts import make_context
from identify_genni.equivalence import train
from identify_genni.evaluators.convergence import evaluate
from identify_genni.layers import describe
from identify_genni.networks.convolutional import build_lenet
from identify_genni.networks.fully_connected import build_fcn
from identify_genni.options.convergence import ConvergenceOptions
from identify_genni.options.equivalence import EquivalenceOptions
from identify_genni.options.networks import FcnOptions, LeNetOptions
from identify_genni.options.targets import TeacherOptions
from identify_genni.targets import make_teacher
from identify_genni.unit_state import balancedness, dead_units
from identify_genni.views.convergence import draw


@attrs.frozen
class Made:
    subject: Subject
    context: Context
    replicates: Replicates
    outcome: Finding
    samples: Samples


def fcn(shape: Shape) -> nn.Module:
    return build_fcn(FcnOptions(widths=(3, 2)), shape, None)


def make(
    folder: Path, options: EquivalenceOptions, *, model: Any = fcn, count: int = 4, inputs: tuple[int, ...] = (2,)
):
    context = make_context(folder, count=count, model=model)
    samples = make_teacher(TeacherOptions(samples=256, held_out=64, input_shape=inputs, teacher_seed=1), context)
    replicates = Replicates.build(
        lambda r: context.build_model(samples.shape, replicate=r), count, device="cpu", dtype=torch.float32
    )
    kept = list(train(options, replicates, samples, context))
    outcome = next(each for each in kept if isinstance(each, Finding))
    run = RunSubject(
        run_id="run",
        count=count,
        model_name="genni:fcn",
        model_options=None,
        load_samples=lambda: samples,
        load_replicates=lambda: replicates,
        load_history=lambda: context.history.series(),
        findings={"outcome": outcome},
        latents={},
    )
    return Made(Subject(representations=(), run=run), context, replicates, outcome, samples)


OPTIONS = EquivalenceOptions(steps=60, optimiser="adam", learning_rate=0.01, batch_size=64, measure_every=10)


def test_curves_are_the_history_of_training(tmp_path):
    made = make(tmp_path, OPTIONS)
    finding = evaluate(ConvergenceOptions(), made.subject, made.context)
    history = made.context.history.series()
    for name in ("loss", "gradient-norm", "parameter-norm"):
        np.testing.assert_allclose(finding.arrays[name].values, history[name][1])
    np.testing.assert_allclose(finding.arrays["relative"].values, history["metric"][1])
    assert finding.arrays["steps"].values.tolist() == list(range(1, 61))


def test_long_curves_are_thinned_and_keep_their_ends(tmp_path):
    made = make(tmp_path, OPTIONS)
    whole = evaluate(ConvergenceOptions(), made.subject, made.context)
    thin = evaluate(ConvergenceOptions(points=8), made.subject, made.context)
    steps = thin.arrays["steps"].values
    assert 4 <= len(steps) <= 10
    assert (steps[0], steps[-1]) == (1, 60)
    rows = np.searchsorted(whole.arrays["steps"].values, steps)
    np.testing.assert_array_equal(thin.arrays["loss"].values, whole.arrays["loss"].values[rows])


def test_the_converged_part_counts_replicates_within_the_tolerance(tmp_path):
    made = make(tmp_path, OPTIONS, count=6)
    reached = made.context.history.series()["metric"][1]
    tolerance = float(np.median(reached[-1]))
    finding = evaluate(ConvergenceOptions(tolerance=tolerance), made.subject, made.context)
    expected = [sum(value <= tolerance for value in row) / 6 for row in reached]
    assert finding.arrays["converged-part"].values.tolist() == pytest.approx(expected)
    statuses = [row[1] for row in finding.tables["replicates"].rows]
    relative = made.outcome.arrays["relative"].values
    assert [status == "converged" for status in statuses] == [value <= tolerance for value in relative]
    assert finding.scalars["converged-part"] == pytest.approx(np.mean(relative <= tolerance))


def test_a_stopped_replicate_keeps_its_last_value(tmp_path):
    options = attrs.evolve(OPTIONS, steps=200, stop_below=0.2, tolerance=0.3)
    made = make(tmp_path, options, count=6)
    finding = evaluate(ConvergenceOptions(), made.subject, made.context)
    assert np.isfinite(finding.arrays["loss"].values).all()
    part = finding.arrays["converged-part"].values
    assert part[-1] == pytest.approx(made.outcome.scalars["converged-part"])
    assert part[-1] > 0


def test_restarted_replicates_show_the_attempt_that_was_kept(tmp_path):
    options = attrs.evolve(OPTIONS, tolerance=1e-9, restarts=2)
    made = make(tmp_path, options, count=4)
    history = made.context.history.series()
    kept = [row[-1] for row in made.outcome.tables["replicates"].rows]
    assert len(set(kept)) > 1
    finding = evaluate(ConvergenceOptions(), made.subject, made.context)
    for replicate, attempt in enumerate(kept):
        name = "loss" if attempt == 1 else f"attempt-{attempt}-loss"
        np.testing.assert_allclose(finding.arrays["loss"].values[:, replicate], history[name][1][:, replicate])


def test_dead_units_are_those_that_give_one_output(tmp_path):
    made = make(tmp_path, OPTIONS)
    layers = describe(made.replicates.template).layers
    made.replicates.parameters["fc_input.weight"][1, 2] = 0
    made.replicates.parameters["fc_input.bias"][1, 2] = -1  # never positive
    made.replicates.parameters["fc_input.bias"][2, 0] = -1e6
    x = made.samples.split("train").tensor("x")
    first, second = dead_units(made.replicates, layers, x)
    for replicate in range(4):
        module = made.replicates.module(replicate)
        h = torch.relu(module.fc_input(x))
        g = torch.relu(module.layers[0](h))
        assert first[replicate].tolist() == [len(unit.unique()) == 1 for unit in h.T]
        assert second[replicate].tolist() == [len(unit.unique()) == 1 for unit in g.T]
    assert first[1, 2]
    assert first[2, 0]
    finding = evaluate(ConvergenceOptions(), made.subject, made.context)
    assert finding.arrays["dead"].values[1, 1, 2]
    assert finding.arrays["dead"].values.shape == (2, 4, 5)


def test_a_channel_is_dead_only_at_all_positions(tmp_path):
    lenet = build_lenet(LeNetOptions(), Shape(inputs=(1, 16, 16), outputs=(1,)), None)
    with torch.no_grad():
        lenet.conv1.bias[4] = -100
    replicates = Replicates.from_modules([lenet]).eval()
    first, *_ = dead_units(replicates, describe(lenet).layers, torch.randn(600, 1, 16, 16))
    assert first.tolist() == [[False, False, False, False, True, False]]


def test_balancedness_is_the_formula(tmp_path):
    made = make(tmp_path, OPTIONS)
    first, second = describe(made.replicates.template).layers
    module = made.replicates.module(2)
    for layer, before, after in (
        (first, module.fc_input, module.layers[0]),
        (second, module.layers[0], module.fc_final),
    ):
        expected = [
            sum(before.weight[unit] ** 2) + before.bias[unit] ** 2 - sum(after.weight[:, unit] ** 2)
            for unit in range(layer.width)
        ]
        found = balancedness(layer, made.replicates.parameters)[2]
        torch.testing.assert_close(found, torch.stack(expected).detach().double())
    lenet = build_lenet(LeNetOptions(), Shape(inputs=(1, 20, 20), outputs=(1,)), None)
    conv2 = describe(lenet).layers[1]
    found = balancedness(conv2, {name: value[None] for name, value in lenet.named_parameters()})[0, 5]
    outgoing = lenet.fc1.weight[:, 5 * 4 : 6 * 4]  # four positions of channel 5, behind the flattening
    expected = (lenet.conv2.weight[5] ** 2).sum() + lenet.conv2.bias[5] ** 2 - (outgoing**2).sum()
    torch.testing.assert_close(found, expected.detach().double())


@pytest.mark.parametrize(("activation", "conserved"), [("relu", True), ("identity", True), ("tanh", False)])
def test_gradient_flow_conserves_the_balance_of_homogeneous_units_alone(tmp_path, activation, conserved):
    def model(shape: Shape) -> nn.Module:
        return build_fcn(FcnOptions(widths=(3, 2), activation=activation), shape, None)

    drifts = []
    for number, rate in enumerate((0.1, 0.01)):
        options = EquivalenceOptions(steps=int(10 / rate), learning_rate=rate, batch_size=None)
        made = make(tmp_path / str(number), options, model=model)
        finding = evaluate(ConvergenceOptions(), made.subject, made.context)
        before, after = finding.arrays["balancedness"].values
        drifts.append(float(np.abs(after - before).max()))
        assert finding.arrays["conserved"].values.all() == conserved
        assert ("balancedness-drift" in finding.scalars) == conserved
    # The same time of the flow: the drift of gradient descent falls with its step, that of other units does not.
    assert (drifts[1] < 0.3 * drifts[0]) == conserved


def test_networks_that_are_not_understood_still_have_curves(tmp_path):
    class Skip(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(2, 2), nn.Linear(2, 1)

        def forward(self, x):
            return self.second(torch.relu(self.first(x)) + x)

    made = make(tmp_path, OPTIONS, model=lambda shape: Skip())
    finding = evaluate(ConvergenceOptions(), made.subject, made.context)
    assert any(warning.startswith("units were not looked at") for warning in finding.warnings)
    (figure,) = draw(ConvergenceOptions(), finding, None)
    assert figure.interactive


def test_other_objectives_are_refused(tmp_path):
    made = make(tmp_path, OPTIONS)
    made.subject.run.findings.clear()
    with pytest.raises(RunError, match="no finding 'outcome'"):
        evaluate(ConvergenceOptions(), made.subject, made.context)


def test_the_page_shows_every_replicate_and_the_tolerance(tmp_path):
    made = make(tmp_path, OPTIONS, count=5)
    finding = evaluate(ConvergenceOptions(), made.subject, made.context)
    (figure,) = draw(ConvergenceOptions(), finding, None)
    *panels, legend = figure.static.axes
    titles = [axes.get_title(loc="left") for axes in panels]
    assert titles == [
        "Where each replicate ended",
        "Distance to the target",
        "Converged so far",
        "Training loss",
        "Gradient",
        "Parameters",
        "Dead units",
        "Balancedness of the units",
    ]
    assert "tolerance 0.01" in {text.get_text() for text in legend.get_legend().get_texts()}
    assert figure.static.get_figwidth() <= 10.5  # legible in the column of a report
    for axes in panels:
        assert (axes.get_xlabel() and axes.get_ylabel()) or not axes.axison
    endings = figure.static.axes[0].get_lines()
    assert len(endings) == 5 + 1
    assert "0.01" in figure.caption
    assert figure.interactive.count('"showlegend":true') == 5


def drawn(figure, title):
    """The panel with this title."""
    (axes,) = (each for each in figure.static.axes if each.get_title(loc="left") == title)
    return axes


def test_curves_go_on_through_the_polishing_to_where_the_replicates_ended(tmp_path):
    options = attrs.evolve(OPTIONS, polish="levenberg-marquardt", polish_steps=20)
    made = make(tmp_path, options)
    finding = evaluate(ConvergenceOptions(), made.subject, made.context)
    arrays = {name: each.values for name, each in finding.arrays.items()}
    iterations = len(arrays["polish-iterations"])
    assert 1 < iterations <= 20
    assert arrays["polish-loss"].shape == arrays["polish-gradient-norm"].shape == (iterations, 4)
    reached = [float(row[made.outcome.tables["replicates"].columns.index("J training")]) for row in
               made.outcome.tables["replicates"].rows]  # fmt: skip
    np.testing.assert_allclose(arrays["polish-loss"][-1], reached, rtol=1e-3)
    np.testing.assert_allclose(arrays["final-parameter-norm"], made.replicates.vectors().norm(dim=1), rtol=1e-5)
    (figure,) = draw(ConvergenceOptions(), finding, None)
    for title, last in (("Distance to the target", arrays["final-relative"]), ("Training loss", reached)):
        curves = drawn(figure, title).get_lines()[:4]
        assert [float(line.get_ydata()[-1]) for line in curves] == pytest.approx(list(last), rel=1e-3)
        places = curves[0].get_xdata()
        assert (np.diff(places) > 0).all()
        assert max(drawn(figure, title).get_xticks()) <= 60 < places[-1]
    assert "iterations of the polishing" in figure.caption
    assert "polishing from here on" in {text.get_text() for text in figure.static.axes[-1].get_legend().get_texts()}


def test_without_polishing_the_curves_end_with_the_steps(tmp_path):
    made = make(tmp_path, OPTIONS)
    finding = evaluate(ConvergenceOptions(), made.subject, made.context)
    (figure,) = draw(ConvergenceOptions(), finding, None)
    assert drawn(figure, "Training loss").get_lines()[0].get_xdata()[-1] == 60
    assert "polishing" not in figure.caption


def test_a_panel_of_dead_units_without_any_says_so(tmp_path):
    made = make(tmp_path, OPTIONS)
    finding = evaluate(ConvergenceOptions(), made.subject, made.context)
    dead = finding.arrays["dead"]
    for values, words in ((np.zeros_like(dead.values), ["no unit was dead,\nbefore training or after"]), (None, [])):
        values = dead.values | (np.arange(dead.values.shape[2]) == 0) if values is None else values
        arrays = {**finding.arrays, "dead": attrs.evolve(dead, values=values)}
        (figure,) = draw(ConvergenceOptions(), attrs.evolve(finding, arrays=arrays), None)
        panel = drawn(figure, "Dead units")
        assert [text.get_text() for text in panel.texts if "unit" in text.get_text()] == words
        assert bool(panel.patches) is not bool(words)
