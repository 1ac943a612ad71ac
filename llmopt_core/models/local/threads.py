"""How many of torch's threads a piece of work has, so that several pieces share the cores and not each wants all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from llmopt_core.execution.lanes import LANES

# Until a model is loaded; then what the settings allow.
_most = 1


@cache
def _torchs_choice() -> int:
    """How many threads torch chose at its start, which counts whole cores."""
    import torch

    return int(torch.get_num_threads())


def use_threads(threads: int) -> None:
    """Bound torch's threads; never more than torch chose."""
    global _most  # noqa: PLW0603
    # More than the cores only makes threads wait for each other.
    _most = min(threads, _torchs_choice())


@contextmanager
def one_thread() -> Iterator[None]:
    """Work in one lane with one thread: a question or two are too little to be parted.

    So their vectors are the same to the last bit whatever the number of threads and of questions at once.
    """
    with LANES.one():
        _set(1)
        yield


@contextmanager
def all_threads() -> Iterator[None]:
    """Work in all lanes with all threads, for batches that fill them; also so that memory holds one batch at a time."""
    with LANES.all():
        _set(_most)
        yield


def _set(threads: int) -> None:
    import torch

    # The number counts for the thread that sets it, so each sets its own.
    torch.set_num_threads(threads)
