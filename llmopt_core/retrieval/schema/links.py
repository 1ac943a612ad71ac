"""Which tables of a schema can be joined."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from llmopt_core.databases.schema import Schema

Links = Mapping[str, Mapping[str, float]]
"""Table -> the tables that join with it, each with the length of the step: a declared key is nearer than a guess."""

DECLARED = 1.0
GUESS = 1.5

# A column that more tables have, such as `name` or `created_at`, joins nothing.
_MOST_SHARED = 8
# Names of columns that stand in many tables and are no keys there.
_NO_KEYS = frozenset(
    ("name", "title", "description", "type", "date", "year", "status", "code", "value", "email", "phone", "address")
)


def find_links(schema: Schema) -> Links:
    """Declared foreign keys, and columns of the same name that look like keys, for databases that declare none."""
    links: dict[str, dict[str, float]] = {table.name: {} for table in schema.tables}
    by_lower_name = {table.name.lower(): table.name for table in schema.tables}
    for one, other, length in [*_guesses(schema), *_declared(schema, by_lower_name)]:
        links[one][other] = min(length, links[one].get(other, length))
        links[other][one] = min(length, links[other].get(one, length))
    return links


def _declared(schema: Schema, names: Mapping[str, str]) -> Iterable[tuple[str, str, float]]:
    for table in schema.tables:
        for key in table.foreign_keys:
            target = names.get(key.target.lower())
            if target is not None and target != table.name:
                yield table.name, target, DECLARED


def _guesses(schema: Schema) -> Iterable[tuple[str, str, float]]:
    owners: dict[str, list[str]] = defaultdict(list)
    for table in schema.tables:
        for column in table.columns:
            owners[column.name.lower()].append(table.name)
    keys = {column.name.lower() for table in schema.tables for column in table.columns if column.is_key}
    for column_name, tables in owners.items():
        looks_like_key = column_name in keys or column_name.endswith(("id", "_code", "_no", "_key"))
        if column_name in _NO_KEYS or not looks_like_key or not 1 < len(tables) <= _MOST_SHARED:
            continue
        for place, one in enumerate(tables):
            for other in tables[place + 1 :]:
                yield one, other, GUESS
