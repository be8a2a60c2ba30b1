"""What the runs of a sweep may import and read: decided once, by the command that starts them, for every process."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

import attrs

from identify_core.errors import IdentifyError
from identify_core.spec import ResolvedSpec, load_stored_spec
from identify_core.spec.layers import read_spec_text
from identify_core.spec.trust import TrustError, names_of, signature_of
from identify_core.sweeps.records import StoredSweep

if TYPE_CHECKING:
    from identify_core.plugins import Registry
    from identify_core.sweeps.combinations import Plan


@attrs.frozen(kw_only=True)
class Trust:
    """What one run of a sweep may import and read.

    Args:
        names: the objects and files, by the names that its spec gives them.
        signature: this user's, of that spec; empty where it names nothing.
    """

    names: tuple[str, ...] = ()
    signature: str = ""


NOTHING = Trust()


def trust_in_plan(plan: Plan, *, warn: Callable[[str], None]) -> dict[int, Trust]:
    """Combination's number to what its run may import and read, which is all that the user's own spec names.

    Args:
        plan: what the user gave.
        warn: told, once, where the user's key cannot be made or used.
    """
    said: list[str] = []
    found = {each.index: _trust(each.spec, said.append) for each in plan.combinations}
    for message in dict.fromkeys(said):
        warn(message)
    return found


def trust_of(sweep: StoredSweep, registry: Registry, trusted: Collection[str]) -> dict[int, Trust]:
    """Combination's number to what its run may import and read; a spec that does not load is left to its run.

    Args:
        sweep: its record, which is data as everything in a store.
        registry: where components are looked up.
        trusted: what `--trust-code` named.

    Raises:
        TrustError: its specs name code or files that neither this user's signature nor the command vouches for.
    """
    found: dict[int, Trust] = {}
    refusals: list[TrustError] = []
    for each in sweep.combinations:
        try:
            spec = load_stored_spec(
                registry,
                read_spec_text(sweep.spec_file(each["index"])),
                owner=f"the sweep {sweep.id}",
                signature=each.get("spec_signature"),
                trusted=trusted,
            )
        except TrustError as error:
            refusals.append(error)
        except IdentifyError:
            continue
        else:
            found[each["index"]] = _trust(spec, lambda _: None)
    if refusals:
        raise TrustError(refusals[0].owner, refusals[0].reason, [name for each in refusals for name in each.named])
    return found


def _trust(spec: ResolvedSpec, warn: Callable[[str], None]) -> Trust:
    names = dict.fromkeys(each.value for each in names_of(spec))
    return Trust(names=tuple(names), signature=signature_of(spec, warn=warn))
