"""`file://` references: found beside the configuration, and nowhere else."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.interop.promptfoo.yaml12 import parse_yaml

# A table of tests is read whole, and again as YAML values, which take many times the memory.
MAX_BYTES = 20_000_000
DATA = (".json", ".yaml", ".yml")
TEXT = (".txt", ".md", ".j2", ".csv", ".jsonl", ".html", ".xml", ".sql", ".prompt", "")
CODE = (".js", ".cjs", ".mjs", ".ts", ".cts", ".mts", ".py", ".rb", ".sh", ".bash", ".pl")


# `{txt,md}`: braces with a comma; without one they are part of a name. Neither part takes braces, so it runs once over
# a name.
_CHOICE = re.compile(r"\{([^{}]*,[^{}]*)\}")
# {a,b} ten times over would be a thousand patterns, each of them a walk over the folder.
_MOST_CHOICES = 1000


class Folder:
    """The folder of a file that names others.

    Args:
        base: What paths are relative to.
        root: No file outside of it is read; by default `base` itself.
        outer: Where a path is looked for next: the folder of the configuration.
    """

    def __init__(self, base: Path, root: Path | None = None, outer: Folder | None = None) -> None:
        # Links are followed once here, so that a link to the outside is seen as outside.
        self.base = base.resolve()
        self.root = (root or base).resolve()
        self._outer = outer

    def of(self, path: Path) -> Folder:
        """The folder of a file that was found here; what that file names is relative to itself."""
        same = path.resolve().parent == self.base
        # A file in the same folder needs no other; from a subfolder the configuration's own is asked next.
        return self if same else Folder(path.parent, self.root, self._outer or self)

    def find(self, reference: str) -> list[Path]:
        """The files a reference (`file://x.txt`, `x.txt`, `dir/*.txt`, `dir/`) names, sorted.

        Raises:
            BadInput: There is none, or it lies outside the root.
        """
        try:
            return self._find(reference)
        # promptfoo looks beside the file first, then beside the configuration.
        except BadInput:
            if self._outer is None:
                raise
            try:
                return self._outer.find(reference)
            except BadInput:
                pass
            raise  # the first message names the place people expect

    def _find(self, reference: str) -> list[Path]:
        name = reference.removeprefix("file://")
        try:
            is_there = (self.base / name).exists()
        except (OSError, ValueError) as error:
            # Too long, or with what no name may hold.
            raise BadInput(f"{name[:60]!r} is no file name.") from error
        place = (self.base / name).resolve()
        # Names such as "." or "../" are no folder of tests, whatever they hold.
        if is_there and name.strip("./") and place.is_dir() and place.is_relative_to(self.root):
            paths = sorted(path for path in place.iterdir() if path.is_file())
        else:
            paths = self._glob(name) if is_pattern(name) and not is_there else [place]
        # After the links are resolved, or a link within the folder could read any file of the machine.
        for path in paths:
            if not path.is_relative_to(self.root):
                raise BadInput(f"{reference} lies outside {self.root}; copy it there to read it.")
            if not path.is_file():
                raise BadInput(f"{reference} is not there; it was looked for in {self.base}.")
        if not paths:
            raise BadInput(f"{reference} is a folder without files.")
        return paths

    def _glob(self, name: str) -> list[Path]:
        try:
            paths = {p.resolve() for pattern in _choices(name) for p in self.base.glob(pattern) if p.is_file()}
        # pathlib refuses an absolute pattern by one of these.
        except (NotImplementedError, ValueError) as error:
            raise BadInput(f"{name} cannot be looked for: the pattern must be relative to {self.base}.") from error
        if not paths:
            raise BadInput(f"No file in {self.base} matches {name}.")
        return sorted(paths)

    def text(self, path: Path) -> str:
        """A file's text.

        Raises:
            BadInput: It is too large or not UTF-8 text.
        """
        try:
            if path.stat().st_size > MAX_BYTES:
                raise BadInput(f"{path} is larger than {MAX_BYTES // 1_000_000} MB.")
            # Excel saves CSV with a byte order mark, which would become part of the first column's name.
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
        if is_code(reference):
            # Said before it is looked for: that it is missing does not matter.
            raise BadInput(f"{reference} is code, which is not run here.")
        path, *others = self.find(reference)
        if others:
            raise BadInput(f"{reference} matches {len(others) + 1} files; name one.")
        suffix = path.suffix.lower()
        # promptfoo puts the text of a JSON file into a variable, but the value of a YAML one.
        if suffix in DATA and (parse_json or suffix != ".json"):
            return self.data(path)
        if suffix not in (*TEXT, *DATA):
            raise BadInput(f"{reference} is a {suffix} file, which is not read here.")
        return self.text(path).strip()


def is_code(reference: str) -> bool:
    """Whether a reference names a program, or a function in one (`file://checks.py:is_short`)."""
    return Path(re.sub(r":\w+$", "", reference)).suffix.lower() in CODE


def is_pattern(name: str) -> bool:
    """Whether a path stands for several files."""
    return any(mark in name for mark in "*?[") or _CHOICE.search(name) is not None


def _choices(pattern: str) -> list[str]:
    """`a.{txt,md}` as the patterns it stands for."""
    parts = _CHOICE.split(pattern)
    # Splitting by a pattern with a group gives the text between and the groups in turn, so odd places are choices.
    options = [part.split(",") if position % 2 else [part] for position, part in enumerate(parts)]
    # `zip` stops at the bound before the product is made.
    return ["".join(combination) for combination, _ in zip(product(*options), range(_MOST_CHOICES), strict=False)]
