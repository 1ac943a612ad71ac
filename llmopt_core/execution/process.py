"""Whether a process that left a note of itself still runs."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import psutil

# Start times of a process are told in ticks, and the boot time they are counted from is rounded.
_SAME_SECONDS = 1.0
# Seconds, some thirty years: times of two starts of the system never meet, and a float still tells hundredths apart.
_BOOT_FACTOR = 1e9


def start_of(pid: int) -> float:
    """A number for when a process started: with its process number it tells it from every other one of this machine.

    On Linux it counts from the start of the system and is negative. A time of day would not do: the kernel counts
    that back from now, so that every process seems to have started elsewhen once the clock is set.

    Raises:
        psutil.Error: There is no such process, or it cannot be asked.
    """
    boot = _boot()
    if boot is None:
        return psutil.Process(pid).create_time()
    try:
        # The name of the program, in parentheses, may hold spaces and parentheses itself.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except PermissionError as error:
        raise psutil.AccessDenied(pid) from error
    except OSError as error:
        raise psutil.NoSuchProcess(pid) from error
    # Field 22 of `proc(5)`: ticks from the start of the system to that of the process. The first two are cut off, and
    # it counts from 1.
    return -(boot * _BOOT_FACTOR + int(fields[19]) / os.sysconf("SC_CLK_TCK"))


def is_running(pid: int, start_time: float) -> bool:
    """Whether the process of this number still runs, and is the one that started then (see `start_of`).

    Notes of earlier versions hold the time of day, which is above 0.
    """
    try:
        process = psutil.Process(pid)
        # A process number is used again after a while.
        same = abs((start_of(pid) if start_time < 0 else process.create_time()) - start_time) < _SAME_SECONDS
        # A zombie has ended; only its parent has not asked yet.
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    # It is there, of another user: taking its work away would be worse than waiting.
    except psutil.AccessDenied:
        return True


# It does not change while this process lives. Without it (macOS), the time of day has to do.
@cache
def _boot() -> int | None:
    """A number of four hexadecimal digits for this start of the system; None where it has none."""
    try:
        return int(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:4], 16)
    except (OSError, ValueError):
        return None
