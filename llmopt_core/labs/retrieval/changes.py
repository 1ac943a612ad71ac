"""A configuration with a few of its retrieval settings changed: as values, and as a text that fits into an address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from llmopt_core.errors import BadInput, field_problem
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.retrieval.spec import RetrievalSpec
from llmopt_core.text.json_text import parse_json
from llmopt_core.types import canonical_json

Changes = Mapping[str, Any]
"""Setting -> value, such as `{"search.method": "bm25", "top_k": 5}`."""

# Lists and tables of their own: half of a filter or route would be no setting.
_WHOLE = ("search.filters", "routing")


def changes_between(before: RetrievalSpec, after: RetrievalSpec) -> dict[str, Any]:
    """What must be set in `before` to get `after`."""
    old, new = flat(before.model_dump(mode="json")), flat(after.model_dump(mode="json"))
    # Those that are only in the new one come last, and are each named once.
    return {name: new.get(name) for name in [*old, *new] if old.get(name) != new.get(name)}


def apply_changes(configuration: Configuration, changes: Changes) -> Configuration:
    """The configuration with these settings, under a name that says so.

    Raises:
        BadInput: It retrieves nothing, or a setting is unknown or cannot have that value.
    """
    # The same object: its fingerprint, and so its cache, stay.
    if not changes:
        return configuration
    if configuration.retrieval is None:
        raise BadInput(f"{configuration.name} has no retrieval whose settings could be changed.")
    # As JSON values: what comes from an address is such, too.
    values = configuration.retrieval.model_dump(mode="json")
    for path, value in changes.items():
        _set(values, path, value)
    # A whole spec is checked: settings that are fine alone may not fit together.
    try:
        spec = RetrievalSpec.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadInput(f"{where or 'retrieval'}: {field_problem(first)}.") from None
    # The star marks an unsaved change; 200 is the limit of a name.
    return configuration.model_copy(update={"retrieval": spec, "name": f"{configuration.name}*"[:200]})


def as_text(changes: Changes) -> str:
    """One line, the same for the same changes; empty for none."""
    # Sorted keys, so that equal changes make equal addresses.
    return canonical_json(dict(changes)) if changes else ""


def from_text(text: str) -> dict[str, Any]:
    """What `as_text` wrote.

    Raises:
        BadInput: It is something else.
    """
    if not text.strip():
        return {}
    try:
        value = parse_json(text)
    except ValueError:
        value = None
    # Addresses are typed and cut off by mail programs: a list or a number is no set of changes.
    if not isinstance(value, dict):
        raise BadInput("The changed settings in the address cannot be read; choose them anew.")
    return value


def word(value: Any) -> str:
    """A value as it is told."""
    # An empty text stands for "the default".
    if value is None or value == "":
        return "none"
    # A part is told by its method, which says most.
    if isinstance(value, Mapping) and "method" in value:
        return str(value["method"])
    return str(value) if isinstance(value, str | int | float) else canonical_json(value)


def flat(values: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """By path, such as `search.method`, every value; filters and routing stay whole."""
    result: dict[str, Any] = {}
    for name, value in values.items():
        path = f"{above}{name}"
        if isinstance(value, Mapping) and path not in _WHOLE:
            result |= flat(value, f"{path}.")
        else:
            result[path] = value
    return result


def _set(values: dict[str, Any], path: str, value: Any) -> None:
    parts = path.split(".")
    for part in parts[:-1]:
        # A part that was None, such as a route, begins empty. Copied, or the base would be changed as well.
        inner = values.get(part)
        values[part] = dict(inner) if isinstance(inner, Mapping) else {}
        values = values[part]
    values[parts[-1]] = value
