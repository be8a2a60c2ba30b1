"""Targets: the teacher's function, the study's recipe with its known numbers, and every way in which they can fail."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from identify_core import OptionsError, Shape, SpecError
from identify_core.testing.contexts import make_context
from identify_genni.loss import mean_squared_error, target_energy
from identify_genni.networks.convolutional import build_lenet
from identify_genni.networks.fully_connected import build_batchnorm, build_fcn
from identify_genni.options.networks import BatchNormOptions, FcnOptions, LeNetOptions
from identify_genni.options.targets import DigitsOptions, FunctionOptions, Teacher2020Options, TeacherOptions
from identify_genni.targets import make_digits, make_function, make_teacher, make_teacher_2020

FCN = FcnOptions(bias=False)


def fcn(shape: Shape) -> nn.Module:
    return build_fcn(FCN, shape, None)


def small(**more: object) -> TeacherOptions:
    return TeacherOptions(**{"samples": 64, "held_out": 32, "input_shape": (3,), **more})


def test_targets_are_the_teachers_detached_outputs(tmp_path):
    context = make_context(tmp_path, seed=4, model=fcn)
    samples = make_teacher(small(), context)
    teacher = context.build_model(samples.shape, replicate=None, stream="teacher")
    torch.testing.assert_close(samples.tensor("y"), teacher(samples.tensor("x")).detach())
    assert not samples.tensor("y").requires_grad  # defect B2 of the 2020 code
    assert (samples.shape.inputs, samples.shape.outputs) == ((3,), (1,))


def test_targets_keep_their_kind(tmp_path):
    # Defect B4 of the 2020 code: regression labels became whole numbers on a GPU.
    samples = make_teacher(small(), make_context(tmp_path, model=fcn, dtype=torch.float64)).to("cpu", torch.float32)
    assert samples.tensor("y").dtype is torch.float32
    assert len(samples.tensor("y").unique()) > 32


def test_the_teacher_is_in_evaluation_mode(tmp_path):
    # Defect B5 of the 2020 code: with batch statistics a sample's label depended on the other samples.
    context = make_context(tmp_path, model=lambda shape: build_batchnorm(BatchNormOptions(widths=(8,)), shape, None))
    many, few = (make_teacher(small(samples=count, outputs=2), context) for count in (64, 10))
    torch.testing.assert_close(many.tensor("y")[:10], few.tensor("y")[:10])


def test_other_candidates_of_one_teacher(tmp_path):
    # Defect B1 of the 2020 code: the seed had no effect, every candidate followed the teacher's seed.
    first, second = (
        make_teacher(small(teacher_seed=7, data_seed=7), make_context(tmp_path, seed=seed, model=fcn))
        for seed in (0, 1)
    )
    assert torch.equal(first.tensor("y"), second.tensor("y"))
    networks = [
        make_context(tmp_path, seed=seed, model=fcn).build_model(first.shape, replicate=0).fc_input.weight
        for seed in (0, 1)
    ]
    assert not torch.equal(*networks)
    follows = [make_teacher(small(), make_context(tmp_path, seed=seed, model=fcn)).tensor("y") for seed in (0, 1)]
    assert not torch.equal(*follows)


def test_facts_hold_what_tolerances_are_relative_to(tmp_path):
    samples = make_teacher(small(out_of_distribution=16), make_context(tmp_path, model=fcn))
    for split in ("train", "test", "ood"):
        y = samples.split(split).tensor("y").double()
        assert samples.facts[f"target-variance-{split}"] == pytest.approx(float(y.var(unbiased=False)))
        assert samples.facts[f"target-energy-{split}"] == pytest.approx(float(y.square().mean()))


def test_a_target_can_be_normalised(tmp_path):
    context = make_context(tmp_path, model=fcn)
    plain, scaled, standard = (
        make_teacher(small(normalise=each), context) for each in ("none", "scale", "standardise")
    )
    assert scaled.facts["target-variance-train"] == pytest.approx(1, rel=1e-5)
    assert float(standard.split("train").tensor("y").mean()) == pytest.approx(0, abs=1e-6)
    torch.testing.assert_close(scaled.tensor("y") * scaled.facts["target-spread"], plain.tensor("y"))


class _Constant(nn.Module):
    def __init__(self, value: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(value))

    def forward(self, x):
        return self.weight.expand(len(x), 1)


@pytest.mark.parametrize(("value", "word"), [(0.0, "exactly 0"), (2.0, "constant")])
def test_a_constant_teacher_is_named(tmp_path, value, word):
    context = make_context(tmp_path, model=lambda shape: _Constant(value))
    samples = make_teacher(small(), context)
    assert samples.facts["target-is-constant"] is True
    assert any(f"the teacher is {word} on all training inputs" in warning for warning in context.warnings)
    with pytest.raises(OptionsError, match="cannot be divided by its spread"):
        make_teacher(small(normalise="scale"), context)


def test_a_teacher_that_is_mostly_zero_is_named(tmp_path):
    context = make_context(tmp_path, model=lambda shape: build_lenet(LeNetOptions(head="relu"), shape, None))
    options = Teacher2020Options(samples=512, evaluation=500, input_shape=(1, 28, 28), model_seed=0)
    samples = make_teacher_2020(options, context)
    assert samples.facts["target-zero-part-test"] == pytest.approx(0.9, abs=0.03)
    assert any("exactly 0 on 9" in warning for warning in context.warnings)
    # The released LeNet_Sample run, whose evaluation inputs are these.
    energy = target_energy(samples.split("test").tensor("y"), reduction="batch-mean", centred=False)
    assert float(energy) == pytest.approx(5.4411e-6, rel=1e-4)


def test_targets_that_are_not_finite_are_refused(tmp_path):
    with pytest.raises(OptionsError, match="gives 96 values that are not finite"):
        make_teacher(small(), make_context(tmp_path, model=lambda shape: _Constant(float("nan"))))


def test_the_study_s_recipe_gives_the_released_numbers(tmp_path):
    # Section 2.6 of the study's analysis: the FCN_Sample run.
    samples = make_teacher_2020(Teacher2020Options(), make_context(tmp_path, model=fcn))
    train, test = samples.split("train"), samples.split("test")
    assert (len(train), len(test)) == (16384, 500)
    energy = target_energy(test.tensor("y"), reduction="batch-mean", centred=False)
    assert float(energy) == pytest.approx(1.587330e-4, rel=1e-6)
    x = test.tensor("x").double()
    zero = torch.zeros_like(x)
    m_plus = mean_squared_error(x.clamp(min=0), zero, reduction="batch-mean")
    m_minus = mean_squared_error(x.clamp(max=0), zero, reduction="batch-mean")
    assert float(m_plus) == pytest.approx(0.4710545, abs=1e-7)
    assert float(m_minus) == pytest.approx(0.5724532, abs=1e-7)
    ratio = test.tensor("y") / test.tensor("x")
    assert float(ratio[test.tensor("x") > 0].abs().max()) == 0
    torch.testing.assert_close(ratio[test.tensor("x") < 0].median(), torch.tensor(0.0166519), rtol=0, atol=1e-7)
    # Its evaluation inputs are training inputs but for the last 16, which torch draws again.
    assert torch.equal(test.tensor("x")[:484], train.tensor("x")[:484])
    assert not torch.equal(test.tensor("x")[484:], train.tensor("x")[484:500])


def test_the_recipe_leaves_the_global_generator_alone(tmp_path):
    torch.manual_seed(1)
    expected = torch.randn(2)
    torch.manual_seed(1)
    make_teacher_2020(Teacher2020Options(samples=20, evaluation=20), make_context(tmp_path, model=fcn))
    assert torch.equal(torch.randn(2), expected)


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_teacher_from_a_file(tmp_path, suffix, wrapped):
    context = make_context(tmp_path, model=fcn)
    teacher = fcn(Shape(inputs=(3,), outputs=(1,)))
    path = tmp_path / f"teacher{suffix}"
    if suffix == ".pt":
        state = dict(teacher.state_dict())
        torch.save({"model_name": "SimpleNet", "model_state_dict": state} if wrapped else state, path)
    else:
        save_file(teacher.state_dict(), path)
    samples = make_teacher(small(teacher_file=str(path)), context)
    torch.testing.assert_close(samples.tensor("y"), teacher(samples.tensor("x")).detach())


def test_a_file_with_code_in_it_runs_nothing(tmp_path):
    torch.save(_Trap(tmp_path / "sprung"), tmp_path / "teacher.pt")
    with pytest.raises(OptionsError, match="holds no weights that can be read safely"):
        make_teacher(small(teacher_file=str(tmp_path / "teacher.pt")), make_context(tmp_path, model=fcn))
    assert not (tmp_path / "sprung").exists()


class _Trap:
    def __init__(self, path) -> None:
        self.path = path

    def __reduce__(self):
        return (type(self.path).touch, (self.path,))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no file"),
        (b"no weights", "holds no weights that can be read safely"),
        ({"fc_input.weight": torch.zeros(2, 3)}, "it lacks fc_final.weight"),
        (
            {"fc_input.weight": torch.zeros(2, 3), "fc_final.weight": torch.zeros(1, 2), "more": torch.zeros(1)},
            "it has besides more",
        ),
        (
            {"fc_input.weight": torch.zeros(5, 3), "fc_final.weight": torch.zeros(1, 5)},
            r"fc_input.weight has the shape \(5, 3\) instead of \(2, 3\)",
        ),
        ([torch.zeros(3)], "something else than a state dict"),
    ],
)
def test_files_that_do_not_fit_are_told(tmp_path, content, message):
    path = tmp_path / "teacher.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(OptionsError, match=message):
        make_teacher(small(teacher_file=str(path)), make_context(tmp_path, model=fcn))


class _Run:
    def __init__(self, weights) -> None:
        self._weights = weights

    def weights(self):
        return self._weights


def test_a_teacher_from_a_stored_run(tmp_path):
    networks = [fcn(Shape(inputs=(3,), outputs=(1,))) for _ in range(3)]
    stacked = {
        f"parameters/{name}": np.stack([network.state_dict()[name].numpy() for network in networks])
        for name in networks[0].state_dict()
    }
    context = make_context(tmp_path, model=fcn, open_run=lambda reference: _Run(stacked))
    samples = make_teacher(small(teacher_run="@last", teacher_replicate=2), context)
    torch.testing.assert_close(samples.tensor("y"), networks[2](samples.tensor("x")).detach())
    with pytest.raises(OptionsError, match="has the replicates 0 to 2"):
        make_teacher(small(teacher_run="@last", teacher_replicate=3), context)
    empty = make_context(tmp_path, model=fcn, open_run=lambda reference: _Run({}))
    with pytest.raises(OptionsError, match="holds no weights"):
        make_teacher(small(teacher_run="@last"), empty)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"teacher_run": "a", "teacher_file": "b"}, "there is one teacher"),
        ({"teacher_seed": 1, "teacher_file": "b"}, "of no use to a teacher whose weights are given"),
        ({"scale": 0.0}, "scale must be above 0"),
        ({"degrees_of_freedom": 2.0}, "degrees_of_freedom must be above 2"),
        ({"input_shape": ()}, "input_shape must not be empty"),
    ],
)
def test_options_that_do_not_go_together_are_told(options, message):
    with pytest.raises(ValueError, match=message):
        TeacherOptions(**options)


@pytest.fixture
def own_code(monkeypatch):
    module = types.ModuleType("own_functions")
    module.square = lambda x, factor=1.0: factor * x.square().sum(1)
    module.broken = lambda x: 1 / 0
    module.number = lambda x: 3.0
    module.infinite = lambda x: x[:, :1] / 0
    monkeypatch.setitem(sys.modules, "own_functions", module)


def test_any_function_can_be_the_target(tmp_path, own_code):
    options = FunctionOptions(
        function="own_functions:square", arguments={"factor": 2.0}, samples=40, held_out=10, input_shape=(3,)
    )
    samples = make_function(options, make_context(tmp_path))
    torch.testing.assert_close(samples.tensor("y"), 2 * samples.tensor("x").square().sum(1, keepdim=True))


@pytest.mark.parametrize(
    ("function", "more", "message"),
    [
        ("own_functions:nothing", {}, "the target function 'own_functions:nothing' cannot be imported"),
        ("own_functions:broken", {}, "failed: ZeroDivisionError"),
        ("own_functions:number", {}, "of type float, not a tensor"),
        ("own_functions:square", {"outputs": 2}, r"instead of \(40, 2\)"),
        ("own_functions:infinite", {}, "values that are not finite"),
    ],
)
def test_functions_that_do_not_fit_are_told(tmp_path, own_code, function, more, message):
    options = FunctionOptions(function=function, samples=30, held_out=10, **more)
    with pytest.raises(SpecError, match=message):
        make_function(options, make_context(tmp_path))


def test_digits_are_labelled_by_their_own_labels(tmp_path):
    samples = make_digits(DigitsOptions(), make_context(tmp_path))
    digit = samples.factors["digit"].values
    assert (samples.shape.inputs, samples.shape.outputs) == ((64,), (10,))
    assert np.array_equal(samples.tensor("y").argmax(1).numpy(), digit)
    assert torch.equal(samples.tensor("y").sum(1), torch.ones(1797))
    assert float(samples.tensor("x").min()) == 0
    assert float(samples.tensor("x").max()) == 1
    train, test = samples.splits["train"], samples.splits["test"]
    assert len(np.union1d(train, test)) == 1797 == len(train) + len(test)
    counts = np.bincount(digit[test], minlength=10) / np.bincount(digit, minlength=10)
    assert np.abs(counts - 0.25).max() < 0.01
    value = make_digits(DigitsOptions(target="value", images=True), make_context(tmp_path))
    assert (value.shape.inputs, value.shape.outputs) == ((1, 8, 8), (1,))
    torch.testing.assert_close(9 * value.tensor("y")[:, 0], torch.from_numpy(digit).float())


@pytest.mark.parametrize("reference", ["../../x", "/etc/passwd", "a/b", "..", "a..b", "a\\b", "a\nb"])
def test_a_teacher_is_a_run_of_the_store(reference: str) -> None:
    with pytest.raises(OptionsError, match="a run's id, its beginning, its name or @last"):
        TeacherOptions(teacher_run=reference)


@pytest.mark.parametrize("reference", ["", "@last", "20261130-222708-smoke-10af", "20261130-", "fcn_1.5", "smoke."])
def test_a_reference_to_a_teacher(reference: str) -> None:
    assert TeacherOptions(teacher_run=reference).teacher_run == reference
