"""Jinja2 without a way out, and the child process that renders what could run for long.

This file is also a script: `template.py` starts it as a child that reads one JSON request per line and writes one JSON
reply per line. A child can be stopped from outside whatever it is doing, which no check inside a thread can promise:
`{{ "x" * 10**10 }}` is a single instruction. It holds its own time limit, so it ends even when its owner was killed,
and it gets no environment variables, so no key is within reach. It imports nothing of ours: a script has no package.
"""

from __future__ import annotations

import contextlib
import json
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, wraps
from typing import Any

from jinja2 import ChainableUndefined, StrictUndefined, Template, TemplateError, Undefined, nodes, pass_context
from jinja2.filters import make_attrgetter
from jinja2.sandbox import ImmutableSandboxedEnvironment

# Templates come from people and files; these limits are far above real ones.
# Characters: a few-shot prompt written out by hand has tens of thousands.
MAX_TEMPLATE_CHARS = 500_000
MAX_DEPTH = 100  # Levels of the syntax tree; Jinja2 compiles by recursion.
# Bytes of addresses, Python itself included.
MEMORY_BYTES = 512_000_000
# Without `lipsum`: by the globals of that function people have climbed out of templates.
NAMES_IN_TEMPLATES = ("range", "dict", "namespace", "cycler", "joiner")
MISSING_IS_EMPTY = "{# missing is empty #}"
"""At the start of a template: what has no value is written as nothing, as promptfoo does it."""


class TemplateRefusal(Exception):
    """A template that could not be rendered: `kind` is `syntax`, `undefined`, `forbidden`, `size` or `error`."""

    def __init__(self, kind: str, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.kind, self.message, self.line = kind, message, line


class Sandbox(ImmutableSandboxedEnvironment):
    """Data in, text out: no files, no includes, no Python internals.

    A key of a mapping wins over a method of the same name, so that `row.items` is the column called `items`. Values are
    written as JSON writes them (`true`, `{"a":1}`) and None as nothing, since nobody means Python's way of writing in a
    prompt. A name without a value may be tested (`{% if context %}`), but not inserted. `list.length` is its length.

    Args:
        undefined: What stands for something without a value.
    """

    def __init__(self, undefined: type[Undefined]) -> None:
        # A finalizer that takes the context keeps Jinja2 from computing constants while it compiles.
        # `keep_trailing_newline`: what a person wrote is what is sent.
        super().__init__(undefined=undefined, keep_trailing_newline=True, optimized=False, finalize=_printable)
        self.globals = {name: self.globals[name] for name in NAMES_IN_TEMPLATES}
        self.filters |= {name: _text_filter(self.filters[name]) for name in _TEXT_FILTERS}
        self.filters |= {"join": _join, "dump": _dump}

    def getattr(self, obj: Any, attribute: str) -> Any:
        """An item or a harmless attribute."""
        # Data first: a column of that name is what the template means.
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        # JavaScript's word, as templates of promptfoo use it.
        if attribute == "length" and isinstance(obj, str | list | tuple):
            return len(obj)
        return super().getattr(obj, attribute)


class _Missing(StrictUndefined):
    """Something without a value: false where it is tested, an error where it is inserted."""

    __slots__ = ()
    __bool__ = Undefined.__bool__  # type: ignore[assignment]


@pass_context
def _printable(context: Any, value: Any) -> Any:
    # `{{ name.upper }}` would print an address in memory, and another one in each process.
    if callable(value) and not isinstance(value, Undefined):
        raise TypeError("a function is inserted where its result was meant; add parentheses")
    return _as_text(value)


def _as_text(value: Any) -> Any:
    if value is None:
        return ""
    return _dump(value) if isinstance(value, bool | dict | list | tuple) else value


def _dump(value: Any, indent: int | None = None) -> str:
    """JSON as JavaScript writes it: the order of keys stays, nothing is escaped that need not be."""
    separators = (",", ":") if indent is None else (",", ": ")
    return json.dumps(value, ensure_ascii=False, indent=indent, separators=separators)


def _text_filter(text_filter: Callable[..., Any]) -> Callable[..., Any]:
    """A filter of texts that meets a value as it would be written."""
    # Some filters get the environment or context before the value.
    place = 1 if hasattr(text_filter, "jinja_pass_arg") else 0

    @wraps(text_filter)
    def apply(*arguments: Any, **options: Any) -> Any:
        return text_filter(*arguments[:place], _as_text(arguments[place]), *arguments[place + 1 :], **options)

    return apply


def _join(values: Iterable[Any], separator: str = "", attribute: str | None = None) -> str:
    if attribute is not None:
        get = make_attrgetter(ENVIRONMENT, attribute)
        values = map(get, values)
    return str(separator).join(str(_as_text(value)) for value in values)


_TEXT_FILTERS = ("string", "upper", "lower", "trim", "title", "capitalize", "replace", "indent", "urlencode")


ENVIRONMENT = Sandbox(_Missing)
_LENIENT = Sandbox(ChainableUndefined)


@lru_cache(maxsize=256)
def compile_template(template: str) -> Template:
    """The template ready to render."""
    environment = _LENIENT if template.startswith(MISSING_IS_EMPTY) else ENVIRONMENT
    return environment.from_string(template)


@lru_cache(maxsize=256)
def parse_template(template: str) -> nodes.Template:
    """The syntax tree of a template.

    Raises:
        TemplateRefusal: It is not a template, too long or nested too deeply.
    """
    if len(template) > MAX_TEMPLATE_CHARS:
        raise TemplateRefusal("size", f"is {len(template):,} characters long; {MAX_TEMPLATE_CHARS:,} is the limit")
    try:
        tree = ENVIRONMENT.parse(template)
    except Exception as error:
        raise refusal(error) from error
    level: list[nodes.Node] = [tree]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in node.iter_child_nodes()]
    # Something is left a hundred levels down.
    if level:
        raise TemplateRefusal("error", "is nested too deeply")
    return tree


