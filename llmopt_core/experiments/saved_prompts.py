"""Saved prompts in an experiment file: `prompt: {saved: support-answer, label: production}`."""

from __future__ import annotations

from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.experiments.yaml_lines import LocatedValue
from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings

_REFERENCE_KEYS = ("saved", "label", "version")


def fill_in_prompts(file: LocatedValue, store: Store | None, project: str) -> LocatedValue:
    """The file with the texts of the saved prompts that it names; what stands beside a name goes over the saved one.

    Args:
        file: An experiment file with a list of configurations.
        store: Holds the prompts; None opens that of the environment, where a prompt is named.
        project: Whose prompts.

    Raises:
        BadInput: There is no such prompt, version or label; names file and line.
    """
    positions = [i for i, item in enumerate(file.value["configurations"]) if _is_reference(item)]
    if not positions:
        return file
    items = list(file.value["configurations"])
    # Opened at need alone: most files name no saved prompt, and then no workspace is made.
    prompt_store = Store.open(Settings.from_environment()) if store is None else store
    try:
        for i in positions:
            items[i] = {**items[i], "prompt": _fill_in(file, i, items[i]["prompt"], prompt_store, project)}
    # A store that was handed in is its owner's to close.
    finally:
        if store is None:
            prompt_store.close()
    return LocatedValue({**file.value, "configurations": items}, file.lines, file.source)


def _is_reference(item: Any) -> bool:
    prompt = item.get("prompt") if isinstance(item, dict) else None
    return isinstance(prompt, dict) and any(key in prompt for key in _REFERENCE_KEYS)


def _fill_in(file: LocatedValue, i: int, prompt: dict[str, Any], store: Store, project: str) -> dict[str, Any]:
    # Only files that name a saved prompt need it.
    from llmopt_core.experiments.versions.prompts import load_prompt

    place = ("configurations", i, "prompt")
    name, reference = prompt.get("saved"), prompt.get("label", prompt.get("version"))
    if not isinstance(name, str) or not name:
        raise file.error((*place, "saved"), "`saved` is the name of a saved prompt, such as `saved: support-answer`.")
    if "label" in prompt and "version" in prompt:
        raise file.error(place, "name a label or a version of the saved prompt, not both.")
    # `version: yes` is true to YAML, and true is an integer to Python.
    if reference is not None and (isinstance(reference, bool) or not isinstance(reference, (str, int))):
        raise file.error(place, "a label is a word such as `production`, a version a whole number.")
    try:
        saved_prompt = load_prompt(store, project, name if reference is None else f"{name}@{reference}")
    except BadInput as error:
        description = (
            name if reference is None else f"{name}, {'label' if 'label' in prompt else 'version'} {reference}"
        )
        raise file.error(
            (*place, "saved"), f"the project {project} has no saved prompt {description}; save it on the page Prompts."
        ) from error
    overrides = {key: value for key, value in prompt.items() if key not in _REFERENCE_KEYS}
    return {**saved_prompt.model_dump(mode="json"), **overrides}
