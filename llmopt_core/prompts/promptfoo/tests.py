"""promptfoo tests -> variables and assertions, one entry for each combination of listed variables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.prompts.promptfoo.csv_tests import tests_in_csv
from llmopt_core.prompts.promptfoo.references import CODE, Folder
from llmopt_core.prompts.promptfoo.variables import Variables

MAX_TESTS = 100_000
_KNOWN = {"description", "vars", "assert", "threshold", "metadata", "options", "provider"}
# Settings of a test that change neither what is asked nor what passes.
_HARMLESS = {"runSerially", "disableVarExpansion", "disableDefaultAsserts", "provider"}


@dataclass(frozen=True, slots=True)
class FoundTest:
    """A test of the file.

    Attributes:
        assertions: As they stand in the file, `$ref` and `file://` filled in, those of `defaultTest` first.
        grader: The provider that grades, where the test names one.
        problems: What of this test is not supported here; a test with a problem is not run.
    """

    name: str
    variables: Mapping[str, Any]
    assertions: tuple[Mapping[str, Any], ...] = ()
    threshold: float | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    grader: Any = None
    problems: tuple[str, ...] = ()


def read_tests(config: Mapping[str, Any], folder: Folder, source: str) -> tuple[list[FoundTest], dict[str, str]]:
    """All tests of a configuration, and the sources of tests that are not read, with the reason.

    Raises:
        BadInput: A file of tests is missing or broken, a test has the wrong form, or no source of tests is read.
    """
    default = _default_test(config.get("defaultTest"), folder, source)
    found: list[FoundTest] = []
    not_read: dict[str, str] = {}
    for number, test in enumerate(_raw_tests(config.get("tests"), folder, source, not_read), start=1):
        reader = _Test(test, default, config.get("assertionTemplates") or {}, folder, f"{source}: test {number}")
        found += reader.expanded(number)
        if len(found) > MAX_TESTS:
            raise BadInput(f"{source} has more than {MAX_TESTS:,} tests.")
    if not_read and not found:
        raise BadInput(next(iter(not_read.values())))
    return found or list(_Test({}, default, {}, folder, f"{source}: test 1").expanded(1)), not_read


def _default_test(value: Any, folder: Folder, source: str) -> Mapping[str, Any]:
    if isinstance(value, str):
        value = folder.value(value)
    if value is not None and not isinstance(value, Mapping):
        raise BadInput(f"{source}: defaultTest must be a mapping or a file, not {type(value).__name__}.")
    return value or {}


def _raw_tests(value: Any, folder: Folder, source: str, not_read: dict[str, str]) -> Iterator[Mapping[str, Any]]:
    for entry in value if isinstance(value, list) else [value] if value is not None else []:
        name = entry.get("path") if isinstance(entry, Mapping) else entry
        if isinstance(entry, Mapping) and "path" in entry:
            not_read[str(name)] = f"{source}: tests made by {name} are not supported; write them into a file."
        elif isinstance(entry, Mapping):
            yield entry
        elif not isinstance(entry, str):
            raise BadInput(f"{source}: a test must be a mapping or a file, not {entry!r}.")
        elif _is_no_table(entry):
            not_read[entry] = f"Tests from {entry} are not supported; save them as CSV, YAML, JSON or JSONL."
        elif entry.startswith(("http://", "https://", "huggingface://")):
            not_read[entry] = f"Tests from {entry} are not fetched; download them first."
        else:
            yield from _tests_in_files(entry, folder)


def _is_no_table(reference: str) -> bool:
    path = re.sub(r":\w+$", "", reference.split("#", maxsplit=1)[0])
    return Path(path).suffix.lower() in (*CODE, ".xlsx", ".xls") or "://" in reference[7:]


def _tests_in_files(reference: str, folder: Folder) -> Iterator[Mapping[str, Any]]:
    for path in folder.find(reference):
        tests = _tests_in_file(path, folder)
        for number, test in enumerate(tests, start=1):
            if not isinstance(test, Mapping):
                raise BadInput(f"{path}: test {number} must be a mapping, not {test!r}.")
            yield test


def _tests_in_file(path: Path, folder: Folder) -> Sequence[Any]:
    if path.suffix.lower() == ".csv":
        return tests_in_csv(folder.text(path), str(path))
    if path.suffix.lower() == ".jsonl":
        return [_json_line(line, path, n) for n, line in enumerate(folder.text(path).splitlines(), 1) if line.strip()]
    data = folder.data(path)
    return data if isinstance(data, list) else [data]


def _json_line(line: str, path: Path, number: int) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise BadInput(f"{path}, line {number}, is not JSON: {error}.") from error


class _Test:
    """One test with its defaults, being read."""

    def __init__(
        self, test: Mapping[str, Any], default: Mapping[str, Any], templates: Any, folder: Folder, where: str
    ) -> None:
        self.test, self.default, self.templates, self.folder, self.where = test, default, templates, folder, where
        self.options = {**self._mapping(default, "options"), **self._mapping(test, "options")}
        self.problems: list[str] = []

    def expanded(self, number: int) -> Iterator[FoundTest]:
        """The test once for each combination of its listed variables."""
        variables = Variables({**self._variables(self.default), **self._variables(self.test)}, self.folder)
        assertions = tuple(self._assertions())
        threshold = self.test.get("threshold", self.default.get("threshold"))
        if threshold is not None and not isinstance(threshold, int | float):
            raise BadInput(f"{self.where}: threshold must be a number, not {threshold!r}.")
        self._unsupported()
        expand = not self.options.get("disableVarExpansion")
        if variables.combinations(expand) > MAX_TESTS:
            raise BadInput(f"{self.where}: its listed variables combine to more than {MAX_TESTS:,} tests.")
        for values, problems in variables.combined(expand):
            yield FoundTest(
                name=str(self.test.get("description") or f"test {number}"),
                variables=values,
                assertions=assertions,
                threshold=threshold,
                metadata={**self._mapping(self.default, "metadata"), **self._mapping(self.test, "metadata")},
                grader=self.options.get("provider"),
                problems=(*self.problems, *problems),
            )

    def _mapping(self, test: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        value = test.get(key) or {}
        if not isinstance(value, Mapping):
            raise BadInput(f"{self.where}: {key} must be a mapping, not {value!r}.")
        return value

    def _variables(self, test: Mapping[str, Any]) -> dict[str, Any]:
        found = test.get("vars") or {}
        if isinstance(found, str):
            found = self.folder.value(found)
        if not isinstance(found, Mapping):
            raise BadInput(f"{self.where}: vars must be a mapping or a file, not {found!r}.")
        return {str(name): value for name, value in found.items()}

    def _assertions(self) -> Iterator[Mapping[str, Any]]:
        tests = [self.test] if self.options.get("disableDefaultAsserts") else [self.default, self.test]
        for assertion in (assertion for test in tests for assertion in test.get("assert") or []):
            if not isinstance(assertion, Mapping):
                raise BadInput(f"{self.where}: an assertion must be a mapping, not {assertion!r}.")
            yield self._resolved(assertion)

    def _resolved(self, assertion: Mapping[str, Any]) -> Mapping[str, Any]:
        if "$ref" in assertion:
            name = str(assertion["$ref"]).rsplit("/", 1)[-1]
            if not isinstance(self.templates, Mapping) or not isinstance(self.templates.get(name), Mapping):
                raise BadInput(f"{self.where}: there is no assertion template called {name!r}.")
            assertion = {**self.templates[name], **{key: value for key, value in assertion.items() if key != "$ref"}}
        if "value" in assertion:
            return {**assertion, "value": self._filled(assertion["value"], f"assertion {assertion.get('type')}")}
        return assertion

    def _filled(self, value: Any, place: str) -> Any:
        """A value with its `file://` references read; what cannot be read is a problem of this test."""
        if isinstance(value, list):
            return [self._filled(item, place) for item in value]
        if not isinstance(value, str) or not value.startswith("file://"):
            return value
        try:
            return self.folder.value(value)
        except BadInput as error:
            self.problems.append(f"{place}: {error}")
            return value

    def _unsupported(self) -> None:
        self.problems += [f"`{key}` is not supported" for key in self.test if key not in _KNOWN]
        self.problems += [f"`{key}` of defaultTest is not supported" for key in self.default if key not in _KNOWN]
        self.problems += [
            f"option `{key}` is not supported" for key, v in self.options.items() if v and key not in _HARMLESS
        ]
        if self.test.get("provider") or self.default.get("provider"):
            self.problems.append("a provider of its own is not supported")
