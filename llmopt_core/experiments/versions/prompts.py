"""Saved prompts and few-shot sets: numbered versions of plain specs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from llmopt_core.errors import BadInput, field_problem
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.prompts.spec import FewShotSpec, PromptSpec
from llmopt_core.prompts.template import variables_in
from llmopt_core.runs.store import Store
from llmopt_core.runs.store_versions import Version
from llmopt_core.runs.values import Project
from llmopt_core.types import Spec

PROMPT = "prompt"
FEW_SHOT = "few-shot"

S = TypeVar("S", bound=Spec)


def prompt_from(values: Mapping[str, Any]) -> PromptSpec:
    """A prompt from plain values, such as those of a form or of a stored version.

    Raises:
        BadInput: They make no prompt, or one of its templates is not valid Jinja2.
    """
    prompt = _spec(PromptSpec, values, "prompt")
    for template in (prompt.system, prompt.template, *(step.template for step in prompt.steps)):
        variables_in(template)
    return prompt


def few_shot_from(values: Mapping[str, Any]) -> FewShotSpec:
    """A few-shot set from plain values.

    Raises:
        BadInput: They make no few-shot set.
    """
    return _spec(FewShotSpec, values, "few-shot set")


def save_prompt(store: Store, project: Project | str, name: str, prompt: PromptSpec, note: str = "") -> Version:
    """Add a version of a prompt and forget what was being typed under this name.

    Raises:
        BadInput: The name is empty.
    """
    version = store.save_version(project, PROMPT, name, prompt.model_dump(mode="json"), note)
    store.delete_draft(project, PROMPT, version.name)
    return version


def save_few_shot(store: Store, project: Project | str, name: str, spec: FewShotSpec, note: str = "") -> Version:
    """Add a version of a few-shot set and forget what was being typed under this name.

    Raises:
        BadInput: The name is empty.
    """
    version = store.save_version(project, FEW_SHOT, name, spec.model_dump(mode="json"), note)
    store.delete_draft(project, FEW_SHOT, version.name)
    return version


def restore(store: Store, project: Project | str, kind: str, name: str, number: int) -> Version:
    """Make an older version the newest again, as a version of its own.

    Raises:
        BadInput: There is no such version.
    """
    old = store.version(project, kind, name, number)
    version = store.save_version(project, kind, name, old.body, f"Version {number} restored")
    store.delete_draft(project, kind, name)
    return version


def newest_versions(store: Store, project: Project | str, kind: str) -> dict[str, Version]:
    """The newest version of everything of a kind, by name, first saved first."""
    return {version.name: version for version in store.versions(project, kind)}


def load_prompt(store: Store, project: Project | str, reference: str) -> PromptSpec:
    """A saved prompt by `name`, `name@3` or `name@production`.

    Raises:
        BadInput: There is no such prompt, or it cannot be read.
    """
    # A whole name first, as a name may hold an @.
    if reference in {version.name for version in store.versions(project, PROMPT)}:
        return prompt_from(store.version(project, PROMPT, reference).body)
    name, _, suffix = reference.rpartition("@")
    number: int | str | None = int(suffix) if suffix.isdecimal() else suffix
    return prompt_from(store.version(project, PROMPT, name or reference, number if name else None).body)


def prompts_of_configurations(configurations: Mapping[str, Configuration]) -> dict[str, PromptSpec]:
    """The distinct prompts of configurations, by the name of the first that has each."""
    prompts: dict[str, PromptSpec] = {}
    for name, configuration in configurations.items():
        if configuration.prompt not in prompts.values():
            prompts[name] = configuration.prompt
    return prompts


def version_label(version: Version) -> str:
    """`support v3 (production)`."""
    labels = f" ({', '.join(version.labels)})" if version.labels else ""
    return f"{version.name} v{version.number}{labels}"


def _spec(kind: type[S], values: Mapping[str, Any], what: str) -> S:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        # People count from 1.
        where = " > ".join(str(part + 1 if isinstance(part, int) else part) for part in first["loc"])
        problem = field_problem(first)
        raise BadInput(f"The {what} cannot be used: {where + ': ' if where else ''}{problem}.") from None
