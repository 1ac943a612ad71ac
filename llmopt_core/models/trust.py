"""Files that somebody else may have written bring endpoints: a host that gets texts, and the name of a key's variable.

Such a file must not send whatever it likes wherever it likes. It may name variables made for keys alone, and a host
that is new is named and confirmed once; the workspace remembers host and variable together.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import yaml
from filelock import FileLock

from llmopt_core.errors import BadInput
from llmopt_core.models.endpoints import OPENAI_URL, Endpoint, endpoints_from
from llmopt_core.models.hosts import host_of, is_loopback
from llmopt_core.settings import Settings
from llmopt_core.text.drafts import replace_file
from llmopt_core.workspace import make_workspace

# A file that names AWS_SECRET_ACCESS_KEY or HOME would send its value to a host of the file's choice.
_KEY_VARIABLE = re.compile(r"[A-Za-z0-9_]*_API_KEY")


@dataclass(frozen=True, slots=True, order=True)
class Destination:
    """Where calls go, such as `https://api.example.com`, and the variable of the key for it; empty for none."""

    host: str
    variable: str

    def __str__(self) -> str:
        return f"{self.host} (key from {self.variable})" if self.variable else f"{self.host} (no key)"


def destination_of(endpoint: Endpoint) -> Destination:
    """Where an endpoint's calls go."""
    parts = urlsplit(endpoint.base_url)
    host = host_of(endpoint.base_url)
    # `https://host` and `https://host:443` are one place: it is confirmed once.
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    port = f":{parts.port}" if parts.port not in (None, usual) else ""
    # With the scheme: confirmed for https, a host must not get the same key in the clear.
    return Destination(f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}", endpoint.api_key_env)


def new_destinations(
    settings: Settings, endpoints: Iterable[Endpoint], environ: Mapping[str, str] | None = None
) -> list[Destination]:
    """Where endpoints from files would send texts and keys, and nobody has confirmed it yet.

    Not new are the user's own endpoints, and servers of this machine that get no key.

    Args:
        settings: The workspace.
        endpoints: Of any origin.
        environ: By default the environment.

    Raises:
        BadInput: A file names a variable that no file may name.
    """
    foreign = [endpoint for endpoint in endpoints if endpoint.source]
    if not foreign:
        return []
    own = endpoints_from(settings, os.environ if environ is None else environ).values()
    variables = {endpoint.api_key_env for endpoint in own}
    for endpoint in foreign:
        _check_variable(endpoint, variables)
    # Host and variable together: a host that the user trusts with one key must not get another. OpenAI's own address
    # with its own variable is what nearly every file of others names.
    trusted_destinations = {*map(destination_of, own), *_read_confirmations(settings), destination_of(_OPENAI)}
    # A server of this machine that gets no key learns nothing that its owner could not read anyway.
    foreign_destinations = {destination_of(one) for one in foreign if one.api_key_env or not is_loopback(one.base_url)}
    return sorted(foreign_destinations - trusted_destinations)


def _check_variable(endpoint: Endpoint, own: Iterable[str]) -> None:
    variable = endpoint.api_key_env
    if variable and variable not in own and not _KEY_VARIABLE.fullmatch(variable):
        raise BadInput(
            f"{endpoint.source}: endpoint {endpoint.name!r} asks for the environment variable {variable}, which was "
            f"not read: a file may name variables that end in _API_KEY, and those of endpoints in Settings. Rename "
            f"the variable, or add the endpoint in Settings."
        )


def trust(settings: Settings, destinations: Iterable[Destination]) -> None:
    """Remember that these were confirmed.

    Raises:
        StorageError: The workspace cannot be written.
    """
    fresh = set(destinations)
    if not fresh:
        return
    make_workspace(settings.home)
    # Read again under the lock: two windows may confirm different hosts at the same time.
    with FileLock(settings.home / "trusted_hosts.lock"):
        confirmations = sorted(fresh | _read_confirmations(settings))
        values = [{"host": one.host, "variable": one.variable} for one in confirmations]
        replace_file(settings.home / "trusted_hosts.yaml", yaml.safe_dump(values, allow_unicode=True))


def check_trust(settings: Settings, endpoints: Iterable[Endpoint], how: str = "confirm that first") -> None:
    """Let nothing go to a host that was not confirmed.

    Args:
        settings: The workspace.
        endpoints: Those to be used.
        how: What the user can do, as the end of a sentence.

    Raises:
        BadInput: A file brings a new host, or names a variable that no file may name.
    """
    endpoints = list(endpoints)  # Read twice below.
    new = new_destinations(settings, endpoints)
    if new:
        files = ", ".join(sorted({endpoint.source for endpoint in endpoints if destination_of(endpoint) in new}))
        raise BadInput(
            f"{files} would send texts, and keys where named, to hosts that are new here: "
            f"{'; '.join(map(str, new))}. Nothing was sent. If you trust them, {how}."
        )


def _read_confirmations(settings: Settings) -> set[Destination]:
    """What was confirmed; a file that cannot be read confirms nothing."""
    try:
        values = yaml.safe_load((settings.home / "trusted_hosts.yaml").read_text(encoding="utf-8"))
    # Damaged by hand: asking once more is better than trusting everything or failing for ever.
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return set()
    entries = values if isinstance(values, list) else []
    return {
        Destination(entry["host"], entry["variable"])
        for entry in entries
        if isinstance(entry, dict) and isinstance(entry.get("host"), str) and isinstance(entry.get("variable"), str)
    }


_OPENAI = Endpoint(name="openai", base_url=OPENAI_URL, api_key_env="OPENAI_API_KEY")
