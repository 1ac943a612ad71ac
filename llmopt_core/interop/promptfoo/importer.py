"""Import of a promptfoo configuration: prompts × providers become configurations, tests become an evaluation set."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from llmopt_core.documents import limits
from llmopt_core.documents.guard import run_within_limits
from llmopt_core.documents.progress import OnPart
from llmopt_core.errors import BadInput
from llmopt_core.evaluation.assertions.columns import EXAMPLE_COLUMN
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.interop.promptfoo import FoundPrompt, FoundTest, PromptfooFile, read_promptfoo
from llmopt_core.interop.promptfoo.assertions import UnsupportedError, assertions_from, explain_obstacle
from llmopt_core.interop.promptfoo.examples import RESERVED_NAMES, read_example
from llmopt_core.interop.promptfoo.providers import model_from
from llmopt_core.interop.promptfoo.references import DATA
from llmopt_core.models.base import ModelSpec
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.prompts.messages import find_undefined_variables, templates_of
from llmopt_core.prompts.spec import PromptSpec
from llmopt_core.prompts.template import variables_in
from llmopt_core.text.free_names import free_name
from llmopt_core.types import EvaluationSet, Example

# Stands between the names of a prompt and of a model in the name of a configuration.
JOINT = " · "


@dataclass(frozen=True, slots=True)
class NotRun:
    """A prompt, provider or test that is not run, and everything about it that is not supported."""

    kind: str
    name: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PromptfooImport:
    """What became of a file.

    Attributes:
        judge: The file's grader; the built-in judge where it names none.
        endpoints: Those the file says the place of; others must be there already.
        repeat: How often each test is asked.
        not_run: What is not supported, by prompt, provider and test.
        warnings: What reads differently here, and parts of the file that nothing was read from.
    """

    name: str
    configurations: tuple[Configuration, ...]
    evaluation_set: EvaluationSet
    judge: JudgeSpec = field(default_factory=JudgeSpec)
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    repeat: int = 1
    not_run: tuple[NotRun, ...] = ()
    warnings: tuple[str, ...] = ()


def import_promptfoo(path: Path, root: Path | None = None, name: str = "") -> PromptfooImport:
    """Read a `promptfooconfig.yaml` (or the folder that holds one).

    Args:
        path: File or folder.
        root: Files outside of this folder are not read; by default the configuration's own.
        name: What the evaluation set is called; by default the folder.

    Raises:
        BadInput: A file is missing or broken, or nothing in it can be run here.
    """
    file = _read(path, root)
    importer = _Importer()
    grader = _grader(file.tests)
    # Before the assertions, which compare their own grader with this one.
    judge = importer.judge(grader)
    models = importer.models(file.providers)
    importer.not_run += [NotRun("tests", name, (reason,)) for name, reason in file.not_read.items()]
    # `question` is known here even where no test names it: each example has one.
    known_names = {"question", *(name for test in file.tests for name in test.variables)}
    # Where no test is read, or some variables are not, nobody knows which variables they have.
    has_hidden_test = any(test.problems and not test.variables for test in file.tests)
    has_unknown_names = has_hidden_test or (bool(file.not_read) and not any(test.variables for test in file.tests))
    configurations = importer.configurations(file.prompts, models, None if has_unknown_names else known_names)
    # Variables of templates that at least one test has; in the others they are empty, as promptfoo renders them.
    template_names = {
        name for c in configurations for template in templates_of(c.prompt) for name in variables_in(template)
    }
    examples = importer.examples([_fill(test, template_names & known_names) for test in file.tests], grader)
    if not configurations:
        # Three reasons fit into a message; a large file may have hundreds.
        reasons = "; ".join(f"{entry.kind} {entry.name}: {', '.join(entry.reasons)}" for entry in importer.not_run[:3])
        raise BadInput(f"Nothing in {path} can be run here ({reasons or 'it names no provider'}).")
    name = name or (path if path.is_dir() else path.parent).resolve().name or "promptfoo"
    return PromptfooImport(
        name,
        configurations,
        EvaluationSet(name, examples),
        judge,
        {key: endpoint.from_file(name) for key, endpoint in importer.endpoints.items()},
        file.repeat,
        tuple(importer.not_run),
        tuple([*_parts_not_read(file), *importer.warnings, *_warnings(examples, judge)]),
    )


def _read(path: Path, root: Path | None) -> PromptfooFile:
    """The file and all it names; apart where the folder holds so much that YAML would keep a page waiting."""
    folder = root or (path if path.is_dir() else path.parent)
    size = 0
    # All data files beside it, whether named or not: a cheap bound of what may have to be read.
    for entry in folder.rglob("*"):
        size += entry.stat().st_size if entry.suffix.lower() in DATA and entry.is_file() else 0
        # In a process of its own, which can be ended: YAML takes seconds per megabyte in Python.
        if size > limits.YAML_AT_ONCE_BYTES:
            # The child may stand in another folder.
            arguments = (path.absolute(), root.absolute() if root is not None else None)
            file: PromptfooFile = run_within_limits(
                path.name, _read_apart, arguments, size, limits.YAML_SECONDS, advice="split it, or write it as JSONL"
            )
            return file
    return read_promptfoo(path, root)


def _read_apart(path: Path, root: Path | None, _on_part: OnPart) -> PromptfooFile:
    return read_promptfoo(path, root)


def _parts_not_read(file: PromptfooFile) -> list[str]:
    """Parts of the file that are not supported and hold no tests."""
    # Sources of tests are told by their own message.
    return [problem for problem in file.problems if not any(f"'{name}'" in problem for name in file.not_read)]


def _grader(tests: Sequence[FoundTest]) -> Any:
    """The one provider that grades, where the tests agree."""
    test_graders = [test.grader for test in tests if test.grader is not None]
    assertion_graders = [a["provider"] for test in tests for a in test.assertions if a.get("provider") is not None]
    # What the test says of itself comes before what its assertions say.
    return next(iter([*test_graders, *assertion_graders]), None)


def _warnings(examples: Sequence[Example], judge: JudgeSpec) -> Iterator[str]:
    types = {assertion["type"] for example in examples for assertion in example.variables.get(EXAMPLE_COLUMN, ())}
    if "llm-rubric" in types and judge.is_builtin:
        yield "Some tests need an LLM as judge and the file names none; choose one, or those tests are not run."
    if "similar" in types:
        yield "Similarity is that of the built-in embedding model; thresholds set for another model may not fit."


class _Importer:
    """Collects what is not supported on the way."""

    def __init__(self) -> None:
        self.not_run: list[NotRun] = []
        self.warnings: list[str] = []
        self.endpoints: dict[str, Endpoint] = {}

    def judge(self, grader: Any) -> JudgeSpec:
        """The judge a grading provider stands for."""
        if grader is None:
            return JudgeSpec()
        provider = grader if isinstance(grader, Mapping) else {"id": str(grader)}
        # promptfoo's form for graders of several kinds: {text: ..., embedding: ...}; only the text's is used.
        if "id" not in provider and isinstance(provider.get("text"), str | Mapping):
            return self.judge(provider["text"])
        try:
            # An `id` is set so that a mapping without one is told as an unknown service, not as a fault of the program.
            model, endpoint = model_from({"id": "", **provider})
        except UnsupportedError as error:
            self.not_run.append(NotRun("grader", str(provider.get("id", provider)), (str(error),)))
            return JudgeSpec()
        self._note(endpoint)
        return JudgeSpec(endpoint=model.endpoint, model=model.name, temperature=model.temperature)

    def models(self, providers: Sequence[Mapping[str, Any]]) -> list[tuple[str, ModelSpec, Any]]:
        """Label, model and prompt filter of each provider that is supported."""
        models = []
        for provider in providers:
            label = str(provider.get("label") or provider["id"])
            try:
                model, endpoint = model_from(provider)
            except UnsupportedError as error:
                self.not_run.append(NotRun("provider", label, (str(error),)))
                continue
            self._note(endpoint)
            models.append((label, model, provider.get("prompts")))
        return models

    def _note(self, endpoint: Endpoint | None) -> None:
        if endpoint is not None and endpoint.name not in self.endpoints:
            self.endpoints[endpoint.name] = endpoint
            # A server on this machine rarely asks for a key.
            if not endpoint.api_key_env and not endpoint.base_url.startswith("http://localhost"):
                self.warnings.append(f"If {endpoint.base_url} needs a key, name its variable in Settings.")

    def configurations(
        self,
        prompts: Sequence[FoundPrompt],
        models: Sequence[tuple[str, ModelSpec, Any]],
        test_variables: Collection[str] | None,
    ) -> tuple[Configuration, ...]:
        """Each supported prompt with each supported provider that takes it."""
        # A dictionary keeps the order of prompts and models, and tells which names are taken.
        configurations: dict[str, Configuration] = {}
        for prompt in prompts:
            problem = prompt.problem if prompt.spec is None else _unsupported_keys(prompt.spec, test_variables)
            if prompt.spec is None or problem:
                self.not_run.append(NotRun("prompt", prompt.label, (problem,)))
                continue
            for provider, model, prompt_filter in models:
                if _takes(prompt_filter, prompt):
                    name = _free(
                        f"{prompt.label}{JOINT}{provider}" if len(models) > 1 else prompt.label, configurations
                    )
                    configurations[name] = Configuration(name=name, model=model, prompt=prompt.spec)
        return tuple(configurations.values())

    def examples(self, tests: Sequence[FoundTest], grader: Any) -> tuple[Example, ...]:
        """The tests as examples; each carries its assertions."""
        examples: dict[str, Example] = {}
        for test in tests:
            assertions = list(assertions_from(test.assertions, grader, has_threshold=test.threshold is not None))
            problems = list(test.problems)
            if test.grader not in (None, grader):
                problems.append("a grader of its own is not supported")
            # The reference of an example is one text, against which recall is measured.
            if len({str(a.get("value")) for a in test.assertions if a.get("type") == "context-recall"}) > 1:
                problems.append("more than one 'context-recall' is not supported")
            reserved_names = sorted(set(test.variables) & set(RESERVED_NAMES))
            problems += [f"the variable name '{key}' is taken by this program" for key in reserved_names]
            # First, so that the reason for a test that is not run stands before its checks.
            assertions = [*(explain_obstacle(problem) for problem in problems), *assertions]
            name = _free(test.name, examples)
            reasons = tuple(assertion.value["reason"] for assertion in assertions if assertion.type == "unsupported")
            if reasons:
                self.not_run.append(NotRun("test", name, reasons))
            examples[name] = read_example(name, test, assertions)
        return tuple(examples.values())


def _unsupported_keys(prompt: PromptSpec, test_variables: Collection[str] | None) -> str:
    """What the prompt needs and no test has; empty where nothing is missing."""
    missing = sorted(find_undefined_variables(prompt, list(test_variables or ())))
    # promptfoo puts the environment into `env`: a prompt that somebody sent could read keys with it and send them off.
    names = {name for template in templates_of(prompt) for name in variables_in(template)}
    if "env" in names and "env" not in (test_variables or ()):
        return "uses 'env'; variables of the environment are not read here"
    if not missing or test_variables is None:
        return ""
    return f"uses '{missing[0]}', which no test has"


def _takes(prompt_names: Any, prompt: FoundPrompt) -> bool:
    """Whether a provider's list of prompts has this one: by a name, by a group, or by a wildcard at the end."""
    # No list means all prompts.
    if not isinstance(prompt_names, list):
        return True
    names = (prompt.label, *prompt.names)
    return any(
        name == want or name.startswith(f"{want}:") or (want.endswith("*") and name.startswith(want[:-1]))
        for want in map(str, prompt_names)
        for name in names
    )


def _fill(test: FoundTest, variables: Collection[str]) -> FoundTest:
    """A test with nothing, as a template would write it, for what prompts take and only other tests have."""
    own_values = {name: "" if value is None else value for name, value in test.variables.items()}
    return replace(test, variables={**own_values, **{name: "" for name in sorted(variables) if name not in own_values}})


def _free(name: str, names: Mapping[str, Any]) -> str:
    # Control characters from a file would break tables and terminals; 180 characters, since a prompt without a
    # label is named by its text.
    base = "".join(c if c.isprintable() else " " for c in name).strip()[:180] or "unnamed"
    return free_name(base, names)