def render_here(template: str, variables: Mapping[str, Any], max_chars: int) -> str:
    """Render in this thread; variables are plain JSON-like data.

    Raises:
        TemplateRefusal: It failed, or made more than `max_chars` characters.
    """
    pieces, length = [], 0
    try:
        # Piece by piece, so that a long loop is stopped on its way.
        for piece in compile_template(template).generate(variables):
            length += len(piece)
            if length > max_chars:
                raise TemplateRefusal("size", f"makes more than {max_chars:,} characters")
            pieces.append(piece)
    except TemplateRefusal:
        raise
    except Exception as error:
        raise refusal(error) from error
    return "".join(pieces)


def refusal(error: Exception) -> TemplateRefusal:
    """What went wrong in a template, with its line where there is one."""
    # By the names of types: Jinja2's subclasses are many, and only these differ for a user.
    kinds = {"TemplateSyntaxError": "syntax", "TemplateAssertionError": "syntax", "UndefinedError": "undefined"}
    kind = kinds.get(type(error).__name__, "error")
    message = error.message if isinstance(error, TemplateError) and error.message else str(error)
    if type(error).__name__ == "SecurityError":
        kind = "forbidden"
    elif isinstance(error, MemoryError | OverflowError):
        kind, message = "size", "needs more memory or steps than a prompt may take"
    elif isinstance(error, RecursionError):
        kind, message = "error", "is nested too deeply"
    elif isinstance(error, TypeError) and "no loader" in message:
        kind, message = "forbidden", "includes or extends another template, which is not possible here"
    return TemplateRefusal(kind, message.rstrip("."), getattr(error, "lineno", None) or _line_of(error))


def _line_of(error: Exception) -> int | None:
    # Jinja2 rewrites traces to lines of the template; the innermost one is where it failed.
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<template>"]
    return lines[-1] if lines else None


def _reply(request: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"text": render_here(request["template"], request["variables"], request["max_chars"])}
    except TemplateRefusal as error:
        return {"kind": error.kind, "message": error.message, "line": error.line}


def serve() -> None:
    """Answer requests until the owner goes away. A request that takes more CPU time than it may ends the process."""
    import resource
    import signal

    # Ctrl+C reaches every process of a terminal; the owner ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(ValueError, OSError):
        # macOS refuses it: there only time is bounded.
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    with contextlib.suppress(ValueError, OSError):
        # A core file would hold what stood in the prompt.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    print("ready", flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        # CPU time, so that a busy machine fails no template; the signal's default action ends the process.
        signal.setitimer(signal.ITIMER_PROF, request["seconds"])
        reply = json.dumps(_reply(request))
        signal.setitimer(signal.ITIMER_PROF, 0)
        print(reply, flush=True)


if __name__ == "__main__":
    serve()
