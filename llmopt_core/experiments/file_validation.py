"""The values of a file of experiments as a spec, or what is wrong with them: in words, with its line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from llmopt_core.errors import BadInput, field_problem
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.yaml_lines import LocatedValue
from llmopt_core.types import Spec, plain_types, takes_number

S = TypeVar("S", bound=Spec)


def validate_spec(source: LocatedValue, kind: type[S]) -> S:
    """What the file says, as the spec of its kind.

    Raises:
        BadInput: It says something else; names file and line.
    """
    _refuse_yes_for_numbers(source, kind)
    try:
        return kind.model_validate(source.value)
    except ValidationError as error:
        # Pydantic's own error shows classes that no user knows.
        raise _spec_error(error.errors(include_url=False)[0], source, kind) from None


def _refuse_yes_for_numbers(source: LocatedValue, kind: type[BaseModel]) -> None:
    """`yes` and `true` are 1 to pydantic, which nobody means by them."""
    for path in source.lines:
        value: Any = source.value
        for step in path:
            value = _part(value, step)
        spec = _spec_at(path[:-1], kind) if isinstance(value, bool) and path else None
        field = spec.model_fields.get(str(path[-1])) if spec is not None else None
        if field is not None and not {bool, Any} & plain_types(field.annotation):
            word = "a number" if takes_number(field.annotation) else "something else than yes or no"
            raise source.error(path, f"{_words(path, source.value)} is {value}, but should be {word}.")


def _part(value: Any, step: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(step)
    return value[step] if isinstance(value, list) and isinstance(step, int) and step < len(value) else None


def _spec_error(error: ErrorDetails, source: LocatedValue, root: type[BaseModel]) -> BadInput:
    path = _real_path(error["loc"], source.value)
    where = _words(path, source.value)
    prefix = f"{where}: " if where else ""
    kind = error["type"]
    if kind == "extra_forbidden":
        key = str(error["loc"][-1])
        return source.error(
            (*path[:-1], key) if path and path[-1] == key else path, _unknown_key(key, path[:-1], where, root)
        )
    if kind == "missing":
        return source.error(path, f"{prefix}{error['loc'][-1]} is missing.")
    message = _plain_words(error)
    if kind == "literal_error":
        choices = str(error.get("ctx", {}).get("expected", ""))
        return source.error(path, f"{where} is {error['input']!r}, but must be one of {choices}.")
    if kind == "value_error":
        # A validator's sentence may begin with the field's name already.
        names_it = bool(path) and message.startswith(f"{path[-1]} ")
        return source.error(path, f"{message}." if names_it else f"{prefix}{message}.")
    if kind in ("string_too_short", "too_short") and not error["input"]:
        return source.error(path, f"{where} is empty.")
    value_text = repr(error["input"])
    advice = message if message.startswith("should ") else f"should be {message}"
    # A text that was pasted into the wrong place is not shown whole.
    return source.error(path, f"{where} is {value_text[:60]}, but {advice}.")


def _plain_words(error: ErrorDetails) -> str:
    """What is wrong, in the words of a YAML file."""
    if error["type"] in ("model_type", "model_attributes_type", "dict_type"):
        return "a mapping"
    return field_problem({key: error[key] for key in ("type", "msg")}).removeprefix("should be ")


def _real_path(loc: Iterable[int | str], value: Any) -> tuple[int | str, ...]:
    """The part of pydantic's location that is in the file; the rest names alternatives of a union."""
    path: list[int | str] = []
    for step in loc:
        inside = isinstance(value, dict) and step in value
        inside = inside or (isinstance(value, list) and isinstance(step, int) and step < len(value))
        if inside:
            path.append(step)
            value = value[step]
    return tuple(path)


def _words(path: Sequence[int | str], value: Any) -> str:
    """The path in words: configurations are told by name."""
    words: list[str] = []
    for step in path:
        value = value[step]
        if (
            words == ["configurations"]
            and isinstance(value, dict)
            and value.get("name")
            and isinstance(value["name"], str)
        ):
            words = [value["name"]]
        else:
            words.append(str(step))
    return ".".join(words)


def _unknown_key(key: str, above: Sequence[int | str], where: str, root: type[BaseModel]) -> str:
    spec = _spec_at(above, root)
    if spec is None:
        return f"{where} is not known here."
    known_keys = [*spec.model_fields, *(["extends"] if spec is Configuration else [])]
    return f"{where} is not known{guess(key, known_keys)}; known are: {', '.join(known_keys)}."


def _spec_at(path: Sequence[int | str], root: type[BaseModel]) -> type[BaseModel] | None:
    """The spec that describes this place of the file."""
    spec: type[BaseModel] | None = root
    for step in path:
        if isinstance(step, int) or (spec is not None and step not in spec.model_fields):
            # A place in a list, or a name that the user chose.
            continue
        annotation = spec.model_fields[step].annotation if spec else None
        spec = _model_in(annotation)
    return spec


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := _model_in(part)) is not None), None)


def guess(word: str, words: Iterable[str]) -> str:
    """What a word that is not known may have been meant for, as the end of a sentence."""
    # 0.6 is difflib's default: with less, words are guessed that only share some letters, with more, two swapped
    # letters are too many.
    near = difflib.get_close_matches(word, list(words), n=1, cutoff=0.6)
    return f" (did you mean {near[0]}?)" if near else ""
