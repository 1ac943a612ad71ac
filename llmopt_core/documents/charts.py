"""A chart of an Office file -> its title and a table of its values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from llmopt_core.documents.package import Package, attribute, child, descendants, local, whole_number
from llmopt_core.documents.tables import cells_line


def read_chart(package: Package, part: str, *, in_cells: bool = False) -> list[str] | None:
    """What a chart says: its titles, a row per category with the value of each series, its labels and text boxes.

    Args:
        package: The file that holds the chart.
        part: The part with the chart.
        in_cells: Whether the values stand in the cells of the same file, and are left out here.

    Returns:
        None where there is no readable chart.
    """
    root = package.xml(part) if part else None
    if root is None or local(root) != "chartSpace":  # missing, damaged, or of a kind that has another root
        return None
    if in_cells and not any(map(_is_own, descendants(root, "ser"))):
        lines = [*_titles(root), *_labels_alone(root)]
    else:
        lines = chart_lines(root)
    # Text boxes that were drawn over the chart are a part of their own.
    drawing = package.find_target(part, "chartUserShapes")
    return lines + [text for body in descendants(drawing, "txBody") if (text := _words(body))]


def chart_lines(root: Any) -> list[str]:
    """Title and axis titles, then a row per category with the value and the own label of each point."""
    series_list = list(_series(root))
    values = [series.labels_by_value() for series in series_list]
    categories: dict[int, str] = {}
    for series in series_list:
        for place, category in series.categories.items():
            categories.setdefault(place, category)
    # Of all series, since each may lack some categories; a place without a name keeps its values.
    places = sorted(set(categories).union(*values)) if values else []
    rows = [["", *(series.name for series in series_list)]]
    rows += [[categories.get(i, ""), *(v.get(i, "") for v in values)] for i in places]
    # A row whose cells are all empty says nothing.
    return [*_titles(root), *filter(None, (_line(row) for row in rows))]


class _Series(NamedTuple):
    name: str
    categories: dict[int, str]
    values: dict[int, str]
    labels: dict[int, str]

    def labels_by_value(self) -> dict[int, str]:
        """Each value with the label that somebody wrote at its point."""
        labels = dict(self.values)
        for place, label in self.labels.items():
            # `12 (record)`: the label takes the place of the value on the chart, but the value is what is looked for.
            value = labels.get(place, "")
            labels[place] = f"{value} ({label})" if value and label != value else label
        # Labels may stand at places without a value, and came in last.
        return dict(sorted(labels.items()))


def _series(root: Any) -> Iterator[_Series]:
    for one in descendants(root, "ser"):
        name = " ".join(_points(child(one, "tx")).values())
        # `cat` and `val` of bars and lines, `xVal` and `yVal` of points.
        categories, values = _points(_first(one, "cat", "xVal")), _points(_first(one, "val", "yVal"))
        yield _Series(name, categories, values, _labels(one))
    # The charts of Office 2016, such as waterfalls and treemaps, keep their values apart from the series.
    data = {attribute(item, "id"): item for item in descendants(root, "data")}
    for one in descendants(root, "series"):
        series_data = data.get(attribute(child(one, "dataId"), "val"))
        texts, numbers = _levels(series_data, "strDim"), _levels(series_data, "numDim")
        yield _Series(" ".join(_points(child(one, "tx")).values()), texts, numbers, {})


def _levels(data: Any, kind: str) -> dict[int, str]:
    points = (point for item in descendants(data, kind) for point in descendants(item, "pt"))
    # Several levels of categories: what comes later is the outer one, and stands before.
    return _join_by_place((attribute(point, "idx"), (point.text or "").strip()) for point in points)


def _join_by_place(texts: Iterable[tuple[str, str]]) -> dict[int, str]:
    """The texts of each place, what comes later before."""
    by_place: dict[int, str] = {}
    for index, text in texts:
        # -1 for a missing or damaged index: such a text belongs nowhere.
        place = whole_number(index, -1)
        if place >= 0 and text:
            by_place[place] = f"{text} {by_place[place]}" if place in by_place else text
    return by_place


def _labels(series: Any) -> dict[int, str]:
    """What was written at single points in place of their values, or taken from cells for them."""
    # "Values from cells" of Excel: the labels are kept in an extension beside those written by hand.
    cells = {place: text for cache in descendants(series, "dlblRangeCache") for place, text in _points(cache).items()}
    by_hand = ((attribute(child(one, "idx"), "val"), _words(child(one, "tx"))) for one in descendants(series, "dLbl"))
    return _join_by_place([*((str(place), text) for place, text in cells.items()), *by_hand])


def _labels_alone(root: Any) -> Iterator[str]:
    """Labels of points, and names of series that stand in no cell."""
    for one in descendants(root, "ser"):
        # Written into the chart itself: a name from a cell is read with its sheet.
        name = child(one, "tx")
        if name is not None and child(name, "v") is not None:
            yield from filter(None, [" ".join(_points(name).values())])
        yield from _labels(one).values()


def _is_own(series: Any) -> bool:
    """Whether the values of a series stand in no cell of the file: written in the chart, or kept from another file."""
    values = _first(series, "val", "yVal")
    if values is None:
        return False
    sources = [(formula.text or "").strip() for formula in descendants(values, "f")]
    # `[1]Sheet!$A$1` points into another workbook, of which this file has only the kept values.
    return not sources or any(source.lstrip("'").startswith("[") for source in sources)


def _titles(root: Any) -> list[str]:
    """The titles of a chart and of its axes."""
    return list(filter(None, map(_words, descendants(root, "title"))))


def _words(element: Any) -> str:
    """The words of a text; not those that stand for a value, such as `[CELLRANGE]`."""
    texts = [*descendants(element, "t")]
    # Names of series are in `v`, titles in `t`.
    if not texts:
        texts = [*descendants(element, "v")]
    # Excel writes `[CELLRANGE]` where it will draw the value; what it draws is among the labels.
    words = (t.text or "" for t in texts if not (local(t.getparent()) == "fld" and (t.text or "").startswith("[")))
    return " ".join("".join(words).split())


def _line(cells: list[str]) -> str:
    # The first cell of the header is empty, and leaves its bar behind.
    return cells_line(cells).removeprefix(" | ")


def _first(element: Any, *names: str) -> Any:
    return next((node for name in names if (node := child(element, name)) is not None), None)


def _points(element: Any) -> dict[int, str]:
    """The kept values of a series, by their index."""
    if element is None:
        return {}
    values: dict[int, str] = {}
    for point in descendants(element, "pt"):
        place, value = whole_number(attribute(point, "idx"), -1), child(point, "v")
        if value is not None and value.text and place >= 0:
            text = value.text.strip()
            # Of categories in levels, the inner one comes first.
            values[place] = f"{text} {values[place]}" if place in values else text
    if not values:
        # A series with one name has its value without a point around it.
        values = {i: (v.text or "").strip() for i, v in enumerate(descendants(element, "v"))}
    return {place: text for place, text in values.items() if text and local(element)}
