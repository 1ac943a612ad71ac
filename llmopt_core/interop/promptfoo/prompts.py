"""promptfoo prompts -> PromptSpec."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.interop.promptfoo.csv_tests import read_rows
from llmopt_core.interop.promptfoo.nunjucks import to_jinja
from llmopt_core.interop.promptfoo.references import CODE, Folder, is_code
from llmopt_core.interop.promptfoo.yaml12 import parse_yaml
from llmopt_core.prompts.spec import FewShotSpec, PromptSpec
from llmopt_core.prompts.template import allow_missing, render, variables_in
from llmopt_core.text.json_text import parse_json

_FILES = (".txt", ".md", ".j2", ".json", ".jsonl", ".yaml", ".yml", ".csv", *CODE)
# Prompts of services and programs, which are neither fetched nor run.
_SCHEMES = ("exec:", "langfuse://", "portkey://", "helicone://", "package:", "python:", "javascript:")
# promptfoo's line between several prompts in one text file.
_SEPARATOR = re.compile(r"^[ \t]*---[ \t]*$", re.MULTILINE)
# A list of messages that is only JSON once its template is filled in.
_ROLE = re.compile(r"""["']role["']\s*:""")


@dataclass(frozen=True, slots=True)
class FoundPrompt:
    """A prompt of the file. Without a spec it cannot be used here, and `problem` says why.

    Attributes:
        names: What a provider's `prompts` may call it besides its label: the label of the file it is a part of, the
            file, its text.
    """

    label: str
    spec: PromptSpec | None
    problem: str = ""
    names: tuple[str, ...] = ()


def read_prompts(values: Any, folder: Folder) -> list[FoundPrompt]:
    """The prompts of a configuration; by promptfoo's default one that is the variable `prompt`."""
    if values is None:
        values = ["{{ prompt }}"]
    if isinstance(values, Mapping):
        # An old form: file or text -> label.
        values = [{"id": key, "label": label} for key, label in values.items()]
    entries = values if isinstance(values, list) else [values]
    return _make_unique([prompt for entry in entries for prompt in _entry(entry, folder)])


def _entry(entry: Any, folder: Folder) -> Iterator[FoundPrompt]:
    if isinstance(entry, str):
        entry = {"id": entry}
    if not isinstance(entry, Mapping) or not isinstance(entry.get("raw", entry.get("id")), str):
        yield FoundPrompt(
            "prompt", None, f"a prompt must be a text, a file or a mapping with 'id' or 'raw', not {entry!r}"
        )
        return
    label = str(entry.get("label") or "")
    reference = entry.get("raw", entry.get("id"))
    if reference.startswith(_SCHEMES):
        problem = f"prompts from {reference.split(':')[0]} are not supported"
        prompts = iter([FoundPrompt(label or reference, None, problem)])
    elif _names_a_file(reference):
        prompts = _from_files(reference, label, folder)
    else:
        prompts = iter([_from_text(reference, label)])
    names = (label, reference, reference.removeprefix("file://"), str(entry.get("id") or ""))
    for prompt in prompts:
        # Each name once, in the order in which they are compared with a provider's list.
        yield replace(prompt, names=tuple(dict.fromkeys(name for name in (*names, *prompt.names) if name)))


def _names_a_file(reference: str) -> bool:
    if reference.startswith("file://"):
        return True
    # `checks.py:function` names a file. A text with line breaks or template marks is a prompt, even if it ends in
    # ".md".
    path = re.sub(r":\w+$", "", reference)
    return "\n" not in reference and "{{" not in reference and path.lower().endswith(_FILES)


def _from_files(reference: str, label: str, folder: Folder) -> Iterator[FoundPrompt]:
    if is_code(reference):
        yield FoundPrompt(label or reference, None, f"{reference} is code, which is not run here")
        return
    try:
        for path in folder.find(reference):
            yield from _from_file(path, label, folder)
    except BadInput as error:
        yield FoundPrompt(label or reference, None, str(error))


def _from_file(path: Path, label: str, folder: Folder) -> Iterator[FoundPrompt]:
    text, suffix, name = folder.text(path), path.suffix.lower(), label or path.name
    if suffix == ".csv":
        for number, row in enumerate(read_rows(text, str(path)), start=1):
            yield _from_text(row.get("prompt") or "", row.get("label") or f"{name} {number}")
    elif suffix in (".yaml", ".yml"):
        # As JSON, so that a list of messages is recognised below.
        yield _from_text(json.dumps(folder.data(path)), name)
    elif suffix == ".json":
        yield _from_text(text, name)
    elif suffix == ".jsonl":
        for number, line in enumerate(filter(str.strip, text.splitlines()), start=1):
            yield _from_text(line, f"{name} {number}")
    elif suffix == ".txt":
        parts = [part for part in map(str.strip, _SEPARATOR.split(text)) if part]
        for number, part in enumerate(parts, start=1):
            yield replace(_from_text(part, name if len(parts) == 1 else f"{name} {number}"), names=(path.name,))
    else:
        yield _from_text(text, name)


def _from_text(text: str, label: str) -> FoundPrompt:
    title = label or " ".join(text.split())[:40] or "empty"
    try:
        return FoundPrompt(title, _spec(text))
    # A prompt that cannot be used is told beside the others, which can.
    except (BadInput, ValueError) as error:
        return FoundPrompt(title, None, str(error))


def _spec(text: str) -> PromptSpec:
    """A prompt of one text, or of a JSON list of messages.

    Raises:
        BadInput: It is neither, or no template.
    """
    messages = _messages(text)
    if messages is None:
        spec = PromptSpec(template=to_jinja(text))
    else:
        spec = _from_messages([(role, to_jinja(content)) for role, content in messages])
    # promptfoo writes nothing for a variable that is missing; here that would be an error.
    return spec.model_copy(update={"system": allow_missing(spec.system), "template": allow_missing(spec.template)})


def _messages(text: str) -> list[tuple[str, str]] | None:
    start = text.lstrip()
    # A list of messages in YAML within a text.
    if start.startswith("- role:"):
        messages = parse_yaml(text, "The list of messages")
    elif not start.startswith("["):
        return None
    else:
        try:
            messages = parse_json(text)
        except ValueError:
            if _ROLE.search(text):
                raise BadInput("A template that makes a list of messages is not supported.") from None
            return None
    # JSON, but no messages: then it is a prompt that asks with JSON.
    if not isinstance(messages, list) or not all(isinstance(item, Mapping) and "role" in item for item in messages):
        return None
    for item in messages:
        # Pictures and calls of tools in parts.
        if not isinstance(item.get("content"), str):
            raise BadInput(
                f"A message of the role {item['role']!r} holds something else than text, which is not supported."
            )
    return [(str(item["role"]), item["content"]) for item in messages]


def _from_messages(messages: list[tuple[str, str]]) -> PromptSpec:
    system = [text for role, text in messages if role in ("system", "developer")]
    conversation = [(role, text) for role, text in messages if role not in ("system", "developer")]
    roles = [role for role, _ in conversation]
    # Few-shot examples are pairs of question and answer, so the turns must alternate.
    if roles != ["user", "assistant"] * (len(roles) // 2) + ["user"]:
        raise BadInput(
            f"A conversation must take turns and end with the user; its roles are {', '.join(roles) or 'none'}."
        )
    earlier = conversation[:-1]
    # Examples are stored as finished texts.
    if any(variables_in(text) for _, text in earlier):
        raise BadInput("Variables in the earlier turns of a conversation are not supported.")
    # Rendered although nothing is filled in: raw blocks and comments are resolved.
    turns = [render(text, {}) for _, text in earlier]
    pairs = zip(turns[::2], turns[1::2], strict=True)
    examples = tuple({"question": question, "answer": answer} for question, answer in pairs)
    few_shot = FewShotSpec(examples=examples, template="{{ question }}") if examples else None
    return PromptSpec(system="\n\n".join(system), template=conversation[-1][1], few_shot=few_shot)


def _make_unique(prompts: list[FoundPrompt]) -> list[FoundPrompt]:
    counts: dict[str, int] = {}
    unique_prompts = []
    for prompt in prompts:
        counts[prompt.label] = counts.get(prompt.label, 0) + 1
        number = counts[prompt.label]
        label = prompt.label if number == 1 else f"{prompt.label} ({number})"
        unique_prompts.append(replace(prompt, label=label))
    return unique_prompts
