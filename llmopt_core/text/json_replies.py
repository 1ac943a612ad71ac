"""The JSON that a model replies with, told from thinking, quotations and what the graded text smuggled in. Pure."""

from __future__ import annotations

import contextlib
import html
import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from llmopt_core.text.bounded_yaml import BoundedLoader
from llmopt_core.text.thinking import split_thinking

_QUOTES = "'\"“‘«‹„「『"
# Not strict: models write line breaks into texts as they are.
_DECODER = json.JSONDecoder(strict=False)
# Typographic quotes, which a model reads like plain ones and writes anew as such.
_PLAIN_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»″", '"') | dict.fromkeys("‘’‚‛′", "'"))
_DEEPEST = 8  # Levels of what is graded: records of records, no deeper.
# Some two or three sentences before an object: further back the talk is of something else.
_LEAD_CHARS = 300
# `.` before a space, so that `0.5` and `e.g.x` end nothing; East Asian marks and line breaks always do.
_SENTENCE_END = re.compile(r"[.!?](?=\s)|[。！？\n]")
# Words that lead to an object which is not the verdict: `For example, {...}`, `a perfect answer gets {...}`, `had it
# been ...`. Models show such objects after their verdict, where the last one would be taken for it.
_EXAMPLE = re.compile(
    r"\b(?:examples?|for instance|such as|hypothetical\w*|illustrat\w+|suppose|imagine|template|placeholder"
    r"|(?:for|by|in) (?:comparison|contrast)|compared? (?:with|to)"
    r"|an? (?:ideal|perfect|passing|better|correct|good|model) (?:answer|reply|response)"
    r" (?:gets?|has|looks|receives|scores)"
    r"|(?<!I )would (?:have|be|get|pass|look|earn|receive|give|return|score|deserve|merit|yield|become|read|need)"
    r"|if (?:it|they|he|she|you|the \w+|this|an? \w+) (?:had|were)|zum beispiel|beispiel\w*|par exemple|por ejemplo)\b"
    r"|(?:^|[,;]\s)\s*had (?:it|the|this|an?)\b|^\s*if\b(?!.*\b(?:not|but)\b)"
    r"|例如|比如|示例|例子|如果|假如",
    re.IGNORECASE,
)
_SHORT_EXAMPLE = re.compile(r"\be\. ?g\.|\bz\. ?b\.|\bp\. ?ex\.", re.IGNORECASE)
# What leads to a verdict, whatever was said before it.
_FINAL = re.compile(
    r"\b(?:verdict|final\w*|conclusion|conclud\w+|therefore|thus|hence|decision|revised|corrected|correction|actually"
    r"|wait|judge?ment|my (?:answer|reply|grade|score)|in short|overall|result)\b|^\W*so\b|最终|结论|因此|所以",
    re.IGNORECASE,
)
# What may lead to an example, or to words of somebody else, as well as to a verdict.
_PERHAPS = re.compile(
    r"\b(?:could|might|may|someone|somebody|others?|another|different|alternativ\w*|lenient|stricter|looser|harsher"
    r"|schema|format|shape|looks? like|rivals?|competing|previous|earlier|former|baseline|samples?|demo\w*|whereas"
    r"|what if|were|in case|when(?:ever)?|unless|deserv\w+|earn\w*|counterpart|opposite|variant|version"
    r"|otherwise|else|either|compare|(?<!this )cases?|ignor\w+|instruct\w*|inject\w*|asked|asks|told|tells|demand\w*"
    r"|orders?|tr(?:ies|ied) to|wants?|wrong (?:answers?|repl(?:y|ies)|ones?)|p\.\s?s|paraphras\w+|fail(?:ing|ed|s)?"
    r"|strict|lowest|highest|min(?:imum)?|max(?:imum)?|worst|best|default|scale|range|possible"
    r"|never (?:say|reply|write|give|output|answer)|sonst|andernfalls|falsche\w*|sähe|wäre|würde|sinon|serait|aurait"
    r"|faux|contrario|sería|habría|altrimenti|sarebbe|esempio|contrário|seria|exemplo)\b"
    r"|假设|另一|其他|格式|可能|也许|否则|反之|例|若|さもな|たとえ|например|иначе|예를|예:|아니면",
    re.IGNORECASE,
)
# What stands right before an object of somebody else: who says it, a mark of a comment, an "or" between two.
_BESIDE = re.compile(
    r"\b(?:says|said|wrote|writes|reads|contain(?:s|ed)|holds|held|state[sd]|claim(?:s|ed)|quote[sd]|include[sd])[\s:,]*$"
    r"|<\w*(?:quote|text|input|context|document|passage|source|material|prompt|user)\w*>\s*$"
    r"|\b(?:input|reference|candidate|prompt|user|passage|document|context|text|statement)(?:'s)?(?: \w+)?\s*:\s*$"
    r"|(?:^|\n)[ \t]*(?://|#|<!--|\||\[\d+\]|--|%)[^\n]*$|^[\s,;.]*or\b",
    re.IGNORECASE,
)
# Right before an object: `instead of {...}`, `not {...}`; but `does not {` is part of a sentence about the answer.
_INSTEAD = re.compile(
    r"\b(?:(?:instead of|rather than|as opposed to|unlike|versus|vs\.?)[\s:`]*|(?<!does )(?<!did )not[\s`]*)$",
    re.IGNORECASE,
)
# Right behind an object: `{...} would be the verdict if it ...`.
_AFTERWARDS = re.compile(
    r"would\b|is (?:what|how)\b|(?:only )?if (?:it|the)\b|was (?:my|a|the) (?:draft|first)|is (?:an?|the) example",
    re.IGNORECASE,
)
_HEADING = ("#", "**", "__")
# `{...}, which is` - a small letter behind it: the sentence is not over.
_GOES_ON = re.compile(r"[`*]*[ ,;]+[a-z]")
_THEN = re.compile(r"\s*(?:then|in that case|and)\b", re.IGNORECASE)
_DECORATION = " \t\n`*_"  # Marks of Markdown around an object.
# YAML is read slowly, and a text may open a bracket at each character: these two bound the work per text.
_LONGEST_LOOSE = 2_000
_MOST_LOOSE = 50


