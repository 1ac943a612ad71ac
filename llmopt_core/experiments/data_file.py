"""What an experiment file says of data sources: paths from its folder, solved queries from a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from llmopt_core.documents.questions import read_questions
from llmopt_core.experiments.yaml_lines import LocatedValue

Resolve = Callable[[str, tuple[str | int, ...]], Path]
"""The file of a name that stands at a place of the experiment file; refuses one that is not there."""


def fill_in_data(file: LocatedValue, resolve: Resolve) -> LocatedValue:
    """The file with absolute paths of data sources, and with the solved queries that it names by a file.

    Raises:
        BadInput: A file is missing or wrong; names file and line.
    """
    items = file.value.get("configurations")
    if not isinstance(items, list):
        return file
    new_items = [_fill_in(file, i, item, resolve) for i, item in enumerate(items)]
    return LocatedValue({**file.value, "configurations": new_items}, file.lines, file.source)


def _fill_in(file: LocatedValue, i: int, item: Any, resolve: Resolve) -> Any:
    data = item.get("data") if isinstance(item, dict) else None
    if not isinstance(data, dict):
        return item
    place = ("configurations", i, "data")
    data = dict(data)
    source = data.get("source")
    # An address, or a variable of the environment, is no path of ours.
    if isinstance(source, str) and source and "://" not in source and "${" not in source:
        data["source"] = str(resolve(source, (*place, "source")).absolute())
    if isinstance(data.get("examples"), str):
        data["examples"] = _solved(file, data["examples"], (*place, "examples"), resolve)
    return {**item, "data": data}


def _solved(file: LocatedValue, name: str, place: tuple[str | int, ...], resolve: Resolve) -> list[dict[str, str]]:
    path = resolve(name, place)
    examples = read_questions(path, path.name).evaluation_set.examples
    solved = [
        {"question": example.question, "sql": example.gold_queries[0], "database": example.database}
        for example in examples
        if example.gold_queries
    ]
    if not solved:
        raise file.error(place, f"{name} has no row with a question and its query; name the columns question and sql.")
    return solved
