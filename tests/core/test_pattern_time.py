"""No pattern takes longer than in proportion to its text: users, documents and models bring texts of any length."""

import ast
import collections
import functools
import importlib
import inspect
import pkgutil
import re
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import regex

import llmopt_core
import llmopt_ui
from llmopt_core.errors import BadInput
from llmopt_core.prompts import patterns

LENGTH, TIMES = 4_000, 4
# Words begin less often than signs, so it takes more text to see them.
WORDS_LENGTH = 16_000
# Four times the text: a linear pattern takes 4 times as long; one that grows with the square 16 times.
MOST_GROWTH = 9
# The square of 4,000 characters takes longer than this; what takes less is not worth a ratio.
NOT_WORTH_SECONDS = 0.004
# Anything that grows with the cube is told before it takes minutes.
TRIAL_LENGTH, TRIAL_SECONDS = 400, 0.5
SHAPES = ("{}", "{}x", "x{}\n!", "# {}", "[{}", "<meta {}")
# What stands behind each word of a run of words: a dash or a blank lets a pattern begin again at the next.
JOINTS = ("-", " ", "=", ".")
COMMON = [*" \t\n\f.,-#`0aA", "é", "。", "」", "“", "十", "\xad", "\u200b", "a ", "0,", "the ", "no "]
CALLS = ("match", "search", "findall", "finditer", "sub", "split", "fullmatch", "subn", "compile")
FLAGS = ("I", "IGNORECASE", "S", "DOTALL", "M", "MULTILINE", "X", "VERBOSE")
# Read regular expressions of at most `patterns.MAX_LENGTH` characters, and the first 4,096 bytes of a page.
BOUNDED = ("llmopt_core.prompts.patterns._PART ", "llmopt_core.documents.labels._DECLARATIONS ")
KINDS = (re.Pattern, regex.Pattern)


def modules() -> Iterator[ModuleType]:
    for package in (llmopt_core, llmopt_ui):
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if not module.name.endswith("__main__"):
                yield importlib.import_module(module.name)


def patterns_in(value: object, depth: int = 2) -> Iterator[re.Pattern]:
    """Patterns by themselves, in containers and classes, and behind bound methods such as `re.compile(...).findall`."""
    if isinstance(value, KINDS):
        yield value
    elif isinstance(getattr(value, "__self__", None), KINDS):
        yield value.__self__
    elif depth and isinstance(value, dict):
        for item in (*value, *value.values()):
            yield from patterns_in(item, depth - 1)
    elif depth and isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from patterns_in(item, depth - 1)
    elif depth and inspect.isclass(value) and value.__module__.startswith("llmopt"):
        for item in vars(value).values():
            yield from patterns_in(item, depth - 1)


def calls_of(tree: ast.Module) -> dict[str, set[str]]:
    """What is called on each name: `_WORD.search(...)` gives `_WORD` a `search`; a name handed on, `handed`."""
    called = collections.defaultdict(set)
    owners = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            called[node.value.id].add(node.attr)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in owners:
            called[node.id].add("handed")
    return called


def written_at_use(tree: ast.Module) -> Iterator[tuple[re.Pattern, str]]:
    """Patterns written as plain text in calls such as `re.sub(r"...", ...)`, and what is called."""
    for node in ast.walk(tree):
        called = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CALLS
        if called and isinstance(node.func.value, ast.Name) and node.func.value.id in ("re", "regex") and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str | bytes):
                library = regex if node.func.value.id == "regex" else re
                yield library.compile(first.value, _flags(node, library)), node.func.attr


def _flags(call: ast.Call, library: ModuleType) -> int:
    names = {item.attr for item in ast.walk(call) if isinstance(item, ast.Attribute)}
    return functools.reduce(lambda flags, name: flags | getattr(library, name), names.intersection(FLAGS), 0)


@functools.cache
def all_patterns() -> dict[str, tuple[re.Pattern, bool]]:
    """Every pattern by its place, and whether it is only ever tried at one place of a text."""
    values: dict[tuple, tuple[str, re.Pattern, bool]] = {}

    def keep(place: str, pattern: re.Pattern, calls: set[str]) -> None:
        key = (pattern.pattern, pattern.flags)
        first, _, before = values.get(key, (place, pattern, True))
        values[key] = (first, pattern, before and anchored(calls))

    for module in modules():
        tree = ast.parse(Path(module.__file__).read_text("utf-8"))
        calls = calls_of(tree)
        for variable, value in vars(module).items():
            for pattern in patterns_in(value):
                keep(f"{module.__name__}.{variable}", pattern, calls.get(variable) or {"handed"})
        for pattern, call in written_at_use(tree):
            if call != "compile" or (pattern.pattern, pattern.flags) not in values:
                keep(module.__name__, pattern, {call})
    return {f"{place} {pattern.pattern[:60]!r}": (pattern, at_start) for place, pattern, at_start in values.values()}


