"""Readers run where a file cannot take the machine: apart, with memory and time, and stopped with whoever asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llmopt_core.documents import limits
from llmopt_core.documents.progress import OnPart, ignore_parts
from llmopt_core.documents.readers import PLAIN, read_file, suffix_of
from llmopt_core.documents.reading_options import ReadingOptions
from llmopt_core.errors import BadInput
from llmopt_core.execution.isolation import IsolationError, Limits, run_in_child
from llmopt_core.types import Document

Heartbeat = Callable[[], None]


def no_heartbeat() -> None:
    """Nobody waits who could leave."""


def read_within_limits(
    name: str, data: bytes, on_part: OnPart, heartbeat: Heartbeat, how: ReadingOptions
) -> list[Document]:
    """`readers.read_file` within limits. Small plain text, which nothing can blow up, is read at once.

    Raises:
        BadInput: Also where the file is over a limit, or breaks its reader.
    """
    suffix = suffix_of(name)
    # A child process takes time to start, and plain text cannot unfold: its size is its cost.
    if suffix in PLAIN and len(data) <= limits.READ_AT_ONCE_BYTES:
        try:
            # What odd text may make a reader raise is told as a sentence, as it is from the child process.
            return read_file(name, data, how, on_part)
        except (ValueError, TypeError, LookupError, RecursionError) as error:
            # The first 200 characters, as an error may quote the whole text.
            detail = f"{type(error).__name__}: {error}"[:200]
            raise BadInput(_SENTENCES["failed"].format(name=name, detail=detail)) from error
    seconds = limits.seconds_to_read(len(data), pdf=suffix == ".pdf")
    documents: list[Document] = run_within_limits(
        name, read_file, (name, data, how), len(data), seconds, on_part, heartbeat
    )
    return documents


def run_within_limits(  # noqa: PLR0917
    name: str,
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    size: int,
    seconds: float,
    on_part: OnPart = ignore_parts,
    heartbeat: Heartbeat = no_heartbeat,
    advice: str = "split it, or save its text as a plain text file",
) -> Any:
    """`run_in_child` with the limits of a file of `size` bytes; what stops it is told in one sentence, with the advice.

    Raises:
        BadInput: The file is over a limit, or breaks its reader. Errors of the function pass.
    """
    # Bytes times a factor: parsed documents are several times as large as their files.
    bounds = Limits(limits.READ_MEMORY + limits.READ_MEMORY_PER_BYTE * size, seconds, limits.WALL_RATIO * seconds)
    try:
        return run_in_child(function, arguments, bounds, on_part=on_part, heartbeat=heartbeat)
    except IsolationError as stopped:
        raise BadInput(_SENTENCES[stopped.reason].format(name=name, detail=stopped.detail, advice=advice)) from stopped


_SENTENCES = {
    "memory": "{name} needs more than {detail} of memory to be read: {advice}.",
    "time": "{name} takes too long to be read (more than {detail}): {advice}.",
    "crash": "{name} is damaged and broke its reader ({detail}): open it in its program and save it again.",
    "failed": "{name} cannot be read ({detail}): open it in its program and save it again.",
}
