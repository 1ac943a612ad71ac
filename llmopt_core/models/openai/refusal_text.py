"""Which parameter a refusal is about, in whatever form a service says it. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from llmopt_core.models.body_fields import OPTIONAL, PARAMETERS
from llmopt_core.text.json_text import parse_json

# How services say that they do not take something: `Unsupported parameter`, `Extra inputs are not permitted`, `only the
# default (1) value is supported`. No open repeats, so it is linear on any length.
_REFUSAL = re.compile(
    r"unsupported|not support|n't support|unknown|unrecogni[sz]ed|not recogni[sz]ed|unexpected|unavailable|"
    r"immutable|forbidden|illegal|fixed at|cannot both|(?:not|n't) (?:allow|take|accept)|not enabled|enabled only|"
    r"cannot find|extra[ _]?(?:field|input|forbidden|parameter)|extraneous|"
    r"not (?:permitted|allowed|available|implemented|accepted)|no such|deprecated|no longer|"
    r"no (?:endpoint|provider|deployment)s? (?:found )?that supports?|"
    r"not a (?:valid|known) (?:parameter|argument|field|option|property)|(?:are|is) not valid for|"
    r"invalid (?:parameter|argument|field|option|property|input field)|"
    r"only (?:the )?default|only `?1(?:\.0)?`?(?= |$|\.(?!\d)) ?(?:is|allowed|with)?(?! ?(?:to|and|-))|"
    r"only `?[01]\.\d+`? is |"
    r"only be (?:set to )?`?1(?:\.0)?`?(?! ?(?:to|and|-))|\u4e0d\u652f\u6301",
    re.IGNORECASE,
)
# A value that is too large is the user's to change; leaving it out would hide that.
_OUT_OF_RANGE = re.compile(
    r"(?:must|should) (?:be|have|not be) (?!omitted|removed|unset|left|absent|null|none|empty)|"
    r"too (?:large|high|low|small|big|long)|at most|at least|less than|"
    r"greater than|more than|exceed|maximum|between|out of range|\brange of\b",
    re.IGNORECASE,
)
# Some servers refuse the value that says "no sampling", which leaving it out says too.
_NEUTRAL: Mapping[str, float] = {"temperature": 0.0, "top_p": 1.0}
_ABOVE = re.compile(
    r"strictly positive|(?:must|should) be (?:strictly )?(?:>|<|greater|less|positive|in \(|between)", re.IGNORECASE
)
# Of what is optional no value is the user's own: any complaint about it is a refusal.
_OTHER_VALUE = re.compile(r"must be|should be|expected|\bonly\b", re.IGNORECASE)
# What messages call a parameter when they do not use its name.
_OTHER_WORDS: Mapping[str, str] = {
    "response_format": r"json[ _-]?mode|response format|structured outputs?|json_schema",
    "logprobs": r"log ?probabilities",
}
# Left out, the answer is still the one that was asked for, only less reproducible or counted.
_NO_ANSWER_NEEDS = ("seed", "stream_options", *OPTIONAL)
# What follows "please use" is what the service wants, not what it refuses: `max_tokens is not supported, use
# max_completion_tokens instead`. The dot of `0.5` ends nothing.
_CLAUSES = re.compile(r"[;\n]|\.(?=\s|$)|\bplease\b|\buse\b|\binstead\b|\bdid you mean\b", re.IGNORECASE)
# OpenAI's name for it, FastAPI's, and two that gateways use.
_PLACES = ("param", "loc", "parameter", "field")
# As in `error_text`: real errors nest three or four levels.
_DEEPEST = 6


@dataclass(frozen=True, slots=True)
class _Statement:
    """One thing that a refusal says.

    Attributes:
        place: The fields it names as its place.
        text: Code and sentence.
        code: What kind of refusal it calls itself.
    """

    place: tuple[str, ...]
    text: str
    code: str


def find_parameter(status: int, body: Any, request: Collection[str]) -> str | None:
    """The parameter that a refusal is about; None where it is about something else.

    A value that is refused alone is given with it, as `temperature=0`.

    Args:
        status: Of the answer.
        body: Its JSON.
        request: The request's body, or the names in it.
    """
    # 401 and 429 are never about a parameter. 5xx may be: some servers crash on one they do not know.
    if status not in (400, 403, 404, 422) and status < 500:
        return None
    # In the order of the list, so that ties are settled alike on every call.
    names = [name for name in PARAMETERS if name in request]
    statements = list(_statements(body))
    # All places first: a field that names the parameter is surer than any sentence.
    for reader in (_by_place, _by_sentence):
        for statement in statements:
            parameter = reader(statement, names)
            if parameter is not None:
                return parameter
    return next(filter(None, (_neutral_value(statement, request) for statement in statements)), None)


def find_mentions(body: Any, request: Collection[str]) -> frozenset[str]:
    """What a refusal may be about that says so in words of no known language: parameters that no answer needs."""
    texts = [statement.text for statement in _statements(body) if not _OUT_OF_RANGE.search(statement.text)]
    return frozenset(
        name
        for name in _NO_ANSWER_NEEDS
        if name in request and any(re.search(rf"(?<![\w-]){name}(?![\w-])", text) for text in texts)
    )


def value_key(name: str, value: Any) -> str:
    """How a single value that is refused is remembered."""
    return f"{name}={json.dumps(value)}"


def _by_place(statement: _Statement, names: Collection[str]) -> str | None:
    parameter = next((part for part in statement.place if part in names), None)
    if parameter is None:
        return None
    # The code alone says it, in whatever language the sentence is.
    if statement.code.startswith(("unsupported", "unknown", "extra_forbidden", "unrecognized")):
        return parameter
    return parameter if _refuses(parameter, statement.text) else None


def _refuses(name: str, text: str) -> bool:
    if name in OPTIONAL and _OTHER_VALUE.search(text):
        return True
    return bool(_REFUSAL.search(text)) and not _OUT_OF_RANGE.search(text)


def _by_sentence(statement: _Statement, names: Collection[str]) -> str | None:
    """The parameter that stands nearest to the words of refusal."""
    # `_by_place` has read it, and found no refusal.
    if any(part in names for part in statement.place):
        return None
    for clause in _CLAUSES.split(statement.text):
        words = [*_REFUSAL.finditer(clause), *_OTHER_VALUE.finditer(clause)]
        near = [
            # Characters between the word and the name, whichever comes first; below 0 where they overlap.
            (min(max(word.start() - spot.end(), spot.start() - word.end()) for word in words), name)
            for name in names
            if words and _refuses(name, clause)
            for spot in re.finditer(_mention(name), clause, re.IGNORECASE)
        ]
        if near:
            return min(near)[1]
    return None


def _neutral_value(statement: _Statement, request: Collection[str]) -> str | None:
    # Names alone say nothing of values.
    if not isinstance(request, Mapping) or not _ABOVE.search(statement.text):
        return None
    for name, neutral in _NEUTRAL.items():
        is_named = name in statement.place or re.search(_mention(name), statement.text, re.I)
        if request.get(name) == neutral and is_named:
            return value_key(name, request[name])
    return None


def _mention(name: str) -> str:
    # Ordinary words stand in messages about other things too.
    if name in ("stop", "seed"):
        quote = r"\\*[\"'`]"
        # `stop` and `seed` must be quoted, called a parameter, or be the subject: "the model will stop" is about
        # neither.
        kind = r"(?:parameters?|arguments?|fields?|param|body|supplied|property|option|keys?|inputs?|参数|字段)"
        after_kind = rf"{kind}[ .:：\[]*(?<![a-z_]){name}(?![a-z_])"
        verb = rf"(?<![\w-]){name} (?:is|was|are|unsupported)\b"
        return rf"{quote}{name}{quote}|{after_kind}|(?:^|: ?|\.){name} ?: |{verb}|: ?{name}$"
    other = _OTHER_WORDS.get(name)
    return rf"(?<![a-z_]){name}(?![a-z_])" + (f"|{other}" if other else "")


def _statements(value: Any, depth: int = 0) -> Iterator[_Statement]:
    """Every sentence of a body, with its place. What a service repeats of the request (`input`) is no sentence."""
    if depth > _DEEPEST:
        return
    if isinstance(value, str):
        inner = _json_in(value)
        if inner is None:
            yield _Statement((), value, "")
        else:
            yield from _statements(inner, depth + 1)
    elif isinstance(value, list):
        for item in value:
            yield from _statements(item, depth + 1)
    elif isinstance(value, dict):
        # AWS and some gateways write `Message` and `Code`.
        value = {str(name).lower(): inner for name, inner in value.items()}
        place = tuple(str(part) for name in _PLACES for part in _flat(value.get(name)))
        code = str(value.get("code") or "")
        kind = str(value.get("type") or "")
        texts = [
            value[name] for name in ("message", "msg", "detail", "error", "title") if isinstance(value.get(name), str)
        ]
        if texts or place:
            # Codes of several words are read as part of the sentence (`unsupported_parameter`); single ones such as
            # `error` say nothing.
            yield _Statement(place, " ".join([*texts, *(word for word in (code, kind) if "_" in word)]),
                             kind if kind == "extra_forbidden" else code)  # fmt: skip
        for name, inner in value.items():
            is_nested = isinstance(inner, dict | list) or (isinstance(inner, str) and _json_in(inner) is not None)
            # The request repeated: a prompt that speaks of "unsupported seed" would be taken for a refusal.
            if is_nested and name not in ("input", "ctx", *_PLACES):
                yield from _statements(inner, depth + 1)


def _json_in(text: str) -> Any:
    """The object or list that a proxy hands on as text; None where it is none."""
    if text[:1] not in ("{", "["):
        return None
    try:
        return parse_json(text)
    except ValueError:
        return None


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, str):
        # `body.messages[0].logprobs` -> its parts.
        yield from re.split(r"[.\s\[\]]+", value)
    elif isinstance(value, list):
        yield from value
