"""Answers that should be JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jsonschema
from jsonschema import validators
from jsonschema.exceptions import SchemaError, best_match
from referencing import Registry
from referencing.exceptions import Unresolvable

from llmopt_core.errors import BadInput
from llmopt_core.prompts.patterns import ends_of_matches
from llmopt_core.text.json_text import parse_json

# A schema may ask for exponentially many steps; real ones take milliseconds.
SECONDS = 1.0

Problems = Iterator[jsonschema.ValidationError]
Keyword = Callable[[Any, Any, Any, Any], Problems | None]


def is_json(text: str) -> tuple[bool, str]:
    """Whether the whole text is JSON as the standard has it (no NaN, no comments), and the first problem if not."""
    try:
        _parse(text)
    except ValueError as error:
        return False, f"The answer is not JSON: {error}."
    return True, "The answer is valid JSON."


def fits_schema(text: str, schema: Any) -> tuple[bool, str]:
    """Whether the text is JSON that fits a JSON schema, and the first problem if not.

    Raises:
        BadInput: The schema refers to another one that it does not hold, has a pattern that runs away, or takes
            too long.
    """
    try:
        value = _parse(text)
    except ValueError as error:
        return False, f"The answer is not JSON: {error}."
    if _holds(schema, "patternProperties") and _holds(schema, "unevaluatedProperties"):
        # What is unevaluated is found by the library alone, which matches patterns without a limit.
        raise BadInput("A JSON schema with both 'patternProperties' and 'unevaluatedProperties' is not supported.")
    try:
        # The schema says by `$schema` which draft it means; without one the newest.
        kind = _guard_validator(validators.validator_for(schema, default=jsonschema.Draft202012Validator))
        # An empty registry: a schema may not make this program fetch something.
        problem = best_match(kind(schema, registry=Registry()).iter_errors(value))
    except Unresolvable as error:
        raise BadInput(f"The JSON schema of the assertion refers to {error.ref!r}, which it does not hold.") from error
    except OverflowError as error:
        raise BadInput("The answer holds a number that is too large for the JSON schema of the assertion.") from error
    except BaseException as error:
        # Where Python's stack is used up, the library's part in Rust panics, which is no `Exception`.
        # pyo3's PanicException cannot be imported, so it is told by its name.
        if not isinstance(error, RecursionError) and type(error).__name__ != "PanicException":
            raise
        raise BadInput("The JSON schema of the assertion refers to itself without end.") from error
    if problem is None:
        return True, "The answer fits the schema."
    # The place in the answer as Python would write it: ['items'][0].
    where = "".join(f"[{part!r}]" for part in problem.absolute_path)
    # The library puts the whole value into its message.
    return False, f"{where or 'The answer'}: {problem.message[:300]}."


def schema_problem(schema: Any) -> str:
    """What is wrong with a JSON schema; empty where nothing is."""
    try:
        validators.validator_for(schema, default=jsonschema.Draft202012Validator).check_schema(schema)
    except SchemaError as error:
        return f"needs a valid JSON schema: {error.message[:300]}"
    except RecursionError:
        return "needs a JSON schema that is not nested so deeply"
    return ""


def same_json(text: str, value: Any) -> bool:
    """Whether the text is JSON equal to the value."""
    try:
        return bool(_hashable(_parse(text)) == _hashable(value))
    # The parser goes deeper than a function of Python can.
    except (ValueError, RecursionError):
        return False


def _parse(text: str) -> Any:
    try:
        return parse_json(text, _refuse)
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} (line {error.lineno}, column {error.colno})") from error


def _holds(schema: Any, keyword: str) -> bool:
    """Whether the keyword stands anywhere in the schema."""
    if isinstance(schema, Mapping):
        return keyword in schema or any(_holds(part, keyword) for part in schema.values())
    return isinstance(schema, list | tuple) and any(_holds(part, keyword) for part in schema)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a JSON number")


class _Clock:
    """When an assertion gives up. A small schema can ask for 2^30 steps, by parts that refer to two others each."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def look(self) -> float:
        """Seconds that are left.

        Raises:
            BadInput: None are.
        """
        # Each keyword of each part looks at the clock; reading it costs a fraction of a microsecond.
        seconds = self._end - time.monotonic()
        if seconds <= 0:
            raise BadInput(f"The JSON schema of the assertion takes more than {self._seconds:g} s on this answer.")
        return seconds

    def matches(self, pattern: str, text: str) -> bool:
        """Whether a pattern matches somewhere, in the time that is left."""
        seconds = self.look()
        try:
            return ends_of_matches(pattern, text, seconds=seconds) is not None
        except BadInput:
            if seconds < self._seconds / 2:
                # Most of the time went elsewhere: it is not this pattern that runs away.
                self.look()
            raise


