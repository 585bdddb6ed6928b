"""Frozen dataclasses to plain JSON values and back, exactly (no rounding).

Recordings, saved policies and alert states must come back as they were: a replay that differs in the
tenth decimal is a different run. Standard library only.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from typing import Any, TypeVar

T = TypeVar("T")


def encode(value: Any) -> Any:
    """Dataclasses become dicts, tuples become lists; everything else is returned as it is."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: encode(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, (tuple, list)):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {key: encode(item) for key, item in value.items()}
    return value


def decode(cls: type[T], data: Any) -> T:
    """The dataclass ``cls`` that :func:`encode` turned into ``data``.

    Missing fields take their defaults, so that older recordings still open.

    Raises:
        ValueError: ``data`` is not a dict, or names a field that ``cls`` does not have.
    """
    if not isinstance(data, dict):
        raise ValueError(f"{cls.__name__}: expected a JSON object; got {type(data).__name__}")
    hints = _hints(cls)
    unknown = sorted(set(data) - set(hints))
    if unknown:
        raise ValueError(f"{cls.__name__}: unknown field {', '.join(unknown)}; expected {', '.join(hints)}")
    return cls(**{name: _decode_as(hints[name], item) for name, item in data.items()})


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    known = typing.get_type_hints(cls)
    return {item.name: known[item.name] for item in dataclasses.fields(cls)}


def _decode_as(hint: Any, item: Any) -> Any:
    origin = typing.get_origin(hint)
    if item is None:
        return None
    if origin in (types.UnionType, typing.Union):
        chosen = next(part for part in typing.get_args(hint) if part is not type(None))
        return _decode_as(chosen, item)
    if origin is tuple:
        parts = typing.get_args(hint)
        if len(parts) == 2 and parts[1] is Ellipsis:
            return tuple(_decode_as(parts[0], each) for each in item)
        return tuple(_decode_as(part, each) for part, each in zip(parts, item, strict=True))
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return decode(hint, item)
    return item
