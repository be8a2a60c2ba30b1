"""Folders of the 2020 code: written here in its layout, read back safely, and runs like any other afterwards."""

from __future__ import annotations

import json
import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from identify_core import Shape, Store, StoredRun, UsageError, run_command_line
from identify_genni.legacy.folder import find_grids, read_runs
from identify_genni.legacy.grids import grid_finding
from identify_genni.legacy.restricted import read_pickled_array, read_tagged_yaml
from identify_genni.legacy.specs import spec_table
from identify_genni.networks.fully_connected import build_fcn
from identify_genni.options.networks import FcnOptions

RUN = "1604791948.6427572"
CONFIG = {
    "batch_size": 256,
    "data_meta": {"N": 512, "inp_dim": 1, "out_dim": 1},
    "device": "cpu",
    "learning_rate": 0.015,
    "mean_loss_threshold": None,
    "model_seed": 10,
    "momentum": 0,
    "net_name": "SimpleNet",
    "net_params": [1, 1, 2, 1, False],
    "num_nets": 3,
    "num_steps": 40,
    "optimizer": "SGD",
    "print_stat_freq": 25,
    "save_model_freq": 25,
    "seed": 0,
}
STEPS = (0, 1, 26, 41)


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    """An experiment as the 2020 code leaves it; 11 networks, so that names sort otherwise than numbers."""
    folder = tmp_path / "FCN_Sample"
    (folder / "runs" / RUN).mkdir(parents=True)
    (folder / "runs" / RUN / "config.yml").write_text(yaml.dump(CONFIG, default_flow_style=False))
    torch.manual_seed(10)
    shape = Shape(inputs=(1,), outputs=(1,))
    teacher = build_fcn(FcnOptions(bias=False), shape, None)
    x = torch.randn(512, 1)
    y = teacher(x).detach()
    networks = [build_fcn(FcnOptions(bias=False), shape, None) for _ in range(11)]
    optimisers = [torch.optim.SGD(net.parameters(), lr=0.015) for net in networks]
    _save(folder, 0, networks)
    for step in range(1, 41):
        batch = slice(256 * ((step - 1) % 2), 256 * ((step - 1) % 2) + 256)
        for net, optimiser in zip(networks, optimisers, strict=True):
            optimiser.zero_grad()
            torch.nn.functional.mse_loss(net(x[batch]), y[batch]).backward()
            optimiser.step()
        if step % 25 == 1:
            _save(folder, step, networks)
    _save(folder, 41, networks)
    _write_grid(folder, networks)
    return folder


def _save(folder: Path, step: int, networks: list) -> None:
    place = folder / "models" / RUN / f"step_{step}"
    place.mkdir(parents=True)
    for number, net in enumerate(networks):
        state = OrderedDict((name, value.clone()) for name, value in net.state_dict().items())
        content = {"model_name": "SimpleNet", "model_params": CONFIG["net_params"], "model_state_dict": state}
        torch.save(content, place / f"model_{number}.pt")


def _write_grid(folder: Path, networks: list) -> None:
    place = folder / "postprocessing" / "2d_loss" / "Dec10_16-28-28"
    place.mkdir(parents=True)
    with (place / "data.pkl").open("wb") as file:
        pickle.dump(np.arange(16.0).reshape(4, 4), file)
    # As in the released files: views of one K × P storage, strided.
    columns = torch.linalg.qr(torch.randn(4, 2))[0]
    meta = {
        "basis_coordinates": [[-1.5, 0.0], [-1.25, -0.4]],
        "basis_losses": [4.9e-5, 2.1e-4],
        "basis_orthonorm_vectors": [columns[:, 0], columns[:, 1]],
        "basis_vectors": {"model_idxs": (1, 2), "steps": [41, 41]},
        "center": {"idx": 0, "step": 41},
        "center_coordinates": [[0, 0]],
        "center_loss": 6.75e-11,
        "data_points": 500,
        "grid_bound": [-2, 2],
        "num_inter_models": 4,
    }
    (place / "meta.yml").write_text(yaml.dump(meta))
    np.save(folder / "columns.npy", columns.numpy())


