"""Configurations and an evaluation set -> a promptfoo configuration, or an experiment file of our own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from llmopt_core.documents.question_columns import means_something
from llmopt_core.errors import BadInput
from llmopt_core.evaluation.assertions.check import AssertionSpec, assertions_of, threshold_of
from llmopt_core.evaluation.assertions.columns import without_assertions
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.interop.promptfoo.assertions import UnsupportedError, assertion_from
from llmopt_core.interop.promptfoo.importer import JOINT, PromptfooImport
from llmopt_core.interop.promptfoo.nunjucks import to_nunjucks
from llmopt_core.interop.promptfoo.providers import provider_from
from llmopt_core.models.base import ModelSpec
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.prompts.messages import build_messages, select_shots
from llmopt_core.prompts.sandbox import MISSING_IS_EMPTY
from llmopt_core.prompts.spec import PromptSpec
from llmopt_core.text.free_names import free_name
from llmopt_core.types import EvaluationSet, Example


@dataclass(frozen=True, slots=True)
class PromptfooExport:
    """The text of a `promptfooconfig.yaml`, and what could not be said in it."""

    text: str
    omissions: tuple[str, ...] = ()


def export_promptfoo(
    configurations: Sequence[Configuration],
    evaluation_set: EvaluationSet,
    judge: JudgeSpec,
    endpoints: Mapping[str, Endpoint],
    assertions: Sequence[AssertionSpec] = (),
) -> PromptfooExport:
    """Write configurations and examples as a promptfoo configuration.

    Args:
        configurations: Those with retrieval, answer checks, a chain or an extraction pattern are left out, and named.
        evaluation_set: Its examples become tests, with the checks they carry.
        judge: Grades rubrics.
        endpoints: By name, for their base URLs.
        assertions: Asked of every answer (`defaultTest`).

    Raises:
        BadInput: No configuration is left.
    """
    reasons: dict[str, str] = {}
    prompts, providers = _prompts_and_providers(configurations, endpoints, reasons)
    omissions = [f"configuration {name}: {why}" for name, why in reasons.items()]
    if not prompts:
        raise BadInput(f"None of the configurations can be written for promptfoo: {'; '.join(omissions)}.")
    config: dict[str, Any] = {"description": evaluation_set.name, "prompts": prompts, "providers": providers}
    default = _default_test(assertions, judge, endpoints, omissions)
    if default:
        config["defaultTest"] = default
    config["tests"] = [_test(example, omissions) for example in evaluation_set.examples]
    # Each once: the same assertion is left out in every test.
    return PromptfooExport(_yaml(config), tuple(dict.fromkeys(omissions)))


def explain_unsupported_parts(
    configurations: Sequence[Configuration], endpoints: Mapping[str, Endpoint]
) -> dict[str, str]:
    """The configurations that promptfoo can't do, by name, each with the reason."""
    reasons: dict[str, str] = {}
    _prompts_and_providers(configurations, endpoints, reasons)
    return reasons


def _prompts_and_providers(
    configurations: Sequence[Configuration], endpoints: Mapping[str, Endpoint], unwritten: dict[str, str]
) -> tuple[list[dict[str, str]], list[dict[str, Any]]]:
    users: dict[str, list[str]] = {}  # the text of a prompt -> configurations that use it
    providers: dict[str, dict[str, Any]] = {}
    for configuration in configurations:
        endpoint = endpoints.get(configuration.model.endpoint)
        mode = configuration.model.mode or (endpoint.mode if endpoint else "chat")
        try:
            # Imported prompts end in the same text again that they were read from.
            raw = to_nunjucks(_raw_prompt(configuration, mode).replace(MISSING_IS_EMPTY, ""))
            provider = provider_from(configuration.model, mode, endpoint)
        except (UnsupportedError, BadInput) as error:
            unwritten[configuration.name] = str(error)
            continue
        users.setdefault(raw, []).append(configuration.name)
        # Providers that are equal in all settings are written once, with all prompts that they get. The JSON is only
        # their key.
        entry = providers.setdefault(json.dumps(provider, sort_keys=True), {**provider, "prompts": []})
        entry["prompts"].append(raw)
    labels = _labels(users)
    # Prompts are named once all are known, for names depend on who shares them.
    for entry in providers.values():
        entry["prompts"] = [labels[raw] for raw in entry["prompts"]]
    return [{"raw": raw, "label": label} for raw, label in labels.items()], list(providers.values())


