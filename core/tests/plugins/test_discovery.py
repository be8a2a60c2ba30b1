"""Statuses from metadata alone: no plugin module exists in most of these tests, so none can be imported."""

from __future__ import annotations

import sys

import pytest

from identify_core import __version__
from identify_core.errors import PluginError, UsageError
from identify_core.plugins.discovery import discover, refuse_unusable, unmet_requirements
from identify_core.plugins.status import PluginStatus
from identify_core.testing.fixtures import InstallDistribution


def found(name: str, disabled: tuple[str, ...] = ()) -> list[PluginStatus]:
    return [plugin for plugin in discover(disabled) if plugin.name == name]


@pytest.mark.usefixtures("project")
def test_a_plugin_is_found_without_importing_it(install_distribution: InstallDistribution) -> None:
    install_distribution("probe-plugin", version="2.1", plugins={"probe": "probe_plugin"})
    assert found("probe") == [
        PluginStatus(
            name="probe", module="probe_plugin", distribution="probe-plugin", version="2.1", summary="A probe."
        )
    ]
    assert "probe_plugin" not in sys.modules


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("word", ["probe", "probe-plugin", "Probe_Plugin"])
def test_it_is_disabled_by_its_own_or_its_distributions_name(
    install_distribution: InstallDistribution, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_distribution("probe-plugin", plugins={"probe": "probe_plugin"})
    monkeypatch.setenv("IDENTIFY_DISABLE_PLUGINS", word)
    (plugin,) = found("probe")
    assert plugin.status == "disabled"
    assert "IDENTIFY_DISABLE_PLUGINS" in plugin.reason


@pytest.mark.usefixtures("project")
def test_a_flag_that_names_no_plugin_is_refused(install_distribution: InstallDistribution) -> None:
    install_distribution("probe-plugin", plugins={"probe": "probe_plugin"})
    assert found("probe", ("probe",))[0].reason == "disabled by --disable-plugin"
    with pytest.raises(UsageError, match="no plugin 'prob' to disable") as raised:
        discover(["prob"])
    assert raised.value.hint == "did you mean 'probe'?"


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("requirement", "status"),
    [
        ("identify-core>=99", "incompatible"),
        ("identify_core[plotly] <0.0.1", "incompatible"),
        ("identify-core==0.0.*", "incompatible"),
        ("identify-core~=99.0", "incompatible"),
        (f"IDENTIFY.Core!={__version__}", "incompatible"),
        (f"identify-core>{__version__}", "incompatible"),
        (f"identify-core (<{__version__})", "incompatible"),
        (f"identify-core>={__version__}", "available"),
        (f"identify-core=={__version__}", "available"),
        ("identify-core>=0.0.1a1,<99", "available"),
        ("identify-core>=99; python_version >= '3'", "incompatible"),
        ("identify-core>=99; python_version < '3'", "available"),
        ("identify-core>=99; extra == 'docs'", "available"),
        ("identify-core @ file:///somewhere", "available"),
        ("identify-core", "available"),
        ("identify-corely>=99", "available"),
        ("identify-core >= what", "broken"),
    ],
)
def test_the_required_core_is_judged_from_metadata(
    install_distribution: InstallDistribution, requirement: str, status: str
) -> None:
    install_distribution("probe-plugin", plugins={"probe": "probe_plugin"}, requires=["numpy", requirement])
    (plugin,) = found("probe")
    assert plugin.status == status
    if status == "incompatible":
        assert "probe-plugin 1.0 requires identify-core" in plugin.reason
        assert "is running" in plugin.reason
    if status == "broken":
        assert "its metadata are wrong: Requires-Dist" in plugin.reason


@pytest.mark.usefixtures("project")
def test_every_bound_on_the_core_counts(install_distribution: InstallDistribution) -> None:
    install_distribution(
        "probe-plugin", plugins={"probe": "probe_plugin"}, requires=["identify-core>=0.0.1", "identify-core>=99"]
    )
    assert [each.status for each in found("probe")] == ["incompatible"]


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(("running", "status"), [("0.2.0.dev3", "available"), ("0.3.0rc1", "incompatible")])
def test_a_core_under_development_counts_as_its_version(
    install_distribution: InstallDistribution, monkeypatch: pytest.MonkeyPatch, running: str, status: str
) -> None:
    monkeypatch.setattr("identify_core.plugins.discovery.__version__", running)
    install_distribution("probe-plugin", plugins={"probe": "probe_plugin"}, requires=["identify-core>=0.1,<0.2.5"])
    assert [each.status for each in found("probe")] == [status]


@pytest.mark.usefixtures("project")
def test_help_may_leave_the_requirements_unread(install_distribution: InstallDistribution) -> None:
    install_distribution("probe-plugin", plugins={"probe": "probe_plugin"}, requires=["identify-core>=99"])
    assert [each.status for each in discover(check_requirements=False) if each.name == "probe"] == ["available"]


@pytest.mark.usefixtures("project")
def test_a_name_that_specs_could_not_write_is_broken(install_distribution: InstallDistribution) -> None:
    install_distribution("probe-plugin", plugins={"Probe_1": "probe_plugin"})
    assert found("Probe_1")[0].status == "broken"
    assert "lower-case words joined by hyphens" in found("Probe_1")[0].reason