@pytest.fixture
def imported(experiment: Path, capsys):
    """Import the experiment from the command line."""

    def do(*more: str) -> tuple[StoredRun, str]:
        store = experiment.parent / "store"
        command = ["genni", "import-legacy", str(experiment), "--store", str(store), "--json", *more]
        assert run_command_line(command) == 0
        said = capsys.readouterr()
        (identifier,) = json.loads(said.out)["runs"].values()
        return Store(store).open(identifier), said.err

    return do


def test_an_experiment_becomes_a_run(experiment, imported):
    run, said = imported()
    assert "1 cached grids are left out" in said
    assert run.status == "finished"
    weights = run.weights()
    last = read_runs(experiment)[0].states[41]
    assert len(last) == 11
    for number, state in enumerate(last):
        for name, value in state.items():
            assert np.array_equal(weights[f"parameters/{name}"][number], value.numpy())
    assert set(run.latents) == {"hidden-1", "outputs"}
    steps, relative = run.history()["metric"]
    assert steps.tolist() == [0, 1, 26, 40]
    assert relative.shape == (4, 11)
    checkpoints = run.findings["checkpoints"].finding
    assert checkpoints.arrays["parameters"].values.shape == (4, 11, 4)
    assert [row[:2] for row in checkpoints.tables["steps"].rows] == [(0, 0), (1, 1), (26, 26), (41, 40)]
    # The documented order of draws gives the first candidates again.
    assert checkpoints.scalars["drawn-again-difference"] == 0
    assert run.findings["outcome"].finding.tables["replicates"].rows[0][0] == 0


def test_an_imported_run_is_evaluated_like_any_other(experiment, imported):
    run, _ = imported()
    store = str(experiment.parent / "store")
    assert run_command_line(["evaluate", run.id, "--evaluator", "convergence", "--store", store, "--quiet"]) == 0
    again = Store(experiment.parent / "store").open(run.id)
    assert again.findings["convergence"].finding.arrays["relative"].values.shape == (4, 11)


def test_training_again_gives_the_saved_weights(experiment, imported):
    run, _ = imported()
    store = str(experiment.parent / "store")
    spec = str(run.folder / "spec.toml")
    assert run_command_line(["run", "genni", "--spec", spec, "--store", store, "--quiet"]) == 0
    trained = Store(experiment.parent / "store").open("@last").weights()
    for name, values in run.weights().items():
        np.testing.assert_allclose(trained[name], values, atol=3e-7)


def test_cached_grids_come_with_trust(experiment, imported):
    run, _ = imported("--trust")
    finding = run.findings["grid-2d_loss-Dec10_16-28-28"].finding
    assert np.array_equal(finding.arrays["J"].values, np.arange(16.0).reshape(4, 4))
    assert finding.arrays["J"].dimensions == ("c2", "c1")
    assert finding.arrays["axis"].values.tolist() == np.linspace(-2, 2, 4).tolist()
    assert np.array_equal(finding.arrays["basis"].values, np.load(experiment / "columns.npy").T)
    assert finding.arrays["basis-losses"].values.tolist() == [4.9e-5, 2.1e-4]
    assert finding.conventions["directions"] == "through networks 1, 2"


class _Trap:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (type(self.path).touch, (self.path,))


def test_nothing_in_a_folder_is_ever_run(experiment, tmp_path):
    sprung = tmp_path / "sprung"
    place = experiment / "postprocessing" / "2d_loss" / "Dec10_16-28-28"
    (place / "data.pkl").write_bytes(pickle.dumps(_Trap(sprung)))
    with pytest.raises(UsageError, match="which is not part of an array"):
        read_pickled_array(place / "data.pkl")
    (place / "meta.yml").write_text(f"grid_bound: !!python/object/apply:os.mkdir ['{sprung}']\n")
    with pytest.raises(UsageError, match="cannot be read safely"):
        read_tagged_yaml(place / "meta.yml")
    inner = yaml.dump({"basis": [1]}) + "x: !!python/object/apply:torch.storage._load_from_bytes\n- !!binary |\n  "
    import base64

    (place / "meta.yml").write_text(
        inner + base64.b64encode(pickle.dumps(_Trap(sprung))).decode().replace("\n", "") + "\n"
    )
    with pytest.raises(UsageError, match="cannot be read safely"):
        read_tagged_yaml(place / "meta.yml")
    torch.save(_Trap(sprung), experiment / "models" / RUN / "step_0" / "model_0.pt")
    with pytest.raises(UsageError, match="holds no network that can be read safely"):
        read_runs(experiment)
    (experiment / "runs" / RUN / "config.yml").write_text(f"seed: !!python/object/apply:os.mkdir ['{sprung}']\n")
    with pytest.raises(UsageError, match=r"config.yml cannot be read"):
        read_runs(experiment)
    assert not sprung.exists()


