"""promptfoo tests -> variables and assertions, one entry for each combination of listed variables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.interop.promptfoo.csv_tests import tests_in_csv
from llmopt_core.interop.promptfoo.references import Folder, is_code
from llmopt_core.interop.promptfoo.variables import Variables
from llmopt_core.interop.promptfoo.yaml12 import NOT_FINITE
from llmopt_core.text.json_text import parse_json

# Lists of variables multiply; nobody waits for, or pays, more.
MAX_TESTS = 100_000
TestInFolder = tuple[Mapping[str, Any], Folder]
"""A test, and the folder that its paths are relative to."""
_SUPPORTED_KEYS = {"description", "vars", "assert", "threshold", "metadata", "options", "provider"}
# Settings of a test that change neither what is asked nor what passes.
# `provider` as an option is the grader, which is read elsewhere.
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
        BadInput: A test has the wrong form.
    """
    default = _default_test(config.get("defaultTest"), folder, source)
    templates = config.get("assertionTemplates") or {}
    tests: list[FoundTest] = []
    not_read: dict[str, str] = {}
    broken_sources: dict[str, str] = {}
    raw = _raw_tests(config.get("tests"), folder, source, not_read, broken_sources)
    for number, (test, own) in enumerate(raw, start=1):
        tests += _Test(test, default, templates, own, f"{source}: test {number}").expand(number)
        # While they are made: the bound must hold before the memory is gone.
        if len(tests) > MAX_TESTS:
            raise BadInput(f"{source} has more than {MAX_TESTS:,} tests.")
    not_read |= broken_sources
    # Without any test a placeholder carries the reasons, so that the import can tell them.
    if not_read and not tests:
        return [FoundTest(name, {}, problems=(why,)) for name, why in not_read.items()], not_read
    # promptfoo asks each prompt once, without variables, where there are no tests.
    return tests or list(_Test({}, default, {}, folder, f"{source}: test 1").expand(1)), not_read


def _default_test(value: Any, folder: Folder, source: str) -> TestInFolder:
    if isinstance(value, str) and is_code(value):
        return {"problem": f"defaultTest comes from {value}, which is code and not run here"}, folder
    if isinstance(value, str):
        try:
            # `value` refuses several files, so the first is the only one.
            (path,) = folder.find(value)[:1]
            content = folder.value(value)
        except BadInput as error:
            return {"problem": f"defaultTest: {error}"}, folder
        if content is not None and not isinstance(content, Mapping):
            return {"problem": f"defaultTest: {value} must hold a mapping, not {type(content).__name__}"}, folder
        # What it names is relative to itself.
        value, folder = content, folder.of(path)
    if value is not None and not isinstance(value, Mapping):
        raise BadInput(f"{source}: defaultTest must be a mapping or a file, not {type(value).__name__}.")
    return value or {}, folder


def _raw_tests(
    value: Any, folder: Folder, source: str, not_read: dict[str, str], faults: dict[str, str]
) -> Iterator[TestInFolder]:
    for entry in value if isinstance(value, list) else [value] if value is not None else []:
        name = entry.get("path") if isinstance(entry, Mapping) else entry
        if isinstance(entry, Mapping) and "path" in entry:
            # A mapping with `path` is a program that makes tests.
            not_read[str(name)] = f"{source}: tests made by {name} are not supported; write them into a file."
        elif isinstance(entry, Mapping):
            yield entry, folder
        elif not isinstance(entry, str):
            raise BadInput(f"{source}: a test must be a mapping or a file, not {entry!r}.")
        elif _is_no_table(entry):
            not_read[entry] = f"Tests from {entry} are not supported; save them as CSV, YAML, JSON or JSONL."
        elif entry.startswith(("http://", "https://", "huggingface://")):
            not_read[entry] = f"Tests from {entry} are not fetched; download them first."
        else:
            yield from _tests_in_files(entry, folder, faults)


