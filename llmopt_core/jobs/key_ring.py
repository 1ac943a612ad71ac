"""API keys that were typed into a session, for its jobs: in this process's memory and nowhere else."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.models.endpoints import Endpoint


class KeyRing:
    """Keys by job. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: dict[int, dict[str, str]] = {}

    # Named in logs and tracebacks, it must show no key.
    def __repr__(self) -> str:
        return "KeyRing()"

    def give(self, job_id: int, keys: Mapping[str, str]) -> None:
        """Keep the keys of a job until it has ended, by endpoint."""
        if keys:
            with self._lock:
                self._keys[job_id] = dict(keys)

    def of(self, job_id: int) -> dict[str, str]:
        """The keys of a job."""
        with self._lock:
            # A copy, as the ring may drop its own while the job uses it.
            return dict(self._keys.get(job_id, {}))

    def drop(self, job_id: int) -> None:
        """Forget the keys of a job."""
        with self._lock:
            self._keys.pop(job_id, None)


def endpoints_in(arguments: Any) -> set[str]:
    """Every endpoint that the arguments of a job name."""
    if isinstance(arguments, Mapping):
        names = {str(value) for key, value in arguments.items() if key in ("endpoint", "provider")}
        names |= {str(value) for value in arguments.get("endpoints") or ()}
        return names.union(*map(endpoints_in, arguments.values()))
    # A text is a sequence of texts, without end.
    if isinstance(arguments, Sequence) and not isinstance(arguments, str):
        return set().union(*map(endpoints_in, arguments))
    return set()


def check_keys(
    names: Collection[str], keys: Mapping[str, str], endpoints: Mapping[str, Endpoint], environ: Mapping[str, str]
) -> None:
    """Refuse to begin a job whose keys are gone with the session that they were typed into.

    Args:
        names: Endpoints whose keys were typed there.
        keys: Those that are at hand.
        endpoints: All there are.
        environ: Where else a key may be.

    Raises:
        BadInput: Which key is missing, and where to give it.
    """
    for name in names:
        variable = endpoints[name].api_key_env if name in endpoints else ""
        if not keys.get(name) and not environ.get(variable, ""):
            or_set = f", or set {variable}" if variable else ""
            raise BadInput(
                f"The key of endpoint {name!r} was typed into a session and is kept nowhere, so it is gone with the "
                f"process that had it: enter it again in Settings{or_set}, and resume this job."
            )
