"""Queries beside an event loop: each waits in a thread, and is ended where nobody waits for it any more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")

# A thread cannot be cancelled; it looks here some times a second.
_unwanted: ContextVar[threading.Event | None] = ContextVar("unwanted", default=None)


class Unwanted(Exception):
    """The caller was cancelled while a query ran; nobody sees it."""


async def run_in_thread(work: Callable[[], T]) -> T:
    """What `work` gives, done in a thread. Where the caller is cancelled, a query that it runs is ended."""
    event = threading.Event()
    token = _unwanted.set(event)
    try:
        # The thread has a copy of the context, so that it sees this event and no other.
        return await asyncio.to_thread(work)
    except asyncio.CancelledError:
        event.set()
        raise
    finally:
        _unwanted.reset(token)


def check_wanted() -> None:
    """The heartbeat of a query.

    Raises:
        Unwanted: Nobody waits for it any more.
    """
    event = _unwanted.get()
    if event is not None and event.is_set():
        raise Unwanted