def _labels(users: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """A name for each prompt from the configurations that use it, without the name of a model that several take."""
    labels: dict[str, str] = {}
    for number, (raw, names) in enumerate(users.items(), start=1):
        # "short · gpt-a" and "short · gpt-b" are both the prompt "short".
        stems = {name.rpartition(JOINT)[0] or name for name in names}
        label = names[0] if len(names) == 1 and JOINT not in names[0] else stems.pop() if len(stems) == 1 else ""
        label = label or f"prompt {number}"
        # promptfoo chooses prompts by their labels, so no two may share one.
        labels[raw] = free_name(label, labels.values())
    return labels


def _raw_prompt(configuration: Configuration, mode: str) -> str:
    prompt = configuration.prompt
    parts = {
        "retrieval": configuration.retrieval,
        "fact check": configuration.fact_check,
        "a chain": prompt.steps,
        "an extraction pattern": prompt.extract,
    }
    for part, value in parts.items():
        if value:
            raise UnsupportedError(f"it has {part}, which promptfoo does not know")
    # These are the same for every question and can be written out; others depend on the question.
    if prompt.few_shot is not None and prompt.few_shot.select not in ("all", "first"):
        raise UnsupportedError(f"its few-shot examples are chosen per question ({prompt.few_shot.select})")
    return _completion_text(prompt) if mode == "completion" else _chat_text(prompt)


def _chat_text(prompt: PromptSpec) -> str:
    shots = select_shots(prompt, {})
    if not prompt.system.strip() and not shots:
        return prompt.template
    messages = [{"role": "system", "content": prompt.system}] if prompt.system.strip() else []
    for question, answer in shots:
        # Examples are finished texts: a `{{` in them must reach the model as it stands.
        messages += [
            {"role": "user", "content": _literal(question)},
            {"role": "assistant", "content": _literal(answer)},
        ]
    return json.dumps([*messages, {"role": "user", "content": prompt.template}], ensure_ascii=False, indent=2)


def _completion_text(prompt: PromptSpec) -> str:
    """System, examples and template as one text; the examples are filled in, the rest stays a template."""
    # A copy with the examples alone: what is built from it stands between the system message and the template.
    examples = prompt.model_copy(update={"system": "", "template": "", "few_shot": _own_template(prompt)})
    prefix = build_messages(examples, {}, "completion")[0].content
    return (f"{prompt.system}\n\n" if prompt.system.strip() else "") + _literal(prefix) + prompt.template


def _own_template(prompt: PromptSpec) -> Any:
    shots = prompt.few_shot
    return shots and shots.model_copy(update={"template": shots.template or prompt.template})


def _literal(text: str) -> str:
    """Text that a template engine leaves alone."""
    # A text with `endraw` would end its own quotation.
    if "{%" in text and "endraw" in text:
        raise UnsupportedError("a few-shot example holds template marks that cannot be quoted")
    return f"{{% raw %}}{text}{{% endraw %}}" if any(mark in text for mark in ("{{", "{%", "{#")) else text


def _default_test(
    assertions: Sequence[AssertionSpec], judge: JudgeSpec, endpoints: Mapping[str, Endpoint], omissions: list[str]
) -> dict[str, Any]:
    default: dict[str, Any] = {}
    # The built-in judge is left out, so that promptfoo takes its own default grader.
    if not judge.is_builtin:
        model = ModelSpec(endpoint=judge.endpoint, name=judge.model, temperature=judge.temperature)
        try:
            default["options"] = {"provider": provider_from(model, "chat", endpoints.get(judge.endpoint))}
        except UnsupportedError as error:
            omissions.append(f"judge {judge.name}: {error}")
    entries = _assertions(assertions, "all tests", omissions)
    return {**default, **({"assert": entries} if entries else {})}


def _test(example: Example, omissions: list[str]) -> dict[str, Any]:
    own = without_assertions(example.variables)
    variables = {**own, "question": example.question}
    if example.reference is not None:
        variables.setdefault("reference", example.reference)
    # Through JSON, since YAML would write dates and tuples with tags that promptfoo cannot read.
    plain = json.loads(json.dumps(variables, default=str))
    try:
        plain = {name: _literal(value) if isinstance(value, str) else value for name, value in plain.items()}
    except UnsupportedError:
        omissions.append(f"test {example.id}: a variable holds template marks that cannot be quoted")
    test: dict[str, Any] = {"description": example.id, "vars": plain}
    # promptfoo would make a test of each item of a list.
    if any(isinstance(value, list) for value in variables.values()):
        test["options"] = {"disableVarExpansion": True}
    entries = _assertions(assertions_of(example), f"test {example.id}", omissions)
    if entries:
        test["assert"] = entries
    threshold = threshold_of(example)
    if threshold is not None:
        test["threshold"] = threshold
    if example.category:
        test["metadata"] = {"category": example.category}
    return test


def _assertions(assertions: Sequence[AssertionSpec], where: str, omissions: list[str]) -> list[dict[str, Any]]:
    entries = []
    for assertion in assertions:
        try:
            entries.append(assertion_from(assertion))
        except UnsupportedError as error:
            why = f"promptfoo has no assertion for {error}"
            if assertion.type == "unsupported":
                # The assertion came from promptfoo, and only part of it was understood.
                why = f"it stands here without what was not read of it: {error}"
            omissions.append(f"{where}: {why}")
    return entries


def experiment_files(promptfoo: PromptfooImport) -> dict[str, str]:
    """An import as files for `llmopt evaluate`: `experiment.yaml` and `questions.jsonl`."""
    experiment: dict[str, Any] = {
        "project": promptfoo.name,
        "documents": [],
        "evaluation_set": "questions.jsonl",
        "judge": "builtin"
        if promptfoo.judge.is_builtin
        else promptfoo.judge.model_dump(mode="json", exclude_defaults=True),
        "metrics": [],
        "configurations": [
            # Values that are the default are left out: the file stays readable, and follows the program's defaults.
            {"name": c.name, **c.model_dump(mode="json", exclude_defaults=True, exclude={"name"})}
            for c in promptfoo.configurations
        ],
    }
    if promptfoo.endpoints:
        experiment["endpoints"] = {
            name: endpoint.model_dump(mode="json", exclude_defaults=True, exclude={"name"})
            for name, endpoint in promptfoo.endpoints.items()
        }
    lines = [json.dumps(_row(example), ensure_ascii=False) for example in promptfoo.evaluation_set.examples]
    return {"experiment.yaml": _yaml(experiment), "questions.jsonl": "".join(f"{line}\n" for line in lines)}


class _Dumper(yaml.SafeDumper):
    """YAML in which texts of several lines stay readable."""


def _text_node(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    # A block keeps lines as they are; PyYAML's usual form puts \n into quotation marks.
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text_node)


def _yaml(value: Any) -> str:
    # Plain JSON first: YAML would write a value that stands in two places as an anchor and an alias.
    plain = json.loads(json.dumps(value))
    # Not sorted: a reader expects prompts before tests.
    return yaml.dump(plain, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def _row(example: Example) -> dict[str, Any]:
    """A line of a question file; variables that would mean something else there, or nothing, stand apart."""
    row = {"id": example.id, "question": example.question, "reference": example.reference, "category": example.category}
    # A variable named `reference` or `tags` would be read as that column of a question file.
    separate_variables = {
        name: value
        for name, value in example.variables.items()
        if value == "" or (means_something(name) and value != row.get(name))
    }
    plain = {name: value for name, value in example.variables.items() if name not in separate_variables}
    row = {key: value for key, value in {**plain, **row}.items() if value is not None}
    return {**row, "variables": separate_variables} if separate_variables else row