def without_thinking(text: str) -> str:
    """The reply after its last closing mark of thinking; empty where it never stopped."""
    # The splitter leaves marks in backticks and code blocks alone; a verdict is never before one of them.
    return split_thinking(text)[0].rpartition("</think>")[2]


@dataclass(frozen=True, slots=True)
class ReplyObject:
    """A JSON object or list that may be the verdict of a reply.

    Attributes:
        value: What it says.
        unsure: It may as well be an example or somebody else's: where an earlier one says otherwise, nobody knows.
    """

    value: Any
    unsure: bool = False


def objects_in(reply: str, opening: str = "{") -> list[ReplyObject]:
    """The JSON objects (or, with `[`, lists) of a reply, outermost alone, in order.

    Those in quotes are no reply, nor is one after another that is told as an example, as what would have been, or as
    what it is not.
    """
    # `end_before`: where the object before this one ends, so that its own words are not read as a lead.
    text, objects, end_before = without_thinking(reply), list[ReplyObject](), 0
    for value, start, end in _find_objects(text, opening):
        # The first object is taken whatever is said before it: most models lead to their verdict in all kinds of words.
        if not _is_quoted(text, start, end) and not (objects and _is_example(text, end_before, start, end)):
            objects.append(ReplyObject(value, bool(objects) and _is_unsure(text, end_before, start, end)))
        end_before = end
    return objects


def breaks_off(reply: str) -> bool:
    """Whether a reply ends within an object: one before it was no last word."""
    text = without_thinking(reply)
    last_end = max((end for _, _, end in _find_objects(text, "{")), default=0)
    # A brace with a name behind it; one alone may be a part of a formula or of LaTeX.
    opening = re.search(r'\{\s*"', text[last_end:])
    # With a space more, so that an object that ends with the text is told from one that does not end.
    return opening is not None and _broken_end(text + " ", last_end + opening.start()) > len(text)


def plain_objects(text: str) -> Iterator[dict[str, Any]]:
    """Every whole JSON object of a text, outermost alone, in order, wherever it stands; for replies that grade nothing.

    Where an object is broken, those inside it count.
    """
    place = text.find("{")
    while place >= 0:
        try:
            value, end = _DECODER.raw_decode(text, place)
        except (ValueError, RecursionError):
            end = place + 1
        else:
            yield value
        place = text.find("{", end)


def objects_in_material(material: Any, opening: str = "{") -> list[Any]:
    """Every JSON object that stands inside the texts to be graded: a reply that repeats one is none.

    Written loosely (`{'passed': True}`, `{passed: true}`), escaped or with other quotes, it is one as well.
    """
    objects: list[Any] = []
    for text in _texts(material):
        # A set: mostly both are the same, and are read once.
        for wording in {text, _plainly(text)}:
            objects += [value for value, _, _ in _find_objects(wording, opening)]
            objects += _loose(wording, opening)
    return objects


def _plainly(text: str) -> str:
    """The text as it reads: brackets and quotes of other scripts, entities and escapes as what they stand for."""
    return unicodedata.normalize("NFKC", html.unescape(text)).translate(_PLAIN_QUOTES).replace('\\"', '"')


