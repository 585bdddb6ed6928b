"""One slot per session, served round robin: the newest frame wins, and no session waits behind another."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class FairMailbox(Generic[Item]):
    """A one-slot mailbox for each key, shared by one consumer.

    ``put`` replaces an item that still waits and returns the replaced one, so that the caller can answer it.
    ``take`` hands out the key that has waited longest since it was last served.
    """

    def __init__(self) -> None:
        self._waiting: OrderedDict[Hashable, Item] = OrderedDict()
        self._ready = threading.Condition()
        self._closed = False

    def put(self, key: Hashable, item: Item) -> Item | None:
        """Leave ``item`` for ``key``; returns the item it replaced, if one was still waiting.

        A closed mailbox keeps nothing: ``item`` itself comes back, so that it gets its answer too.
        """
        with self._ready:
            if self._closed:
                return item
            replaced = self._waiting.get(key)
            self._waiting[key] = item  # a replaced item keeps its place in the round
            self._ready.notify()
            return replaced

    def take(self, timeout_s: float) -> tuple[Hashable, Item] | None:
        """The next key's item, or None when nothing came within ``timeout_s`` or the mailbox was closed."""
        taken = self.take_some(1, 0.0, timeout_s)
        return taken[0] if taken else None

    def take_some(self, most: int, gather_s: float, timeout_s: float) -> list[tuple[Hashable, Item]]:
        """The next items of up to ``most`` different keys, in turn.

        Once there is one, others are waited for, but no longer than ``gather_s``. Empty when nothing came within
        ``timeout_s`` or the mailbox was closed.
        """
        with self._ready:
            if not self._waiting and not self._closed:
                self._ready.wait(timeout_s)
            if not self._waiting:
                return []
            ends = time.monotonic() + gather_s
            while len(self._waiting) < most and not self._closed:
                left_s = ends - time.monotonic()
                if left_s <= 0.0 or not self._ready.wait(left_s):
                    break
            return [self._waiting.popitem(last=False) for _ in range(min(most, len(self._waiting)))]

    def discard(self, key: Hashable) -> Item | None:
        """Remove what waits for ``key`` (its session ended) and return it."""
        with self._ready:
            return self._waiting.pop(key, None)

    def drain(self, visit: Callable[[Hashable, Item], None]) -> None:
        """Hand every waiting item to ``visit`` and empty the mailbox."""
        with self._ready:
            items = list(self._waiting.items())
            self._waiting.clear()
        for key, item in items:
            visit(key, item)

    def close(self) -> None:
        with self._ready:
            self._closed = True
            self._ready.notify_all()

    def __len__(self) -> int:
        return len(self._waiting)
