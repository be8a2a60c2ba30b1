"""Hidden states of any module, by its factory and a file of its state, over numbers such as images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from identify_core import Context, Interrupted, MappedColumn, OptionsError, import_named
from identify_homotopy.encoders.tokens import layer_place, pool

if TYPE_CHECKING:
    from identify_homotopy.options.embedding import EmbedOptions


def module_states(
    where: str, options: EmbedOptions, inputs: torch.Tensor | MappedColumn, context: Context
) -> list[torch.Tensor]:
    """Pooled hidden states of a module, one (n, d) a layer that is kept.

    The hidden states are what its children give, in the order in which they are called, and last what it gives itself.

    Args:
        where: `package.module:factory`, and after a `+` the file of its state.
        options: which layers, and how they are pooled.
        inputs: shape (n, ...).
        context: the run's.

    Raises:
        OptionsError: the factory, its file or a layer is missing, or what a layer gives is not one tensor.
        Interrupted: the user asked to stop.
    """
    module = _load(where, context).eval().to(context.device)
    kept: list[list[torch.Tensor]] = [[] for _ in options.layers]
    with context.progress("rows", len(inputs), "rows") as bar, torch.inference_mode():
        for start in range(0, len(inputs), options.batch_size):
            if context.should_stop():
                raise Interrupted("stopped")
            which = slice(start, start + options.batch_size)
            part = inputs.take(which) if isinstance(inputs, MappedColumn) else inputs[which]
            states = _called(module, part.float().to(context.device), where)
            for each, layer in zip(kept, options.layers, strict=True):
                each.append(_pooled(states[layer_place(layer, len(states))], options.pooling).float().cpu())
            bar.advance(len(part))
    return [torch.cat(each) for each in kept]


def _load(where: str, context: Context) -> nn.Module:
    factory, _, file = where.partition("+")
    with context.streams.as_global(f"encoder {where}"):
        try:
            module = import_named(factory, "the factory")()
        except OptionsError:
            raise
        except Exception as error:  # the user's code can fail in any way; the reason is kept
            raise OptionsError(
                f"the factory {factory!r} failed: {type(error).__name__}: {error}",
                hint="it is called without arguments and returns a module",
            ) from error
    if not isinstance(module, nn.Module):
        raise OptionsError(
            f"the factory {factory!r} returned an object of type {type(module).__name__}, not an nn.Module",
            hint="it is called without arguments and returns a module",
        )
    if file:
        try:
            module.load_state_dict(_state(Path(file).expanduser()))
        except Exception as error:  # what a file holds can be wrong in any way; the reason is kept
            raise OptionsError(
                f"the state {file!r} does not fit the module of {factory!r}: {str(error).splitlines()[-1].strip()}",
                hint="save it by torch.save(module.state_dict(), FILE), or as safetensors",
            ) from error
    return module


def _state(file: Path) -> Any:
    if file.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(file)
    return torch.load(file, map_location="cpu", weights_only=True)


def _called(module: nn.Module, rows: torch.Tensor, where: str) -> list[Any]:
    states: list[Any] = []
    hooks = [each.register_forward_hook(lambda _, __, gave: states.append(gave)) for each in module.children()]
    try:
        result = module(rows)
    except Exception as error:  # the user's code can fail in any way; the reason is kept
        raise OptionsError(
            f"the module {where!r} cannot take rows of shape {tuple(rows.shape[1:])}: {type(error).__name__}: {error}",
            hint="choose a dataset whose column x has its shape",
        ) from error
    finally:
        for hook in hooks:
            hook.remove()
    return states if states and states[-1] is result else [*states, result]


def _pooled(state: Any, how: str) -> torch.Tensor:
    """(b, d) as it is; (b, c, h, w) has a state at every place of an image, (b, t, d) one for every token."""
    if not isinstance(state, torch.Tensor) or state.ndim < 2:
        raise OptionsError(
            f"a layer gives {type(state).__name__}, not one tensor of rows", hint="choose another of objective.layers"
        )
    if state.ndim == 2:
        return state
    places = state.flatten(2).transpose(1, 2) if state.ndim > 3 else state
    return pool(places, torch.ones(places.shape[:2], dtype=torch.long, device=places.device), how)
