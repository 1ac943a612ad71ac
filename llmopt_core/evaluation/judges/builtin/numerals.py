"""Amounts in a text, in digits or in words, English and Chinese, brought to one form so that they can be compared."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import zip_longest

from llmopt_core.evaluation.judges.builtin.amount import Amount, looseness, plain_text
from llmopt_core.evaluation.judges.builtin.clock import clock_times
from llmopt_core.evaluation.judges.builtin.numerals_zh import chinese_amounts
from llmopt_core.evaluation.judges.builtin.units import PLAIN, TEMPERATURES, unit_at
from llmopt_core.text.scripts import CJK


# The same sentences are held against every statement.
@lru_cache(maxsize=20_000)
def amounts(text: str) -> tuple[Amount, ...]:
    """All amounts in order."""
    plain = plain_text(text)
    candidates = [*_english(plain), *chinese_amounts(plain), *clock_times(plain)]
    longest: list[Amount] = []
    # The longest of those that begin at one place; what lies within an amount already taken is part of it: the 30 of
    # 9:30.
    for amount in sorted(candidates, key=lambda one: (one.start, -one.end)):
        if not longest or amount.start >= longest[-1].end:
            longest.append(amount)
    return tuple(_below_zero(amount, plain) for amount in _spread_units(longest, plain))


def _below_zero(amount: Amount, text: str) -> Amount:
    is_below = amount.kind in TEMPERATURES and (
        _MINUS.search(text[max(0, amount.start - 9) : amount.start])
        or _BELOW_ZERO.match(text[amount.end : amount.end + 15])
    )
    return replace(amount, value=-amount.value) if is_below else amount


# Behind a digit the sign is that of a range: 10-15 degrees.
_MINUS = re.compile(r"(?:零下|负|\bminus |\bnegative |(?<![a-z\d.])[-\u2212\u2013])$")
_BELOW_ZERO = re.compile(r" below (?:zero|freezing)\b")


_RANGE = re.compile(r"\s*(?:to|and|or|-|–|—|~|至|到)\s*")


def _spread_units(amounts: list[Amount], text: str) -> Iterator[Amount]:
    """In `1,000 to 2,000 metres` both are metres."""
    for amount, successor in zip_longest(amounts, amounts[1:]):
        gap = text[amount.end : successor.start] if successor else ""
        # "2010 to 20 metres" is no range of metres.
        year = re.fullmatch(r"\d{4}", amount.text)
        if successor and successor.kind and not (amount.kind or amount.ordinal or year) and _RANGE.fullmatch(gap):
            factor, kind, _ = unit_at(text, successor.start, _number_end(successor, text))
            yield replace(amount, value=amount.value * factor, kind=kind)
        else:
            yield amount


def _number_end(amount: Amount, text: str) -> int:
    """Where the number ends and its unit begins."""
    # From the end back: the unit is found where it ends with the amount.
    places = range(amount.end - 1, amount.start, -1)
    return next((place for place in places if unit_at(text, amount.start, place)[2] == amount.end), amount.end)


def bare_value(amount: Amount, text: str) -> float:
    """The number of an amount without its unit; `text` is what it stands in, after NFKC and in lower case."""
    amounts_alone = amounts(text[amount.start : _number_end(amount, text)])
    return amounts_alone[0].value if amounts_alone else amount.value


def missing(own: Iterable[Amount], there: Iterable[Amount]) -> list[Amount]:
    """The amounts that the text does not have; `one` is often no number, so it is never missing."""
    # Each value and kind once: a table may hold the same number hundreds of times.
    distinct_amounts = list({(b.value, b.kind): b for b in there}.values())
    return [a for a in own if not a.is_implied and not _is_one(a) and not any(a.equals(b) for b in distinct_amounts)]


def _is_one(amount: Amount) -> bool:
    return amount.value == 1 and amount.kind in (PLAIN, "times", "part")


# Kept from the formatter, which would put each word on a line.
_UNITS = {word: value for value, word in enumerate(
    ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
     "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
)}  # fmt: skip
_TENS = {word: 10 * value for value, word in enumerate(
    ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=2
)} | {"fourty": 40}  # fmt: skip
# Numbers in words: a dozen is a scale, too. Floats, which grow without end: two hundred times "hundred" is infinite.
_SCALES = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12, "dozen": 12.0}
_SCALES |= {"score": 20.0}
_SCALES |= {word + "s": value for word, value in list(_SCALES.items())}
_SHORT_SCALES = {"k": 1e3, "m": 1e6, "mn": 1e6, "bn": 1e9, "b": 1e9}
_SHORT_SCALES |= {"百": 100, "千": 1e3, "万": 1e4, "百万": 1e6, "千万": 1e7, "亿": 1e8, "万亿": 1e12}
_ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9,
    "tenth": 10, "eleventh": 11, "twelfth": 12, "thirteenth": 13, "fourteenth": 14, "fifteenth": 15, "sixteenth": 16,
    "seventeenth": 17, "eighteenth": 18, "nineteenth": 19, "twentieth": 20, "thirtieth": 30, "fortieth": 40,
    "fiftieth": 50, "sixtieth": 60, "seventieth": 70, "eightieth": 80, "ninetieth": 90, "hundredth": 100,
}  # fmt: skip
# Halves and quarters have words of their own; a second is rather time.
_PARTS = {"half": 2, "halves": 2, "quarter": 4, "quarters": 4} | {
    word + end: value for word, value in _ORDINALS.items() if 2 < value <= 10 for end in ("", "s")
}  # fmt: skip
_TIMES = {"once": 1, "twice": 2, "thrice": 3, "double": 2, "doubled": 2, "twofold": 2, "triple": 3, "tripled": 3}
_TIMES |= {"threefold": 3, "quadruple": 4, "quadrupled": 4, "tenfold": 10}

# The longest first, so that "seventeen" is not read as "seven".
_CARDINAL = "|".join(sorted([*_UNITS, *_TENS, *_SCALES], key=len, reverse=True))
_ORDINAL = "|".join(sorted(_ORDINALS, key=len, reverse=True))
# A Chinese character may stand right before digits, a letter may not.
_DIGITS = rf"(?<![.,])(?<![^\W{CJK}])\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?"
# Number words joined by blanks, hyphens or `and`: "three hundred and forty-two", "four point two million".
# Scales are looked for by themselves behind a point alone: elsewhere the run before has them, and where two repetitions
# may take one word, a long run takes the square of its length.
_SPELT = (
    rf"(?:a[ -](?={'|'.join(_SCALES)}\b))?(?:{_CARDINAL})"
    rf"(?:(?:[ -]|, (?=\w)| and |-and-)(?:a[ -])?(?:{_CARDINAL})\b)*"
    rf"(?: point(?: (?:{'|'.join(_UNITS)})\b)+(?:[ -](?:{'|'.join(_SCALES)})\b)*)?"
).replace(" ", r"\ ")
_SPAN = "minute|hour|day|week|fortnight|month|year|decade|century"
# Alternatives from the longest form to the shortest: an hour and a half, one in ten, two thirds, 3/4, 21st, twice,
# words, digits, per week.
_AMOUNT = re.compile(
    rf"""(?P<mixed>\b(?P<whole_number>{_SPELT}|\d+|an?)\ (?:(?P<unit>{_SPAN}|mile)\ )?
            and\ a\ (?P<rest>half|quarter)\b            (?:[ -](?P<mixed_scale>{'|'.join(_SCALES)})\b)?)
      | (?P<of_many>\b(?P<above>{_SPELT}|\d{{1,2}})\ (?:in|out\ of)\ (?:every\ )?(?P<below>{_SPELT}|\d{{1,3}})\b(?!,\d))
      | (?P<part>\b(?:(?P<count>{_SPELT}|\d+|an?)[ -])?(?P<whole>{'|'.join(sorted(_PARTS, key=len, reverse=True))})\b
            (?P<of>(?=\ (?:of|an?|the|as)\b|\ (?:its|their|his|her|our)\b)|(?=[.,;:!?]|\s*$))?)
      | (?P<slash>(?<![\d/.])\d+/\d+(?![\d/]))
      | (?P<nth>\b\d+(?:st|nd|rd|th)\b|\b(?:(?:{'|'.join(_TENS)})[ -])?(?:{_ORDINAL})\b)
      | (?P<times>\b(?:{'|'.join(_TIMES)})\b)
      | (?P<spelt>\b(?:{_SPELT})\b)
      | (?P<digits>{_DIGITS})(?P<scale>\ ?(?:{'|'.join(_SCALES)}|k|[mb]n)\b|\ ?(?:百万|千万|万亿|[万亿千百]))?
      | (?P<implied>\b(?:per\ (?=second\b)|(?:an?|per|each|every|this|one)\ (?=(?:{_SPAN})\b)))
    """,
    re.VERBOSE,
)  # fmt: skip
_ARTICLE = re.compile(r"\b(?:the|its|his|her|their|our|my|your|this|that|every|each|a|an)\s+$")


def _english(text: str) -> Iterator[Amount]:
    for match in _AMOUNT.finditer(text):
        amount = _amount(match, text)
        if amount is not None:
            yield amount


def _amount(match: re.Match[str], text: str) -> Amount | None:
    start, end = match.span()
    loose = looseness(text, start)
    if match["mixed"] or match["part"]:
        return _mixed_amount(match, text, loose) if match["mixed"] else _part(match, text, loose)
    if match["of_many"] or match["slash"]:
        parts = (match["above"], match["below"]) if match["of_many"] else match["slash"].split("/")
        numerator, denominator = map(_value, parts)
        # 9 in 5 is no share, and 0 below would divide.
        return (
            Amount(numerator / denominator, "part", start, end, match.group(), **loose)
            if 0 < numerator < denominator
            else None
        )
    if match["nth"]:
        seconds = match["nth"] == "second" and not _ARTICLE.search(text[max(0, start - 8) : start])
        # "Second" without an article is mostly the unit of time.
        return None if seconds else Amount(_ordinal(match["nth"]), PLAIN, start, end, match.group(), ordinal=True)
    if match["times"]:
        return Amount(_TIMES[match["times"]], "times", start, end, match.group(), **loose)
    value, scale, digits = 1.0, 1.0, ""
    if match["spelt"]:
        value = _spelt(match["spelt"])
    elif match["digits"]:
        digits = match["digits"].replace(",", "")
        scale, end = _scale_of(match, text)
        value = float(digits) * scale
    factor, kind, end = unit_at(text, start, end)
    tolerance = 0.0
    # Two digits at least: 4 million may be said for 4.4, but 4 says nothing of how it was rounded.
    if scale > 1 and len(digits.replace(".", "")) > 1:
        # 4.2 million stands for what rounds to it.
        tolerance = 0.5 * scale * factor / 10 ** len(digits.partition(".")[2])  # half of the last digit that is written
    is_implied = match["implied"] is not None
    return Amount(value * factor, kind, start, end, text[start:end].strip(), False, is_implied, tolerance, **loose)


def _scale_of(match: re.Match[str], text: str) -> tuple[float, int]:
    """The scale behind digits, and where it ends; in `$340m` the m is one."""
    end = match.end()
    scale = (match["scale"] or "").strip()
    letter = re.match(r"[mb]\b", text[end : end + 2])
    # After a currency only: "340m" elsewhere is metres.
    if letter and re.search(r"[$€£¥]\s?$", text[max(0, match.start() - 2) : match.start()]):
        scale, end = letter[0], end + 1
    return _SCALES.get(scale) or _SHORT_SCALES.get(scale) or 1.0, end


def _mixed_amount(match: re.Match[str], text: str, loose: dict[str, bool]) -> Amount:
    """`An hour and a half`, `two and a half million dollars`."""
    start, end = match.span()
    word = match["whole_number"]
    value = (1.0 if word in ("a", "an") else _value(word)) + 1 / _PARTS[match["rest"]]
    if match["unit"]:
        factor, kind, _ = unit_at(text, start, match.start("unit") - 1)
        return Amount(value * factor, kind, start, end, match.group(), **loose)
    scale = _SCALES.get(match["mixed_scale"] or "", 1)
    factor, kind, end = unit_at(text, start, end)
    return Amount(value * scale * factor, kind, start, end, text[start:end], **loose)


def _value(word: str) -> float:
    return float(word) if word.isdigit() else _spelt(word)


def _part(match: re.Match[str], text: str, loose: dict[str, bool]) -> Amount:
    """`two thirds`, `a quarter`, `half`; a lone ordinal is an ordinal."""
    start, end = match.span()
    word, count = match["whole"], match["count"]
    one = count in ("a", "an", "one")
    # "Third" alone and "the third" are ordinals, "a third of" and "two thirds" are not.
    is_single = (
        count is None or (not one and not word.endswith("s")) or (one and count != "one" and match["of"] is None)
    )
    if word in _ORDINALS and is_single:
        return Amount(float(_ORDINALS[word]), PLAIN, start, end, match.group(), ordinal=True)
    numerator = 1.0 if count is None or one else _value(count)
    value = numerator / _PARTS[word]
    # Half a dozen is six.
    if dozen := re.match(r" (?:a )?dozen\b", text[end : end + 9]):
        stop = end + dozen.end()
        return Amount(12 * value, PLAIN, start, stop, text[start:stop], **loose)
    # "Half an hour", "a quarter of a mile": what it is a part of gives the unit.
    if tail := re.match(r" (?:of )?(?:an? |the )?", text[end : end + 8]):
        factor, kind, stop = unit_at(text, start, end + tail.end() - 1)
        if kind:
            return Amount(value * factor, kind, start, stop, text[start:stop], **loose)
    return Amount(value, "part", start, end, match.group(), **loose)


def _ordinal(word: str) -> float:
    if word[0].isdigit():
        return float(re.sub(r"\D", "", word))
    tens, _, unit = word.replace("-", " ").rpartition(" ")
    return float(_TENS.get(tens, 0) + _ORDINALS[unit])


def _spelt(text: str) -> float:
    """The value of number words: `three hundred and forty million`, `four point two`, `nineteen fifty-three`."""
    words = [word for word in re.split(r"[\s,-]+", text) if word not in ("and", "a", "")]
    if "point" in words:
        place = words.index("point")
        tail = [word for word in words[place + 1 :] if word in _UNITS]
        value = _whole(words[:place]) + float("0." + "".join(str(_UNITS[word]) for word in tail))
        for word in words[place + 1 + len(tail) :]:
            value *= _SCALES.get(word, 1)
        return value
    return _whole(words)


def _whole(words: list[str]) -> float:
    pair = _year(words)
    if pair is not None:
        return pair
    total, current = 0.0, 0.0
    for word in words:
        if word in _SCALES:
            scale = _SCALES[word]
            # "Thousand" alone is one thousand.
            current = (current or 1) * scale
            if scale >= 1000:
                total, current = total + current, 0.0
        else:
            current += _UNITS.get(word, _TENS.get(word, 0))
    return total + current


def _year(words: list[str]) -> float | None:
    """`nineteen fifty-three` and `twenty twenty-one` are years."""
    values = [_UNITS.get(word, _TENS.get(word)) for word in words]
    if len(values) < 2 or None in values:
        return None
    head, tail = values[0] or 0, sum(value or 0 for value in values[1:])
    # Eleven to twenty before a number of two digits, as years are spoken.
    if 11 <= head <= 20 and (10 <= tail < 100):
        return 100.0 * head + tail
    return None
