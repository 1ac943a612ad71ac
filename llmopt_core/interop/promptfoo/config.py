"""A `promptfooconfig.yaml` as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.interop.promptfoo.prompts import FoundPrompt, read_prompts
from llmopt_core.interop.promptfoo.references import Folder
from llmopt_core.interop.promptfoo.tests import FoundTest, read_tests
from llmopt_core.interop.promptfoo.yaml12 import parse_yaml

_READ = {
    "description",
    "prompts",
    "providers",
    "targets",
    "tests",
    "defaultTest",
    "assertionTemplates",
    "evaluateOptions",
}
# Where and how promptfoo writes and shows; nothing of it changes what is asked or what passes.
_HARMLESS = {"$schema", "outputPath", "sharing", "tags", "commandLineOptions", "metadata", "writeLatestResults"}
# These would change every test.
_CHANGES_TESTS = {"extensions", "transform", "transformVars"}
# In the order in which promptfoo looks for them.
_NAMES = ("promptfooconfig.yaml", "promptfooconfig.yml", "promptfooconfig.json")


@dataclass(frozen=True, slots=True)
class PromptfooFile:
    """What a configuration says.

    Attributes:
        providers: One mapping each with `id`, and perhaps `label`, `config` and `prompts`.
        repeat: How often each test is asked.
        problems: Parts of the file that are not supported here; nothing was read from them.
        not_read: Sources of tests that are not supported here, with the reason.
    """

    description: str
    prompts: tuple[FoundPrompt, ...]
    providers: tuple[Mapping[str, Any], ...]
    tests: tuple[FoundTest, ...]
    repeat: int = 1
    problems: tuple[str, ...] = ()
    not_read: Mapping[str, str] = field(default_factory=dict)


def read_promptfoo(path: Path, root: Path | None = None) -> PromptfooFile:
    """Read a configuration file, or the `promptfooconfig.yaml` of a folder.

    Args:
        path: The file or folder.
        root: Files outside of this folder are not read; by default the file's own folder.

    Raises:
        BadInput: The file, or a file of tests it names, is missing or broken. What is merely not supported is no
            error; it stands with the prompt or test it concerns.
    """
    path = _file(path)
    folder = Folder(path.parent, root)
    config = parse_yaml(folder.text(path), str(path))
    # A list, as a file of tests is, read as a configuration by mistake.
    if not isinstance(config, Mapping):
        raise BadInput(f"{path} must hold a mapping with prompts, providers and tests.")
    config = _without_empty(config)
    unknown_keys = [key for key in config if key not in _READ | _HARMLESS]
    problems = tuple(f"'{key}' of the file is not supported" for key in unknown_keys if key in _CHANGES_TESTS)
    # `targets` is another word for providers; with both, `providers` is taken, as here.
    tests, not_read = read_tests(config, folder, path.name)
    if "scenarios" in config:
        not_read["scenarios"] = "'scenarios' is not supported; write its tests out under tests."
    return PromptfooFile(
        description=str(config.get("description") or path.parent.name),
        # None where the key is missing: that has a meaning of its own, an empty list has none.
        prompts=tuple(read_prompts(config.get("prompts"), folder)),
        providers=tuple(_providers(config, folder)),
        # Every test is marked, since with a transform it would ask something else than in promptfoo.
        tests=tuple(replace(test, problems=test.problems + problems) for test in tests),
        repeat=_repeat(config.get("evaluateOptions"), path),
        problems=tuple(f"'{key}' is not supported" for key in unknown_keys),
        not_read=not_read,
    )


def _file(path: Path) -> Path:
    if path.is_dir():
        candidates = [path / name for name in _NAMES if (path / name).is_file()]
        if not candidates:
            raise BadInput(f"There is no promptfooconfig.yaml in {path}.")
        return candidates[0]
    if not path.is_file():
        raise BadInput(f"{path} is not there.")
    if path.suffix.lower() not in (".yaml", ".yml", ".json"):
        # promptfoo also takes JavaScript and Python; running a program that somebody sent would hand over this machine.
        raise BadInput(f"{path} is not YAML or JSON; a configuration that is a program is not run here.")
    return path


def _without_empty(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without keys that are there but empty."""
    # `tests:` with nothing behind it is null in YAML, and is meant as not there.
    return {str(key): value for key, value in config.items() if value is not None}


def _repeat(options: Any, path: Path) -> int:
    repeat = options.get("repeat", 1) if isinstance(options, Mapping) else 1
    # Each repeat is asked of a model and paid; 100 catches a slip of the keyboard.
    if not isinstance(repeat, int) or not 1 <= repeat <= 100:
        raise BadInput(f"{path}: evaluateOptions.repeat must be a number from 1 to 100, not {repeat!r}.")
    return repeat


def _providers(config: Mapping[str, Any], folder: Folder) -> list[Mapping[str, Any]]:
    values = config.get("providers", config.get("targets")) or []
    providers: list[Mapping[str, Any]] = []
    for entry in values if isinstance(values, list) else [values]:
        providers += _provider(entry, folder)
    return providers


def _provider(entry: Any, folder: Folder) -> list[Mapping[str, Any]]:
    if isinstance(entry, str) and entry.startswith("file://"):
        try:
            content = folder.value(entry)
        except BadInput as error:
            # One provider that cannot be read leaves the others usable; it is told where models are made.
            return [{"id": entry, "problem": str(error)}]
        return [
            provider
            for item in (content if isinstance(content, list) else [content])
            for provider in _provider(item, folder)
        ]
    if isinstance(entry, str):
        return [{"id": entry}]
    if isinstance(entry, Mapping) and "id" in entry:
        return [entry]
    # An older form: the name of the provider as the key, its options below.
    if isinstance(entry, Mapping) and all(isinstance(options, Mapping) for options in entry.values()):
        return [{"id": str(name), **options} for name, options in entry.items()]
    # 80 characters, since it is shown in a table.
    return [{"id": str(entry)[:80], "problem": "a provider must be a name or a mapping with 'id'"}]
