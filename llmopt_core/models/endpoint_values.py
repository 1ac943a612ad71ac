"""What a YAML file says of endpoints, before it is checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from llmopt_core.errors import BadInput, has_key
from llmopt_core.text.bounded_yaml import BoundedLoader

VARIABLE = re.compile(r"[A-Za-z0-9_]*")
# Keys of many services are plain letters and digits, as names of variables may be: no name has so long a word with a
# small letter and a figure in it.
_RANDOM_WORD = re.compile(r"(?<![A-Za-z0-9])(?=[A-Za-z0-9]*[a-z])(?=[A-Za-z0-9]*[0-9])[A-Za-z0-9]{20,}")


def is_key(variable: str) -> bool:
    """Whether what stands where a variable is named looks like a key."""
    return has_key(variable) or _RANDOM_WORD.search(variable) is not None


def repair(values: Any) -> Any:
    """What was saved once: prices of 0 as an empty mapping, and a key in place of its variable."""
    for fields in values.values() if isinstance(values, Mapping) else ():
        variable = fields.get("api_key_env") if isinstance(fields, Mapping) else None
        if isinstance(variable, str) and VARIABLE.fullmatch(variable) and is_key(variable):
            # No variable has that name, so no key was ever sent; refused, it would lock its owner out of Settings.
            fields.pop("api_key_env")
        prices = fields.get("prices") if isinstance(fields, Mapping) else None
        for price in prices.values() if isinstance(prices, Mapping) else ():
            if price == {}:
                # Read as unknown, every cost over such an endpoint would be unknown, too.
                price.update(prompt=0.0, completion=0.0)
    return values


def with_missing_prices(prices: Any) -> Any:
    """A price that a file leaves out is not known; it is not 0."""
    if not isinstance(prices, Mapping):
        return prices
    return {
        # The model's own default is 0, for endpoints made in code; in a file a forgotten line must not make calls free.
        model: {"prompt": None, "completion": None, **price} if isinstance(price, Mapping) else price
        for model, price in prices.items()
    }


def read_yaml(path: Path) -> Any:
    """What a file of endpoints says.

    Raises:
        BadInput: It cannot be read, or is not YAML.
    """
    if path.exists() and not path.is_file():
        # A pipe or a device may never end.
        raise BadInput(f"{path}: the endpoints file cannot be read (it is no file on disk).")
    try:
        # `utf-8-sig`, as Windows editors put a mark before the text, which YAML would take for a part of the first
        # name.
        values = yaml.load(path.read_text(encoding="utf-8-sig"), BoundedLoader)  # noqa: S506 (a SafeLoader)
    except OSError as error:
        raise BadInput(f"{path}: the endpoints file cannot be read ({error.strerror or error}).") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = "" if line is None else f" line {line + 1}:"
        raise BadInput(f"{path}:{where} this is not valid YAML; see the README for an example.") from None
    # The part of an experiment file, copied with its heading.
    if isinstance(values, Mapping) and set(values) == {"endpoints"}:
        return values["endpoints"]
    return values