def anchored(calls: set[str]) -> bool:
    """Whether a pattern is tried at one place alone: there it may begin with any number of spaces."""
    return bool(calls) and calls <= {"match", "fullmatch"}


def seconds(pattern: re.Pattern, text: str, at_start: bool = False) -> float:
    value = text.encode() if isinstance(pattern.pattern, bytes) else text
    start = time.process_time()
    if at_start:
        pattern.match(value)
        pattern.fullmatch(value)
    else:
        collections.deque(pattern.finditer(value), maxlen=0)
    return time.process_time() - start


def runs_for(pattern: re.Pattern) -> list[str]:
    """The signs that a pattern names (of its letters only some: one run of letters is like another)."""
    text = pattern.pattern.decode("latin-1") if isinstance(pattern.pattern, bytes) else pattern.pattern
    named = dict.fromkeys(text)
    signs = [sign for sign in named if not sign.isalnum()]
    letters = [sign for sign in named if sign.isalnum()]
    return list(dict.fromkeys([*COMMON, *signs[:30], *letters[:4], *letters[-4:], *("a" + sign for sign in signs)]))


# What stands for no text of its own: groups' heads, classes, counts, and `\b`, `\d` and the like.
NO_WORD = re.compile(r"\(\?(?:P?<?\w*[>=!:]|[=!:])|\[(?:\\.|[^\]\\])*\]|\{\d*,?\d*\}|\\\w|[()|?*+.^$\s]")


def words_for(pattern: re.Pattern) -> list[str]:
    """Runs of the words that a pattern begins with or looks for, such as `eyJ-eyJ-`: each may be a beginning."""
    text = pattern.pattern.decode("latin-1") if isinstance(pattern.pattern, bytes) else pattern.pattern
    words = [word.replace("\\", "") for word in NO_WORD.split(text) if len(word.replace("\\", "")) > 1]
    some = dict.fromkeys([*words[:6], *words[-2:]])
    return [word + joint for word in some for joint in JOINTS]


def grows(pattern: re.Pattern, shape: str, run: str, at_start: bool = False, length: int = LENGTH) -> bool:
    def take(signs: int) -> float:
        return seconds(pattern, shape.replace("{}", run * (signs // len(run))), at_start)

    if take(TRIAL_LENGTH) > TRIAL_SECONDS:
        return True
    if take(length) < NOT_WORTH_SECONDS:
        return False
    short = min(take(length) for _ in range(2))
    # A busy machine is asked again.
    return all(take(length * TIMES) > MOST_GROWTH * short for _ in range(2))


@pytest.mark.timeout(300)
def test_no_pattern_grows_with_the_square():
    grown = {
        name: (shape, run)
        for name, (pattern, at_start) in all_patterns().items()
        if not name.startswith(BOUNDED)
        for run in runs_for(pattern)
        for shape in SHAPES
        if grows(pattern, shape, run, at_start)
    }
    grown |= {
        name: ("{}", run)
        for name, (pattern, at_start) in all_patterns().items()
        if not name.startswith(BOUNDED)
        for run in words_for(pattern)
        if grows(pattern, "{}", run, at_start, WORDS_LENGTH)
    }
    assert grown == {}


def test_patterns_are_found_wherever_they_are_written():
    names = " ".join(all_patterns())
    assert len(all_patterns()) > 200
    for place in ("builtin.conversation", "data.question_overlap", "answering.citations", "llmopt_ui.format"):
        assert place in names


def test_an_expression_of_a_user_is_bounded():
    with pytest.raises(BadInput, match="at most 20,000 characters"):
        patterns.compile_pattern("a" * (patterns.MAX_LENGTH + 1))
    assert patterns.compile_pattern("a" * patterns.MAX_LENGTH)


def test_a_pattern_that_grows_with_the_square_is_seen():
    assert grows(re.compile(r"\s+x"), "{}", " ")
    assert not grows(re.compile(r"(?<!\s)\s++x"), "{}", " ")


def test_a_pattern_that_begins_anew_at_each_of_its_words_is_seen():
    token = re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}")
    assert any(grows(token, "{}", run, length=WORDS_LENGTH) for run in words_for(token))