@pytest.mark.usefixtures("project")
def test_an_entry_point_that_names_no_module_is_broken(install_distribution: InstallDistribution) -> None:
    install_distribution("probe-plugin", plugins={"probe": "not a module!"})
    (plugin,) = found("probe")
    assert plugin.status == "broken"
    assert plugin.reason == "its entry point 'not a module!' must be 'package.module' or 'package.module:object'"


@pytest.mark.usefixtures("project")
def test_entry_points_that_are_no_table_break_their_distribution_alone(
    install_distribution: InstallDistribution,
) -> None:
    site = install_distribution("probe-plugin")
    (site / "probe_plugin-1.0.dist-info" / "entry_points.txt").write_text("[identify]\nrubbish\n")
    install_distribution("sound-plugin", plugins={"sound": "sound_plugin"})
    (plugin,) = found("probe-plugin")
    assert plugin.status == "broken"
    assert plugin.reason.startswith("its entry_points.txt cannot be read: ")
    assert [each.status for each in found("sound")] == ["available"]


@pytest.mark.usefixtures("project")
def test_two_owners_of_one_name_shadow_each_other_in_one_order(install_distribution: InstallDistribution) -> None:
    install_distribution("b-plugin", version="2.0", plugins={"probe": "b_plugin"})
    install_distribution("a-plugin", plugins={"probe": "a_plugin"})
    plugins = found("probe")
    assert [(each.distribution, each.status) for each in plugins] == [
        ("a-plugin", "shadowed"),
        ("b-plugin", "shadowed"),
    ]
    assert {each.reason for each in plugins} == {"the name 'probe' belongs to a-plugin 1.0 and b-plugin 2.0"}


@pytest.mark.usefixtures("project")
def test_switching_one_owner_off_gives_the_other_the_name(install_distribution: InstallDistribution) -> None:
    install_distribution("b-plugin", plugins={"probe": "b_plugin"})
    install_distribution("a-plugin", plugins={"probe": "a_plugin"})
    assert [each.status for each in found("probe", ("a-plugin",))] == ["disabled", "available"]


@pytest.mark.usefixtures("project")
def test_an_incompatible_owner_shadows_nobody(install_distribution: InstallDistribution) -> None:
    install_distribution("b-plugin", plugins={"probe": "b_plugin"}, requires=["identify-core>=99"])
    install_distribution("a-plugin", plugins={"probe": "a_plugin"})
    assert [each.status for each in found("probe")] == ["available", "incompatible"]


@pytest.mark.usefixtures("project")
def test_of_two_copies_of_one_distribution_the_first_on_the_path_counts(
    install_distribution: InstallDistribution,
) -> None:
    install_distribution("probe-plugin", version="1.0", plugins={"probe": "old", "gone": "old"}, folder="late")
    install_distribution("probe-plugin", version="2.0", plugins={"probe": "new"}, folder="early")
    assert [(each.version, each.status) for each in found("probe")] == [("2.0", "available")]
    assert found("gone") == []


@pytest.mark.usefixtures("project")
def test_a_newer_copy_without_the_plugin_hides_an_older_one_with_it(install_distribution: InstallDistribution) -> None:
    install_distribution("probe-plugin", version="1.0", plugins={"probe": "old"}, folder="late")
    site = install_distribution("probe-plugin", version="2.0", folder="early")
    (site / "probe_plugin-2.0.dist-info" / "entry_points.txt").unlink()
    assert found("probe") == []


@pytest.mark.usefixtures("project")
def test_metadata_that_cannot_be_read_stop_nobody(install_distribution: InstallDistribution) -> None:
    install_distribution("no-metadata", plugins={"ghost": "ghost"}, metadata="")
    site = install_distribution("odd-bytes", plugins={"odd": "odd"})
    (site / "odd_bytes-1.0.dist-info" / "entry_points.txt").write_bytes(b"[identify]\n\xff\xfe = x\n")
    site = install_distribution("odd-metadata", plugins={"strange": "strange"})
    (site / "odd_metadata-1.0.dist-info" / "METADATA").write_bytes(b"Name: \xff\xfe\n")
    install_distribution("probe-plugin", plugins={"probe": "probe_plugin"})
    assert [each.status for each in found("probe")] == ["available"]
    assert found("ghost") == []


@pytest.mark.usefixtures("project")
def test_strictness_names_every_plugin_that_cannot_be_used(install_distribution: InstallDistribution) -> None:
    install_distribution("a-plugin", plugins={"old": "a"}, requires=["identify-core>=99"])
    install_distribution("b-plugin", plugins={"Bad": "b", "off": "b"})
    plugins = discover(["off"])
    with pytest.raises(PluginError, match=r"Bad is broken: .*; old is incompatible: ") as raised:
        refuse_unusable(plugins)
    assert "off" not in raised.value.message.split()
    refuse_unusable([each for each in plugins if each.status in ("available", "disabled")])


@pytest.mark.usefixtures("project")
def test_unmet_requirements_are_said(install_distribution: InstallDistribution) -> None:
    requires = ["attrs<1", "nowhere-to-be-found>=1", "click", "absent; extra == 'x'", "other; python_version < '3'"]
    install_distribution("probe-plugin", plugins={"probe": "probe_plugin"}, requires=requires)
    mine = [text for text in unmet_requirements() if text.startswith("probe-plugin")]
    assert len(mine) == 2
    assert mine[0].startswith("probe-plugin 1.0 requires attrs <1, but ")
    assert mine[1] == "probe-plugin 1.0 requires nowhere-to-be-found, which is not installed"
