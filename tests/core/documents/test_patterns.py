"""No pattern over what users bring takes longer than its text is long."""

import importlib
import pkgutil
import re

import pytest

import llmopt_core.chunking
import llmopt_core.documents

CHARACTERS = [*" \t\n\f#`~=-_*|:;,.!?\"'()[]{}<>/\\%&@$^+0aA", "。", "」", "“", "é", "\ufffe", "\u200b", "\x1b", "\xad"]
LENGTH = 30_000


def patterns() -> list[tuple[str, str]]:
    found = []
    for package in (llmopt_core.chunking, llmopt_core.documents):
        for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            values = vars(importlib.import_module(module.name))
            found += [(module.name, name) for name, value in values.items() if isinstance(value, re.Pattern)]
    return found


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("module", "name"), patterns())
def test_long_runs_of_any_character_end(module, name):
    """A linear pattern takes a second for all of them; one that grows with the square, many minutes."""
    pattern = getattr(importlib.import_module(module), name)
    shapes = ("{}", "{}x", "x{}\n", "# {}", "<meta {}")
    for character in CHARACTERS:
        runs = [shape.replace("{}", character * LENGTH) for shape in shapes]
        for text in (*runs, ("a" + character) * LENGTH):
            value = text.encode() if isinstance(pattern.pattern, bytes) else text
            assert sum(1 for _ in pattern.finditer(value)) <= 2 * LENGTH + 8
