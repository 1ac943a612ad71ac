"""Which process does a piece of work, and whether it still lives."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Any

import psutil

from llmopt_core.runs.tables import now

HEARTBEAT_SECONDS = 5.0
# Only for work on another host, whose processes cannot be asked.
_SILENT_FOR = timedelta(seconds=90)


@cache
def _started(pid: int) -> float:
    return psutil.Process(pid).create_time()


def me() -> dict[str, Any]:
    """The owner columns of this process."""
    pid = os.getpid()
    return {
        "owner_pid": pid,
        "owner_started": _started(pid),
        "owner_host": socket.gethostname(),
        "heartbeat": now(),
    }


def is_mine(row: Mapping[str, Any]) -> bool:
    """Whether this process is the owner."""
    mine = me()
    return all(row[name] == mine[name] for name in ("owner_pid", "owner_started", "owner_host"))


def lives(row: Mapping[str, Any]) -> bool:
    """Whether the owner of this row still works, as far as can be told from here."""
    if row["owner_pid"] is None:
        return False
    if row["owner_host"] != socket.gethostname():
        return row["heartbeat"] is not None and now() - row["heartbeat"] < _SILENT_FOR
    try:
        process = psutil.Process(row["owner_pid"])
        # A process number is used again after a while; its start time tells the two apart.
        same = abs(process.create_time() - row["owner_started"]) < 1.0
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