def _guard_validator(kind: Any) -> Any:
    """The validator class with keywords that cannot run away, which gives up after some time."""
    clock = _Clock(SECONDS)

    def guard(keyword: Keyword) -> Keyword:
        def check(validator: Any, value: Any, instance: Any, schema: Any) -> Problems | None:
            clock.look()
            return keyword(validator, value, instance, schema)

        return check

    def of_clock(keyword: Callable[..., Problems]) -> Keyword:
        return lambda validator, value, instance, schema: keyword(clock, validator, value, instance, schema)

    # Only where the draft has the keyword: a schema must not be held to what its draft does not know.
    keywords = {name: of_clock(keyword) for name, keyword in _GUARDS.items() if name in kind.VALIDATORS}
    # Keywords of ours go over those of the library, and all are guarded. The library has no types for `extend`.
    return validators.extend(kind, {name: guard(k) for name, k in {**kind.VALIDATORS, **keywords}.items()})  # type: ignore[no-untyped-call]


def _pattern(clock: _Clock, validator: Any, pattern: str, instance: Any, _schema: Any) -> Problems:
    # Keywords for texts say nothing of numbers; that is what `type` is for.
    if validator.is_type(instance, "string") and not clock.matches(pattern, instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(clock: _Clock, validator: Any, patterns: Any, instance: Any, _schema: Any) -> Problems:
    if not validator.is_type(instance, "object"):
        return
    for pattern, part in patterns.items():
        for name, value in instance.items():
            if clock.matches(pattern, name):
                yield from validator.descend(value, part, path=name, schema_path=pattern)


def _additional_properties(clock: _Clock, validator: Any, rule: Any, instance: Any, schema: Any) -> Problems:
    if not validator.is_type(instance, "object"):
        return
    # What `properties` or a pattern names is not additional.
    properties, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for name in instance:
        if name in properties or any(clock.matches(pattern, name) for pattern in patterns):
            continue
        if rule is False:
            yield jsonschema.ValidationError(f"the property {name!r} is not allowed")
        else:
            yield from validator.descend(instance[name], rule, path=name)


def _unique_items(clock: _Clock, validator: Any, rule: Any, instance: Any, _schema: Any) -> Problems:
    """By hashes: the library compares every two items."""
    if not rule or not validator.is_type(instance, "array"):
        return
    known_keys: set[Any] = set()
    for item in instance:
        clock.look()
        key = _hashable(item)
        if key in known_keys:
            yield jsonschema.ValidationError("the items are not all different")
            return
        known_keys.add(key)


def _hashable(value: Any) -> Any:
    """A form in which equal JSON values are equal, to be compared or counted."""
    if isinstance(value, Mapping):
        return frozenset((name, _hashable(part)) for name, part in value.items())
    if isinstance(value, list | tuple):
        return tuple(map(_hashable, value))
    # To Python, True is 1.
    return (bool, value) if isinstance(value, bool) else value  # and JSON's true is not its 1


_GUARDS: Mapping[str, Callable[..., Problems]] = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "uniqueItems": _unique_items,
}
