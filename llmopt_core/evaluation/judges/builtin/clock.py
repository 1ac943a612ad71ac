"""Times of the day, English and Chinese: 9:30 a.m., half past nine, noon, 下午两点零五分."""

from __future__ import annotations

import re
from collections.abc import Iterator

from llmopt_core.evaluation.judges.builtin.amount import Amount
from llmopt_core.evaluation.judges.builtin.units import CLOCK, EITHER_HALF

_NAMES = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_OFFSETS = {"half": 30, "a quarter": 15, "quarter": 15, "five": 5, "ten": 10, "twenty": 20, "twenty-five": 25}
# `两` is the two that counts things: 两点.
_HAN = {c: value for value, c in enumerate("零一二三四五六七八九")} | {"两": 2}
_HOUR = rf"(?:[01]?\d|2[0-4]|{'|'.join(_NAMES)})"
# `Ten to twelve` is a range, `ten past twelve` and `ten minutes to twelve` are times. 9.30 is a time before pm alone.
_ENGLISH = re.compile(
    # Not behind a digit or a sign of dates and decimals: 12:30:15, 3.09.30. Hours and minutes have two digits at most,
    # so no run is long.
    rf"""(?<![\d.,:/-])(?:
        (?P<noon>\b(?:12\ )?noon\b|\bmidday\b) | (?P<midnight>\b(?:12\ )?midnight\b)
      | \b(?P<offset>half\ past|(?:a\ )?quarter\ (?:past|to)|(?:five|ten|twenty|twenty-five)\ (?:minutes\ to|past))
          \ (?P<of>{_HOUR})\b(?![:.,]\d)
      | (?P<hour>[01]?\d|2[0-4])(?P<sign>[:.])(?P<minute>[0-5]\d)(?![\d:])
      | \b(?P<full>{_HOUR})(?=\ ?[ap]\.?\ ?m\b|\ o['’]clock|\ in\ the\ (?:morning|afternoon|evening)\b|\ at\ night\b)
    )""",
    re.VERBOSE,
)
_HALF = re.compile(
    r"(?:\ o['’]clock)?"
    r"(?:\ ?(?P<letter>[ap])\.?\ ?m\b\.?|\ (?:in\ the|at)\ (?P<word>morning|afternoon|evening|night)\b)?"
)
_CHINESE = re.compile(
    r"""(?P<part>上午|早上|早晨|清晨|凌晨|中午|下午|午后|傍晚|晚上|夜里)?
        (?:(?P<hour>\d{1,2}|二?十[一二三四五六七八九]?|[零一二两三四五六七八九])
           [点时]钟?(?P<rest>整|半|[一三]刻|(?:\d{1,2}|零?[二三四五]?十?[一二三四五六七八九十])分?)?
         | (?P<digital>\d{1,2}):(?P<minute>[0-5]\d)(?![\d:]))
""",
    re.VERBOSE,
)
_MORNING = frozenset({"a", "morning", "上午", "早上", "早晨", "清晨", "凌晨"})
_POINTS = re.compile(r"(?:[跌涨升降扣挫]|收于|收报|报收|得分[为是]?|指数[为是在]?)[了约近超逾]*$")
# 三点建议 are three, 三点五 is a decimal.
_HOUR_ENDS = re.compile(r"[^\w]|[开关起到至前后出抵发下上打闭入结集准之以举]|$")


def clock_times(text: str) -> Iterator[Amount]:
    """The times of day in a text in lower case; their value is in minutes since midnight."""
    for match in _ENGLISH.finditer(text):
        time = _english(match, text)
        if time:
            yield time
    for match in _CHINESE.finditer(text):
        time = _chinese(match, text)
        if time:
            yield time


def _english(match: re.Match[str], text: str) -> Amount | None:
    # "12 noon" before the hours, which would read its 12 as a time of its own.
    if match["noon"] or match["midnight"]:
        return Amount(720.0 if match["noon"] else 0.0, CLOCK, *match.span(), match.group())
    suffix = _HALF.match(text, match.end())
    half = (suffix["letter"] or suffix["word"] or "") if suffix else ""
    minutes = int(match["minute"] or 0)
    # 9.30 without pm is more likely a number.
    if match["sign"] == "." and not half:
        return None
    if match["offset"]:
        words, _, side = match["offset"].replace(" minutes", "").rpartition(" ")
        # `Ten to` takes away from the hour.
        minutes = _OFFSETS[words] * (-1 if side == "to" else 1)
    hour = match["of"] or match["hour"] or match["full"]
    end = suffix.end() if suffix else match.end()
    return _time(text, (match.start(), end), hour, minutes, half)


def _chinese(match: re.Match[str], text: str) -> Amount | None:
    rest = match["rest"] or ""
    # Points of a game or an index: 98点, 下跌12点.
    if _han(match["hour"] or match["digital"]) > 24 or (
        not (match["part"] or rest or match["digital"])
        and _POINTS.search(text[max(0, match.start() - 6) : match.start()])
    ):
        return None
    # A bare 三点 is also "three points"; what follows decides.
    if match["hour"] and not (match["part"] or rest) and not _HOUR_ENDS.match(text[match.end() : match.end() + 1]):
        return None
    # 三点二十 without a sign behind it may be the decimal 3.20.
    if match["hour"] and rest and not (match["part"] or rest[-1] in "整半刻分"):
        return None
    minutes = {"": 0, "整": 0, "半": 30, "一刻": 15, "三刻": 45}.get(rest)
    if minutes is None:
        minutes = _han(rest.rstrip("分"))
    hour = match["hour"] or match["digital"]
    return _time(text, match.span(), hour, int(match["minute"] or minutes), match["part"] or "")


def _time(text: str, span: tuple[int, int], hour_text: str, minutes: int, half: str) -> Amount:
    """Without a half of the day, 9:30 may be in the evening; 09:30, 0:30 and 21:30 are not in doubt."""
    start, end = span
    hour = _NAMES.index(hour_text) + 1 if hour_text in _NAMES else _han(hour_text)
    # Nobody writes 09:30 for the evening.
    is_sure = bool(half) or hour > 12 or hour == 0 or hour_text.startswith("0")
    # 12 at night is hour 0; 12 noon stays 12.
    if half in _MORNING and hour == 12:
        hour = 0
    # 中午11点 and 中午12点 are about noon, 中午1点 is 13:00.
    elif half and half not in _MORNING and hour < 12 and not (half == "中午" and hour > 10):
        hour += 12
    kind = CLOCK if is_sure else EITHER_HALF
    return Amount(float((60 * hour + minutes) % 1440), kind, start, end, text[start:end].strip())


def _han(text: str) -> int:
    if text.isdigit():
        return int(text)
    # 十五 has no tens before its 十, which then stands for 1.
    tens, ten, unit = text.removeprefix("零").rpartition("十")
    return 10 * (_HAN.get(tens, 1) if ten else 0) + _HAN.get(unit, 0)
