"""A chart of an Office file -> its title and a table of its values."""

from __future__ import annotations

from typing import Any

from llmopt_core.documents.package import attribute, child, descendants, local
from llmopt_core.documents.tables import cells_line


def chart_titles(root: Any) -> list[str]:
    """The titles of a chart and of its axes."""
    found = [" ".join("".join(t.text or "" for t in descendants(title, "t")).split())
             for title in descendants(root, "title")] if root is not None else []  # fmt: skip
    return list(filter(None, found))


def chart_lines(root: Any) -> list[str]:
    """Title and axis titles, then a row per category with the value of each series; empty without a chart."""
    if root is None:
        return []
    series = descendants(root, "ser")
    names = [" ".join(_points(child(one, "tx")).values()) for one in series]
    categories: dict[int, str] = {}
    for one in series:
        for place, value in _points(_first(one, "cat", "xVal")).items():
            categories.setdefault(place, value)
    values = [_points(_first(one, "val", "yVal")) for one in series]
    places = sorted(set(categories).union(*values)) if values else []
    rows = [["", *names]] + [[categories.get(i, ""), *(v.get(i, "") for v in values)] for i in places]
    return [*chart_titles(root), *filter(None, (_line(row) for row in rows))]


def _line(cells: list[str]) -> str:
    return cells_line(cells).removeprefix(" | ")


def _first(element: Any, *names: str) -> Any:
    return next((found for name in names if (found := child(element, name)) is not None), None)


def _points(element: Any) -> dict[int, str]:
    """The kept values of a series, by their index."""
    if element is None:
        return {}
    found: dict[int, str] = {}
    for point in descendants(element, "pt"):
        place, value = attribute(point, "idx"), child(point, "v")
        if value is not None and value.text and place.isdecimal():
            text = value.text.strip()
            # Of categories in levels, the inner one comes first.
            found[int(place)] = f"{text} {found[int(place)]}" if int(place) in found else text
    if not found:
        found = {i: (v.text or "").strip() for i, v in enumerate(descendants(element, "v"))}
    return {place: text for place, text in found.items() if text and local(element)}
