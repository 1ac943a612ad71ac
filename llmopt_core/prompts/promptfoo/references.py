"""`file://` references: found beside the configuration, and nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from llmopt_core.errors import BadInput

MAX_BYTES = 20_000_000
MAX_VALUES = 2_000_000
DATA = (".json", ".yaml", ".yml")
TEXT = (".txt", ".md", ".j2", ".csv", ".jsonl", ".html", ".xml", ".sql", ".prompt", "")
CODE = (".js", ".cjs", ".mjs", ".ts", ".cts", ".mts", ".py", ".rb", ".sh", ".bash", ".pl")


class Folder:
    """The folder of a configuration file.

    Args:
        base: What paths are relative to.
        root: No file outside of it is read; by default `base` itself.
    """

    def __init__(self, base: Path, root: Path | None = None) -> None:
        self.base = base.resolve()
        self.root = (root or base).resolve()

    def find(self, reference: str) -> list[Path]:
        """The files a reference (`file://x.txt`, `x.txt`, `dir/*.txt`) names, sorted.

        Raises:
            BadInput: There is none, or it lies outside the root.
        """
        name = reference.removeprefix("file://")
        if any(mark in name for mark in "*?[") and not (self.base / name).exists():
            found = self._glob(name)
        else:
            found = [(self.base / name).resolve()]
        for path in found:
            if not path.is_relative_to(self.root):
                raise BadInput(f"{reference} lies outside {self.root}; copy it there to read it.")
            if not path.is_file():
                raise BadInput(f"{reference} is not there; it was looked for in {self.base}.")
        return found

    def _glob(self, name: str) -> list[Path]:
        try:
            found = sorted(path.resolve() for path in self.base.glob(name) if path.is_file())
        except (NotImplementedError, ValueError) as error:
            raise BadInput(f"{name} cannot be looked for: the pattern must be relative to {self.base}.") from error
        if not found:
            raise BadInput(f"No file in {self.base} matches {name}.")
        return found

    def text(self, path: Path) -> str:
        """A file's text.

        Raises:
            BadInput: It is too large or not UTF-8 text.
        """
        try:
            if path.stat().st_size > MAX_BYTES:
                raise BadInput(f"{path} is larger than {MAX_BYTES // 1_000_000} MB.")
            return path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise BadInput(f"{path} is not UTF-8 text.") from error
        except OSError as error:
            raise BadInput(f"{path} cannot be read ({error.strerror or error}).") from error

    def data(self, path: Path) -> Any:
        """A YAML or JSON file's value.

        Raises:
            BadInput: It is not valid; names the line.
        """
        return parse_yaml(self.text(path), str(path))

    def value(self, reference: str, *, parse_json: bool = True) -> Any:
        """What one `file://` reference stands for: the text of a text file, the value of a YAML or JSON file.

        Args:
            reference: One file; a pattern that matches several is refused.
            parse_json: Whether a JSON file is its value, else its text.

        Raises:
            BadInput: It is missing, or of a kind that is not read here, such as code or an image.
        """
        path, *others = self.find(reference)
        if others:
            raise BadInput(f"{reference} matches {len(others) + 1} files; name one.")
        suffix = path.suffix.lower()
        if suffix in DATA and (parse_json or suffix != ".json"):
            return self.data(path)
        if suffix not in (*TEXT, *DATA):
            kind = "code, which is not run here" if suffix in CODE else f"a {suffix} file, which is not read here"
            raise BadInput(f"{reference} is {kind}.")
        return self.text(path).strip()


class _Loader(yaml.SafeLoader):
    """YAML without turning dates into objects, as promptfoo's loader does it."""


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse_yaml(text: str, source: str) -> Any:
    """The value of YAML (or JSON) text.

    Raises:
        BadInput: It is not valid; names source and line.
    """
    try:
        value = yaml.load(text, _Loader)  # noqa: S506 (a SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        raise BadInput(f"{source}{line} is not valid YAML: {getattr(error, 'problem', None) or error}.") from error
    except (RecursionError, ValueError) as error:
        raise BadInput(f"{source} is not valid YAML: it is nested too deeply or holds an impossible value.") from error
    if not _is_small(value):
        raise BadInput(f"{source} unfolds to more than {MAX_VALUES:,} values, by its size or by references to itself.")
    return value


def _is_small(value: Any) -> bool:
    """Whether a value stays within the limit when every reference in it is followed."""
    waiting, seen = [value], 0
    while waiting and seen <= MAX_VALUES:
        seen += 1
        part = waiting.pop()
        if isinstance(part, dict):
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    return seen <= MAX_VALUES
