"""Nunjucks, which promptfoo's templates are written in -> Jinja2. Pure.

What both read alike stays as it is, letter by letter. Source: nunjucks' templating page and its parser.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from jinja2 import TemplateSyntaxError

from llmopt_core.errors import BadInput
from llmopt_core.prompts.sandbox import ENVIRONMENT

Token = tuple[str, str]
"""Kind (as Jinja2's lexer calls it) and text."""

# `{% verbatim %}` is `{% raw %}` in both, but Jinja2 knows the second alone; the signs that cut spaces are kept.
_VERBATIM = re.compile(r"(\{%-?\s*)(end)?verbatim(\s*-?%\})")
# Such as `, r/^a+b/gi)`: only for a better message, once the lexer has failed. Every part takes characters that the
# next one does not, so it cannot run long.
_REGEX = re.compile(r"[(,=|\s]r/(?:[^/\\\n]|\\.)+/[gimy]*\s*[,)%}.|]")
# What `_over_pairs` writes, and `to_nunjucks` looks for.
_ITEMS, _MAPPING = "|items if ", " is mapping else "

_WORDS = {
    "elseif": "elif", "asyncEach": "for", "asyncAll": "for", "endeach": "endfor", "endall": "endfor", "ifAsync": "if",
}  # fmt: skip
_REFUSED_TAGS = {
    "switch": "write it with 'if' and 'elif'", "include": "write the text in its place",
    "import": "write the macro into the prompt", "from": "write the macro into the prompt",
    "extends": "write the text in its place",
}  # fmt: skip
_REFUSED_FILTERS = ("nl2br",)
_METHODS = {"toUpperCase": "upper", "toLowerCase": "lower", "trim": "trim", "toString": "string", "join": "join"}
_PYTHON_NAMES = {"startsWith": "startswith", "endsWith": "endswith"}
_REFUSED_METHODS = {
    "charAt", "concat", "entries", "every", "filter", "find", "flat", "flatMap", "forEach", "get", "has", "includes",
    "indexOf", "keys", "lastIndexOf", "localeCompare", "map", "match", "padEnd", "padStart", "parse", "pop", "push",
    "reduce", "repeat", "replaceAll", "reverse", "search", "shift", "slice", "some", "sort", "splice", "stringify",
    "substr", "substring", "test", "toFixed", "toISOString", "toLocaleString", "toSorted", "trimEnd", "trimStart",
    "unshift", "values",
}  # fmt: skip
# How JavaScript and Nunjucks write nothing.
_NOTHING = ("null", "none", "None", "undefined")


def to_jinja(text: str) -> str:
    """A template of promptfoo's as Jinja2.

    Raises:
        BadInput: It uses something that has no counterpart; says what, and what to write in its place.
    """
    # Most texts hold no template; and comments are alike in both.
    if "{{" not in text and "{%" not in text:
        return text
    return _Converter(_tokens(_VERBATIM.sub(r"\1\2raw\3", text))).text()


def to_nunjucks(text: str) -> str:
    """The way back, for what `to_jinja` wrote."""
    output, *parts = text.split(_ITEMS)
    for part in parts:
        expression, mapping, rest = part.partition(_MAPPING)
        suffix = f"{expression} or [])"
        if mapping and output.endswith(f"({expression}") and rest.startswith(suffix):
            # Only what this program wrote has the same expression three times; anything else stays as it is.
            output = output[: -len(expression) - 1] + expression + rest[len(suffix) :]
        else:
            output += _ITEMS + part
    return output


def _tokens(text: str) -> list[Token]:
    try:
        return [(kind, value) for _, kind, value in ENVIRONMENT.lex(text)]
    except TemplateSyntaxError as error:
        # Its slashes and brackets confuse the lexer, whose message would say nothing of the cause.
        if _REGEX.search(text):
            raise _refuse("a regular expression ('r/…/')", "write 'replace' with texts") from None
        where = f" (line {error.lineno})" if error.lineno else ""
        raise BadInput(f"The template is not valid{where}: {error.message}.") from None


def _refuse(what: str, instead: str = "") -> BadInput:
    return BadInput(f"The template uses {what}, which is not read here{f'; {instead}' if instead else ''}.")


class _Converter:
    """Goes through a template tag by tag."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._loops = 0
        self._set_outside: set[str] = set()

    def text(self) -> str:
        """The whole template."""
        return "".join(self._parts())

    def _parts(self) -> Iterator[str]:
        tag: list[Token] | None = None
        for kind, value in self._tokens:
            if kind in ("variable_begin", "block_begin"):
                tag = [(kind, value)]
            elif tag is None:
                yield value
            else:
                tag.append((kind, value))
                if kind in ("variable_end", "block_end"):
                    yield self._tag(tag)
                    tag = None
        # A tag that is never closed stays text, for the renderer to complain about.
        yield "".join(value for _, value in tag or ())

    def _tag(self, tag: list[Token]) -> str:
        inner = tag[1:-1]
        if tag[0][0] == "block_begin":
            inner = self._block(inner)
        return tag[0][1] + "".join(value for _, value in _expression(inner)) + tag[-1][1]

    def _block(self, inner: list[Token]) -> list[Token]:
        at = _next(inner, 0)
        word = inner[at][1] if at < len(inner) else ""
        if word in _REFUSED_TAGS:
            raise _refuse(f"'{{% {word} %}}'", _REFUSED_TAGS[word])
        word = _WORDS.get(word, word)
        # A loop's depth: True is 1 and False 0.
        self._loops += (word == "for") - (word == "endfor")
        if word == "set":
            self._note_set(inner[at + 1 :])
        rest = _over_pairs(inner[at + 1 :]) if word == "for" else inner[at + 1 :]
        return [*inner[:at], ("name", word), *rest] if at < len(inner) else inner

    def _note_set(self, rest: list[Token]) -> None:
        """Nunjucks writes to a variable from inside a loop; here it is another one, which ends with the round."""
        sign = next((i for i, (_, value) in enumerate(rest) if value == "="), len(rest))
        names = [value for kind, value in rest[:sign] if kind == "name"]
        if len(names) > 1:
            raise _refuse("'{% set %}' with several names", "write one for each name")
        repeats = self._set_outside & set(names)
        # In Jinja2 a loop ends with its variables, so a counter in it would stay at its first value without an error.
        if self._loops and repeats:
            raise _refuse(f"'{{% set {repeats.pop()} %}}' of an outer variable inside a loop")
        if not self._loops:
            self._set_outside |= set(names)


def _over_pairs(rest: list[Token]) -> list[Token]:
    """`k, v in thing` goes over a mapping's pairs, and over a list of pairs as it is."""
    at = next((i for i, token in enumerate(rest) if token == ("name", "in")), len(rest))
    # One name goes over items, three over triples; only two are pairs in Nunjucks.
    if [value for _, value in rest[:at]].count(",") != 1:
        return rest
    tail = len(rest) - (rest[-1][0] == "whitespace")
    # The space before the closing sign stays where it is.
    expression = "".join(value for _, value in _expression(rest[at + 1 : tail])).strip()
    if not expression or expression.endswith(("|items", ".items()")):
        return rest
    is_simple = re.fullmatch(r"[\w.]+", expression)
    expression = expression if is_simple else f"({expression})"
    # `or []`: Nunjucks goes over nothing in silence, Jinja2 fails.
    pairs = f" ({expression}{_ITEMS}{expression}{_MAPPING}{expression} or [])"
    return [*rest[: at + 1], ("done", pairs), *rest[tail:]]


def _expression(tokens: list[Token]) -> list[Token]:
    """An expression with what is written otherwise in Jinja2."""
    for step in _STEPS:
        tokens = step(tokens)
    return tokens


def _next(tokens: Sequence[Token], at: int) -> int:
    """The place of the next token that is no space."""
    while at < len(tokens) and tokens[at][0] == "whitespace":
        at += 1
    return at


def _before(tokens: Sequence[Token]) -> str:
    return next((value for kind, value in reversed(tokens) if kind != "whitespace"), "")


def _text_at(tokens: Sequence[Token], at: int) -> str:
    return tokens[at][1] if at < len(tokens) else ""


def _strict_equality(tokens: list[Token]) -> list[Token]:
    """`===` and `!==`, which come as two operators."""
    output: list[Token] = []
    for token in tokens:
        # The lexer knows `==`, and gives the third sign as an assignment.
        if token == ("operator", "=") and output and output[-1] in (("operator", "=="), ("operator", "!=")):
            continue
        output.append(token)
    return output


def _nothings(tokens: list[Token]) -> list[Token]:
    """`null` and `undefined`, alone and in comparisons."""
    output: list[Token] = []
    for kind, value in tokens:
        before = _before(output)
        # `.none` is a field and `|none` a filter.
        if kind != "name" or value not in _NOTHING or before in (".", "|"):
            output.append((kind, value))
        elif before in ("==", "!="):
            sign = max(i for i, (_, text) in enumerate(output) if text == before)
            # The space before the sign goes, since a filter takes its place.
            head = output[:sign] if sign and output[sign - 1][0] != "whitespace" else output[: sign - 1]
            negation = "not " if before == "!=" else ""
            # A missing variable equals null in JavaScript; in Jinja2 it is undefined and not none, hence the default.
            output = [*head, ("done", f"|default(none) is {negation}none")]
        # `undefined` alone is a name that nobody defines, which is right in both.
        elif value == "null":
            output.append(("name", "none"))
        else:
            output.append((kind, value))
    return output


def _join_texts(tokens: list[Token]) -> list[Token]:
    """`+` joins where one side is a text."""
    # In JavaScript a number beside a text is joined; Jinja2's `+` fails there. Between two variables nobody knows, and
    # it stays.
    visible_tokens = [token for token in tokens if token[0] != "whitespace"]
    is_beside_text = any(
        token == ("operator", "+") and "string" in {kind for kind, _ in visible_tokens[max(i - 1, 0) : i + 2]}
        for i, token in enumerate(visible_tokens)
    )
    return [("operator", "~") if is_beside_text and token == ("operator", "+") else token for token in tokens]


# In Jinja2 a bare key would be a variable.
def _name_keys(tokens: list[Token]) -> list[Token]:
    """`{key: value}` has the key as a text."""
    output: list[Token] = []
    open_signs: list[str] = []
    for i, (kind, value) in enumerate(tokens):
        successor = _text_at(tokens, _next(tokens, i + 1))
        # `a ? b : c` also has a colon; only directly behind `{` or `,` within braces is it a key's.
        is_key = open_signs[-1:] == ["{"] and successor == ":" and _before(output) in ("{", ",")
        output.append(("string", f'"{value}"') if kind == "name" and is_key else (kind, value))
        if kind == "operator" and value in "([{":
            open_signs.append(value)
        elif kind == "operator" and value in ")]}" and open_signs:
            open_signs.pop()
    return output


def _methods(tokens: list[Token]) -> list[Token]:
    """Methods of JavaScript's texts and lists as filters."""
    output: list[Token] = []
    skip = -1
    for i, (kind, value) in enumerate(tokens):
        if i <= skip:
            continue
        opening = _next(tokens, i + 1)
        is_call = kind == "name" and _before(output) == "." and _text_at(tokens, opening) == "("
        if is_call and value in _REFUSED_METHODS:
            raise _refuse(f"'.{value}()', a method of JavaScript")
        if is_call and value in _METHODS:
            # The dot goes, with the spaces behind it.
            dot = max(j for j, token in enumerate(output) if token[1] == ".")
            output = [*output[:dot], ("done", f"|{_METHODS[value]}")]
            closing = _next(tokens, opening + 1)
            # Empty brackets go: a filter needs none. With arguments they stay: `join(", ")`.
            skip = closing if _text_at(tokens, closing) == ")" else skip
            continue
        # `startsWith` is `startswith` of Python's texts.
        output.append((kind, _PYTHON_NAMES.get(value, value) if is_call else value))
    return output


def _check(tokens: list[Token]) -> list[Token]:
    """Refuse what has no counterpart."""
    for i, (kind, value) in enumerate(tokens):
        if kind == "name" and value == "r" and tokens[i + 1 : i + 2] in ([("operator", "/")], [("operator", "//")]):
            raise _refuse("a regular expression ('r/…/')", "write 'replace' with texts")
        if kind == "name" and value in _REFUSED_FILTERS and _before(tokens[:i]) == "|":
            raise _refuse(f"the filter '{value}'")
    return tokens


# Refusals come first, before a token is changed. Equality comes before `null`, which looks for == in front of it; texts
# are joined before keys become texts.
_STEPS: tuple[Callable[[list[Token]], list[Token]], ...] = (
    _check, _strict_equality, _nothings, _join_texts, _name_keys, _methods,
)  # fmt: skip
