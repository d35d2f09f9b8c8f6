"""What goes wrong with a folder that is read back."""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, List, NoReturn, Tuple, Union

STATE = "state.json"


class TreeError(ValueError):
    """The folder is no tree, or is damaged: says in which file, where, and what is wrong."""


def fail(file: str, what: str, place: str = "") -> NoReturn:
    """Raises the TreeError "file: place: what"."""
    raise TreeError(": ".join(part for part in (file, place, what) if part))


def quoted(text: object) -> str:
    """Text from a file as it may stand in a message: escaped, and not too long."""
    shown = ascii(text) if isinstance(text, str) else f"a {type(text).__name__}"
    return shown if len(shown) <= 80 else shown[:76] + "...'"


# Where a value stands in state.json: (where its container stands, key or position), or a root.
Where = Union[str, Tuple["Where", Union[str, int]]]

_MAX_PARTS = 12


def place_text(where: Where) -> str:
    """ "tree['optimizer'][0]"; of a long path the end."""
    parts: List[str] = []
    while not isinstance(where, str):
        where, part = where
        if len(parts) < _MAX_PARTS:
            parts.append(f"[{part if isinstance(part, int) else quoted(part)}]")
        elif len(parts) == _MAX_PARTS:
            parts.append("...")
    return where + "".join(reversed(parts))


def fail_at(where: Where, what: str) -> NoReturn:
    fail(STATE, what, place_text(where))


def require_keys(node: Dict[str, Any], known: FrozenSet[str], where: Where) -> None:
    for key in node:
        if key not in known:
            fail_at(where, f"{quoted(key)} is not known here")
