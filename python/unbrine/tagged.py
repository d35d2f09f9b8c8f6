"""A node of the document that a key marks."""

from __future__ import annotations

from typing import Any, Dict, NamedTuple

from .errors import Where

PENDING = object()  # in place of a value that waits for its parts


class Tagged(NamedTuple):
    key: str  # "$deque"
    content: Any  # what stands under it
    beside: Dict[str, Any]  # its companions: {"maxlen": 5}
    where: Where