def _is_no_table(reference: str) -> bool:
    path = reference.split("#", maxsplit=1)[0]
    # The fragment is the sheet of a workbook or a row of a service. Behind `file://` a second scheme is a service, too.
    return is_code(path) or Path(path).suffix.lower() in (".xlsx", ".xls") or "://" in reference[7:]


def _tests_in_files(reference: str, folder: Folder, faults: dict[str, str]) -> Iterator[TestInFolder]:
    try:
        paths = folder.find(reference)
    except BadInput as error:
        faults[reference] = str(error)
        return
    for path in paths:
        try:
            # One broken file of many is told, and the others are read.
            tests = _tests_in_file(path, folder)
        except BadInput as error:
            faults[path.name] = str(error)
            continue
        yield from ((test, folder.of(path)) for test in tests)


def _tests_in_file(path: Path, folder: Folder) -> Sequence[Any]:
    """The tests of one file.

    Raises:
        BadInput: It cannot be read, or one of them is no mapping.
    """
    if path.suffix.lower() == ".csv":
        return tests_in_csv(folder.text(path), str(path))
    if path.suffix.lower() == ".jsonl":
        lines = enumerate(folder.text(path).splitlines(), start=1)
        data = [_json_line(line, path, number) for number, line in lines if line.strip()]
    else:
        data = folder.data(path)
    # A file of one test may hold its mapping alone.
    tests = data if isinstance(data, list) else [data]
    for number, test in enumerate(tests, start=1):
        if not isinstance(test, Mapping):
            raise BadInput(f"{path}: test {number} must be a mapping, not {repr(test)[:60]}.")
    return tests


def _mapping_in(path: Path, folder: Folder) -> Mapping[str, Any]:
    value = folder.data(path)
    if not isinstance(value, Mapping):
        raise BadInput(f"{path}: a file of variables must hold a mapping, not {type(value).__name__}.")
    return value


def _json_line(line: str, path: Path, number: int) -> Any:
    try:
        return parse_json(line)
    except ValueError as error:
        raise BadInput(f"{path}, line {number}, is not JSON: {error}.") from error