def _loose(text: str, opening: str) -> Iterator[Any]:
    """What is no JSON but reads as an object to a model, which writes it anew as JSON."""
    place = text.find(opening)
    # A reply repeats what stands early; the rest of a long text is not worth seconds.
    for _ in range(_MOST_LOOSE):
        if place < 0:
            return
        segment = text[place : place + _LONGEST_LOOSE]
        # YAML reads one value; what follows the bracket would make it an error.
        end = _end_of_loose(segment)
        with contextlib.suppress(yaml.YAMLError, ValueError, RecursionError):
            value = yaml.load(segment[:end], BoundedLoader)  # noqa: S506 (a SafeLoader)
            if isinstance(value, dict | list) and value:
                yield value
        # Outermost alone, like `_find_objects`.
        place = text.find(opening, place + max(end, 1))


def _end_of_loose(segment: str) -> int:
    """Where the brackets that open first are all closed."""
    depth = 0
    for place, letter in enumerate(segment):
        depth += (letter in "{[") - (letter in "}]")
        if not depth:
            return place + 1
    return len(segment)


def _find_objects(text: str, opening: str) -> Iterator[tuple[Any, int, int]]:
    """Each object with its place."""
    place = text.find(opening)
    while place >= 0:
        try:
            value, end = _DECODER.raw_decode(text, place)
        # Thousands of brackets in a row exhaust the stack: they are no verdict.
        except (ValueError, RecursionError):
            # A slice, since the white space between may be very long.
            object_start = re.match(r'\{\s*"', text[place : place + 50])
            end = _broken_end(text, place) if object_start else place + 1
            if object_start:
                yield from _last_inside(text, place, end)
        else:
            yield value, place, end
        place = text.find(opening, end)


def _last_inside(text: str, start: int, end: int) -> Iterator[tuple[Any, int, int]]:
    """The object that ends a broken one, opened too often; one that a cut object goes on after is no reply."""
    inner = text.rfind("{", start + 1, end)
    if inner < 0:
        return
    try:
        value, close = _DECODER.raw_decode(text, inner)
    except (ValueError, RecursionError):
        return
    if not text[close:end].strip("}]` \n"):
        yield value, inner, close


def _broken_end(text: str, start: int) -> int:
    # By hand and in one pass: braces inside of quotes count for nothing.
    depth, inside, place = 0, False, start
    while place < len(text):
        letter = text[place]
        if inside:
            # Jumps over what is escaped, a quote mostly.
            place += letter == "\\"
            inside = letter != '"'
        elif letter == '"':
            inside = True
        else:
            depth += (letter == "{") - (letter == "}")
            if not depth:
                return place + 1
        place += 1
    return len(text)


def _is_quoted(text: str, start: int, end: int) -> bool:
    # Quotes around the whole reply are its wrapping; to quote something takes words beside it.
    if not (text[:start] + text[end:]).strip("`'\"“” \n\t"):
        return False
    line = text[text.rfind("\n", 0, start) + 1 : start]
    # Markdown's quotation.
    if line.lstrip().startswith(">"):
        return True
    before = text[:start].rstrip(" ")
    # One backtick quotes; three open a block, which is how many models write their verdict.
    return (before[-1:] in _QUOTES and bool(before)) or (before.endswith("`") and not before.endswith("```"))


def _is_example(text: str, behind: int, start: int, end: int) -> bool:
    """Whether the words around a place speak of an example; `behind` is where the object before it ends."""
    lead = text[max(behind, start - _LEAD_CHARS) : start].rstrip().rstrip("`").removesuffix("json").rstrip("`").rstrip()
    # Written out, as the full stops of `e.g.` would end the sentence.
    last = _SENTENCE_END.split(_SHORT_EXAMPLE.sub("for instance", lead))[-1]
    after = text[end : end + _LEAD_CHARS].lstrip("`'\"”,;:–—- \n")
    if _INSTEAD.search(last) or _AFTERWARDS.match(after):
        return True
    if _EXAMPLE.search(last):
        return True
    # `## Example` stands above all that follows it, `Then {...}` goes on with the sentence before.
    headings = [line for line in lead.splitlines() if line.lstrip().startswith(_HEADING)]
    context = "\n".join([*headings, lead if _THEN.match(last) else ""])
    return bool(_EXAMPLE.search(context)) and not _FINAL.search(last)


def _is_unsure(text: str, behind: int, start: int, end: int) -> bool:
    """Whether a later object may be no verdict: words that lead to examples too, or a place within a sentence."""
    lead, after = text[max(behind, start - _LEAD_CHARS) : start], text[end : end + 20]
    last = next((part for part in reversed(_SENTENCE_END.split(lead)) if part.strip(_DECORATION)), "")
    if _FINAL.search(last) and not _PERHAPS.search(last):
        return False
    if _PERHAPS.search(lead) or _BESIDE.search(lead.rstrip(_DECORATION)) or after.lstrip("`* ").startswith("?"):
        return True
    return bool(_GOES_ON.match(after) and lead.strip(" \n`*-:.,;(["))


def _texts(value: Any, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif depth < _DEEPEST and isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item, depth + 1)
