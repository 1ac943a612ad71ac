"""Dates and frequencies in one form: 2024-05-17, Feb 5, Q1, every other year, 每两年."""

from __future__ import annotations

import re

from llmopt_core.evaluation.judges.builtin.amount import write_out_powers
from llmopt_core.text.scripts import has_cjk

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_ORDINALS = ("first", "second", "third", "fourth")
_SHORT = {name[:3]: name for name in _MONTHS} | {"Sept": "September"}
# Longer ones first, so that "Sept" is not read as "Sep" with a t left over. `May` is its own short form.
_ABBREVIATION = rf"(?P<month>{'|'.join(sorted(_SHORT, key=len, reverse=True))})"
# "Feb 5", "Feb. 5"; without a number "Mar" or "Jun" may be names.
_BEFORE_NUMBER = re.compile(rf"\b{_ABBREVIATION}\b\.?(?=\ \d)")
_BEHIND_NUMBER = re.compile(rf"(?<=\d\ ){_ABBREVIATION}\b\.?(?=,?\ \d|[\s.,;]|$)")
# 2024-05-17, 2024/5/7 and 2024.5.7, but no part of a longer run of numbers, such as a telephone number.
_ISO = re.compile(r"(?<![\d./-])(\d{4})([-./])(0?[1-9]|1[0-2])\2(0?[1-9]|[12]\d|3[01])(?![\d/-]|\.\d)")
_QUARTER = re.compile(r"\bQ([1-4])\b(?:\ of)?")
# Q1, 一季度; behind 第 it is written out already.
_QUARTER_CHINESE = re.compile(r"(?<!第)(?:([一二三四])季度|Q([1-4]))")
# 零比二输给 and 二比零击败: the larger first.
_HAN_DIGITS = "零一二三四五六七八九"
_SCORE = re.compile(rf"([{_HAN_DIGITS}])比([{_HAN_DIGITS}])")
_EVERY_OTHER = re.compile(r"\bevery\ (?:other|second)\ (minute|hour|day|week|month|year|decade)\b", re.IGNORECASE)
# `May` is a month beside a number or behind such a word.
# `May` is also a verb and a name.
_BEFORE_MAY = ("in", "of", "by", "to", "on", "from", "since", "until", "till", "last", "next", "early", "late", "mid")
MAY = re.compile(
    "|".join([r"\bMay\b(?=,?\ \d)", r"(?<=\d\ )May\b", *(rf"(?<=\b{word}\ )May\b" for word in _BEFORE_MAY)])
)


def in_one_form(text: str) -> str:
    """The text with its dates and powers of ten written out and `every other` as `every two`."""
    text = write_out_powers(text)
    chinese = has_cjk(text)
    if chinese:
        text = _QUARTER_CHINESE.sub(lambda m: f"第{m[1] or '一二三四'[int(m[2]) - 1]}季度", text)
        # Read from today: texts say "the last century" of the 20th.
        text = re.sub("上个?世纪", "20世纪", text)
        text = _SCORE.sub(lambda m: "比".join(sorted(m.groups(), key=_HAN_DIGITS.find, reverse=True)), text)
        # In the order of the language, as the text would write it.
        return _ISO.sub(lambda m: f"{m[1]}年{int(m[3])}月{int(m[4])}日", text)
    text = _ISO.sub(lambda m: f"{int(m[4])} {_MONTHS[int(m[3]) - 1]} {m[1]}", text)
    for pattern in (_BEFORE_NUMBER, _BEHIND_NUMBER):
        text = pattern.sub(lambda m: _SHORT[m["month"]], text)
    text = _QUARTER.sub(lambda m: f"the {_ORDINALS[int(m[1]) - 1]} quarter of", text)
    return _EVERY_OTHER.sub(r"every two \1s", text)


_NUMBERS = "two|three|four|five|six|seven|eight|nine|ten"
# "every two years", 每两年, 每隔三天.
_FREQUENCY = re.compile(
    rf"\bevery\ (?:{_NUMBERS}|\d+)\ (?P<unit>minute|hour|day|week|month|year)s\b"
    r"|每隔?[两二三四五六七八九十百\d]+个?(?P<chinese>小时|分钟|星期|季度|[天日周月年秒])",
    re.IGNORECASE,
)
_EACH = {
    "minute": r"every\ minute",
    "hour": r"every\ hour|hourly",
    "day": r"every\ day|daily",
    "week": r"every\ week|weekly",
    "month": r"every\ month|monthly",
    "year": r"every\ year|yearly|annual(?:ly)?",
}


def other_frequency(statement: str, source: str) -> str:
    """The reason if something happens every year here, and every two years in the text."""
    for match in _FREQUENCY.finditer(source):
        unit = match["unit"] or match["chinese"]
        each = re.compile(rf"\b(?:{_EACH[unit.lower()]})\b" if match["unit"] else f"每个?{unit}", re.IGNORECASE)
        frequency = each.search(statement)
        # The source may say both: every two years, and every year from 2020 on.
        if frequency and not each.search(source):
            return f"it says '{frequency.group()}' where the text says '{match.group()}'"
    return ""
