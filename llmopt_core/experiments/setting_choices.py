"""Settings that were adopted because of what they measured on a set, and on which of its questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from llmopt_core.experiments.configuration import Configuration
from llmopt_core.runs.question_splits import part_name, part_of
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project
from llmopt_core.types import Example, fingerprint
from llmopt_core.types.parts import CONFIRM

SettingKind = Literal["chunking", "number of chunks", "components"]
# Of versions in the store. Beside the configuration and not in it: where a setting comes from changes no answer, and
# must not change the fingerprint.
_KIND = "setting-choice"


@dataclass(frozen=True, slots=True)
class SettingChoice:
    """A setting of a configuration and what chose it.

    Attributes:
        source: In words, such as `chunk sweep on questions, search`.
        questions: Those that chose.
    """

    kind: SettingKind
    source: str
    questions: tuple[str, ...]


def record_setting_choice(  # noqa: PLR0917
    store: Store,
    project: Project | str,
    configuration: Configuration,
    kind: SettingKind,
    source: str,
    examples: Sequence[Example],
) -> None:
    """Remember that a setting of this configuration was adopted for what it measured on these questions.

    Every configuration of the project with the same setting counts as chosen on them from now on, whatever else it
    changes.
    """
    part = _part(configuration, kind)
    if part is None:
        return
    body = {"kind": kind, "part": part, "source": source, "questions": [example.question for example in examples]}
    store.save_version(project, _KIND, configuration.name or kind, body)


def list_setting_choices(
    store: Store, project: Project | str, configuration: Configuration, before: datetime | None = None
) -> list[SettingChoice]:
    """What chose settings of a configuration, each once.

    Args:
        store: Holds what was adopted.
        project: Whose.
        configuration: Whose settings are looked for.
        before: Only what was adopted by then; all by default.
    """
    if configuration.retrieval is None or project not in [*(one.name for one in store.projects()), *store.projects()]:
        # A file may name a project that is not in the workspace yet.
        return []
    choices = []
    for version in store.versions(project, _KIND):
        choice = _read(version.body, configuration)
        if choice is not None and (before is None or version.saved_at <= before):
            choices.append(choice)
    return list(dict.fromkeys(choices))


def _read(body: Any, configuration: Configuration) -> SettingChoice | None:
    """The choice where it is about a setting that the configuration has; None also for one that cannot be read."""
    try:
        kind, questions = body["kind"], tuple(str(question) for question in body["questions"])
        is_same = body["part"] == _part(configuration, kind)
        return SettingChoice(kind, str(body["source"]), questions) if is_same else None
    except (KeyError, TypeError):
        return None


def _part(configuration: Configuration, kind: str) -> str | None:
    """Stands for the setting; None where the configuration has none of the kind."""
    retrieval = configuration.retrieval
    if retrieval is None:
        return None
    values = retrieval.model_dump(mode="json")
    if kind == "chunking":
        return fingerprint(values["chunking"])
    if kind == "number of chunks":
        # How many chunks are enough depends on their size and on how they are found.
        return fingerprint([values["chunking"], values["embedding"], values["search"], values["top_k"]])
    if kind == "components":
        return fingerprint([values, configuration.fact_check and configuration.fact_check.fingerprint_values()])
    return None


def choice_note(set_name: str) -> str:
    """What stands beside the numbers of settings that are compared on a set, so that one of them is chosen on it."""
    name, part = part_of(set_name) or (set_name, "")
    where = part_name(name, CONFIRM)
    if part == CONFIRM:
        return f"Settings are compared on {set_name}: what is chosen here is confirmed by no questions of this set."
    how = f"run it on {where}" if part else f"split {name or 'the set'} and run it on the part to confirm"
    return f"The best of these numbers was chosen on these questions, which flatters it: to confirm it, {how}."