class _Test:
    """One test with its defaults, being read."""

    def __init__(
        self, test: Mapping[str, Any], default: TestInFolder, templates: Any, folder: Folder, where: str
    ) -> None:
        self.test, (self.default, self.default_folder) = test, default
        self.templates, self.folder, self.where = templates, folder, where
        self.problems: list[str] = []
        if "problem" in self.default:
            self.problems.append(self.default["problem"])
            # Nothing of a default that could not be read holds, but every test says so.
            self.default = {}
        # A test's own options win one by one.
        self.options = {**self._mapping(self.default, "options"), **self._mapping(test, "options")}

    def expand(self, number: int) -> Iterator[FoundTest]:
        """The test once for each combination of its listed variables."""
        own, defaults = self._variables(self.test, self.folder), self._variables(self.default, self.default_folder)
        folders = {name: self.folder if name in own else self.default_folder for name in {**defaults, **own}}
        variables = Variables({**defaults, **own}, folders)
        assertions = tuple(self._assertions())
        threshold = self.test.get("threshold", self.default.get("threshold"))
        # How YAML's .inf and .nan are read, see `yaml12`.
        if threshold in NOT_FINITE:
            self.problems.append(f"a threshold of {threshold} is not supported")
            threshold = None
        if threshold is not None and not isinstance(threshold, int | float):
            raise BadInput(f"{self.where}: threshold must be a number, not {repr(threshold)[:60]}.")
        self._add_unsupported_keys()
        expand = not self.options.get("disableVarExpansion")
        if variables.combinations(expand) > MAX_TESTS:
            raise BadInput(f"{self.where}: its listed variables combine to more than {MAX_TESTS:,} tests.")
        for values, problems in variables.expand(expand):
            yield FoundTest(
                name=str(self.test.get("description") or f"test {number}"),
                # Numbered in the file's order, so that a name finds its test again.
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

    def _variables(self, test: Mapping[str, Any], folder: Folder) -> dict[str, Any]:
        variables = test.get("vars") or {}
        if isinstance(variables, str | list):
            # A list of files, or one.
            variables = self._from_files([variables] if isinstance(variables, str) else variables, folder)
        if not isinstance(variables, Mapping):
            raise BadInput(f"{self.where}: vars must be a mapping or a file, not {variables!r}.")
        return {str(name): value for name, value in variables.items()}

    def _from_files(self, references: Sequence[Any], folder: Folder) -> dict[str, Any]:
        """The variables of one or several files; those of a later one win."""
        variables: dict[str, Any] = {}
        for reference in map(str, references):
            if is_code(reference):
                self.problems.append(f"its variables come from {reference}, which is code and not run here")
                continue
            try:
                for path in folder.find(reference):
                    variables |= _mapping_in(path, folder)
            except BadInput as error:
                self.problems.append(f"its variables cannot be read: {error}")
        return variables

    def _assertions(self) -> Iterator[Mapping[str, Any]]:
        defaults = [] if self.options.get("disableDefaultAsserts") else self.default.get("assert") or []
        for folder, assertions in ((self.default_folder, defaults), (self.folder, self.test.get("assert") or [])):
            for assertion in self._list_assertions(assertions, folder):
                if not isinstance(assertion, Mapping):
                    raise BadInput(f"{self.where}: an assertion must be a mapping, not {repr(assertion)[:60]}.")
                if not isinstance(assertion.get("type", ""), str):
                    kind = repr(assertion["type"])[:60]
                    raise BadInput(f"{self.where}: the type of an assertion must be a word, not {kind}.")
                yield self._resolve(assertion, folder)

    def _list_assertions(self, assertions: Any, folder: Folder) -> Iterator[Any]:
        """Assertions one by one, those of a file that is named in their place, too."""
        for assertion in assertions if isinstance(assertions, list) else [assertions]:
            if not isinstance(assertion, str) or not assertion.startswith("file://"):
                yield assertion
                continue
            try:
                content = folder.value(assertion)
            except BadInput as error:
                self.problems.append(f"its assertions cannot be read: {error}")
                continue
            yield from content if isinstance(content, list) else [content]

    def _resolve(self, assertion: Mapping[str, Any], folder: Folder) -> Mapping[str, Any]:
        if "$ref" in assertion:
            # "#/assertionTemplates/short" names by its end.
            name = str(assertion["$ref"]).rsplit("/", 1)[-1]
            if not isinstance(self.templates, Mapping) or not isinstance(self.templates.get(name), Mapping):
                raise BadInput(f"{self.where}: there is no assertion template called {name!r}.")
            # What stands beside the reference wins over the template.
            assertion = {**self.templates[name], **{key: value for key, value in assertion.items() if key != "$ref"}}
        if "value" in assertion:
            place = f"assertion {assertion.get('type')}"
            return {**assertion, "value": self._fill(assertion["value"], place, folder)}
        return assertion

    def _fill(self, value: Any, place: str, folder: Folder) -> Any:
        """A value with its `file://` references read; what cannot be read is a problem of this test."""
        if isinstance(value, list):
            return [self._fill(item, place, folder) for item in value]
        if not isinstance(value, str) or not value.startswith("file://"):
            return value
        try:
            return folder.value(value)
        except BadInput as error:
            self.problems.append(f"{place}: {error}")
            return value

    def _add_unsupported_keys(self) -> None:
        # A problem keeps the test from being run: it would ask, or judge, something else than in promptfoo.
        self.problems += [f"'{key}' is not supported" for key in self.test if key not in _SUPPORTED_KEYS]
        self.problems += [
            f"'{key}' of defaultTest is not supported" for key in self.default if key not in _SUPPORTED_KEYS
        ]
        self.problems += [
            f"option '{key}' is not supported" for key, v in self.options.items() if v and key not in _HARMLESS
        ]
        if self.test.get("provider") or self.default.get("provider"):
            self.problems.append("a provider of its own is not supported")
