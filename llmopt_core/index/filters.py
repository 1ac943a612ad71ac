"""Metadata filters, evaluated per document.

The language is the vector database's: `{"language": "en", "year": {"$gte": 2020}}`, with `$eq $ne $gt $gte $lt $lte $in
$nin` per field and `$and $or` over filters. Several fields must all match. The field `document` is the document's name.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from llmopt_core.errors import BadInput

Metadata = Mapping[str, str | int | float | bool]
Where = Mapping[str, Any]


def matching_documents(where: Where, documents: Mapping[str, Metadata]) -> set[str]:
    """Names of the documents that match.

    Raises:
        BadInput: An unknown operator, a value of the wrong kind, or a field that no document has.
    """
    # Every document has its name as a field, also one without metadata.
    fields = {"document"}.union(*documents.values())
    _check(where, fields)
    return {name for name, metadata in documents.items() if _matches(where, {**metadata, "document": name})}


def _check(where: Where, fields: set[str]) -> None:
    for field, condition in where.items():
        if field in ("$and", "$or"):
            _check_all(field, condition, fields)
        elif field not in fields:
            # A misspelt field would silently find nothing.
            raise BadInput(
                f"The filter asks for {field!r}, which no document has; there is: {', '.join(sorted(fields))}."
            )
        elif isinstance(condition, Mapping):
            _check_operators(field, condition)


def _check_all(word: str, filters: Any, fields: set[str]) -> None:
    if not isinstance(filters, list | tuple) or not all(isinstance(part, Mapping) for part in filters):
        raise BadInput(f"In a filter {word} takes a list of filters, not {filters!r}.")
    for part in filters:
        _check(part, fields)


def _check_operators(field: str, condition: Mapping[str, Any]) -> None:
    for name, value in condition.items():
        if name not in _OPERATORS:
            raise BadInput(f"The filter on {field!r} uses {name!r}; there is: {', '.join(_OPERATORS)}.")
        # A string after `$in` would be searched for its letters.
        if name in ("$in", "$nin") and not isinstance(value, list | tuple):
            raise BadInput(f"The filter on {field!r} needs a list after {name}, not {value!r}.")


def _matches(where: Where, metadata: Metadata) -> bool:
    return all(_holds(field, condition, metadata) for field, condition in where.items())


def _holds(field: str, condition: Any, metadata: Metadata) -> bool:
    if field == "$and":
        return all(_matches(part, metadata) for part in condition)
    if field == "$or":
        return any(_matches(part, metadata) for part in condition)
    if not isinstance(condition, Mapping):
        # A bare value means "is", a list "is one of": what is written first in a settings file, without operators.
        condition = {"$in": condition} if isinstance(condition, list | tuple) else {"$eq": condition}
    if field not in metadata:
        # What has no year is not of 2020: `$ne` and `$nin` hold, all others do not.
        return all(name in ("$ne", "$nin") for name in condition)
    return all(_compare(name, metadata[field], value) for name, value in condition.items())


def _compare(name: str, have: Any, want: Any) -> bool:
    try:
        return _OPERATORS[name](have, want)
    except TypeError:
        # A document whose year is a word is no error of the filter: "2020s" is not above 2020, nor below.
        return False


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "$eq": operator.eq,
    "$ne": operator.ne,
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
    "$in": lambda have, want: have in want,
    "$nin": lambda have, want: have not in want,
}