def _break(experiment: Path, how: str) -> None:
    models, config = experiment / "models" / RUN, experiment / "runs" / RUN / "config.yml"
    if how == "no models":
        models.parent.rename(experiment / "elsewhere")
    elif how == "no config":
        config.unlink()
    elif how == "config without a network":
        config.write_text(yaml.dump({key: value for key, value in CONFIG.items() if key != "net_name"}))
    elif how == "a gap":
        (models / "step_1" / "model_4.pt").unlink()
    elif how == "fewer networks":
        (models / "step_1" / "model_10.pt").unlink()
    elif how == "no steps":
        for step in STEPS:
            (models / f"step_{step}").rename(models / f"saved_{step}")
    elif how == "no state":
        torch.save({"model_name": "SimpleNet"}, models / "step_1" / "model_4.pt")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("no models", "holds no folder models/"),
        ("no config", "config.yml cannot be read"),
        ("config without a network", "it lacks net_name"),
        ("a gap", "without a gap"),
        ("fewer networks", "different numbers of networks"),
        ("no steps", "holds no folders step_0"),
        ("no state", "holds no network that can be read safely"),
    ],
)
def test_folders_of_another_layout_are_told(experiment, how, message):
    _break(experiment, how)
    with pytest.raises(UsageError, match=message):
        read_runs(experiment)


def test_a_run_that_is_not_there_is_told(experiment):
    with pytest.raises(UsageError, match=f"holds no run 'nothing'; it holds {RUN}"):
        read_runs(experiment, "nothing")


def test_weights_that_do_not_fit_are_told(experiment, capsys):
    config = {**CONFIG, "net_params": [1, 1, 3, 1, False]}
    (experiment / "runs" / RUN / "config.yml").write_text(yaml.dump(config))
    store = str(experiment.parent / "store")
    assert run_command_line(["genni", "import-legacy", str(experiment), "--store", store]) == 2
    assert "network 0 of step_0 does not fit SimpleNet" in " ".join(capsys.readouterr().err.split())


def test_a_grid_that_its_settings_do_not_explain_is_told(experiment):
    (grid,) = find_grids(experiment)
    meta = grid.meta.read_text().replace("num_inter_models: 4", "num_inter_models: 5")
    grid.meta.write_text(meta)
    with pytest.raises(UsageError, match=r"has the shape \(4, 4\), which its meta.yml does not explain"):
        grid_finding(grid)


@pytest.mark.parametrize(
    ("name", "arguments", "table"),
    [
        ("SimpleNet", [12, 1, 2, 3, True], {"type": "fcn", "width": 2, "num_layers": 3, "bias": True}),
        ("LinearNet", [12, 1], {"type": "linear"}),
        ("BatchNormSimpleNet", [12, 1], {"type": "batchnorm"}),
        ("LeNet", [28, 28, 1, 1], {"type": "lenet", "head": "relu"}),
        ("KeskarC3", [12, 12, 1, 1], {"type": "keskar-c3"}),
    ],
)
def test_every_architecture_of_the_study_has_its_model(name, arguments, table):
    spec = spec_table({**CONFIG, "net_name": name, "net_params": arguments}, name="x", networks=2)
    assert spec["model"] == table
    assert len(spec["dataset"]["input_shape"]) == (3 if name in ("LeNet", "KeskarC3") else 1)


def test_other_architectures_and_settings_are_told():
    with pytest.raises(UsageError, match="'ResNet' is none of the study's"):
        spec_table({**CONFIG, "net_name": "ResNet"}, name="x", networks=2)
    with pytest.raises(UsageError, match="is incomplete: KeyError: 'batch_size'"):
        spec_table({key: value for key, value in CONFIG.items() if key != "batch_size"}, name="x", networks=2)
