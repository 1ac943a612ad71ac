"""Amounts in Chinese numerals: 三亿四千万, 百分之五, 三分之一, 一半, 两周, 第三."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from llmopt_core.evaluation.judges.builtin.amount import Amount, looseness
from llmopt_core.evaluation.judges.builtin.units import PLAIN, unit_at

_HAN = {"〇": 0, "零": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
_HAN_SCALES = {"十": 10, "百": 100, "千": 1000}
_HAN_NUMBER = "[〇零一二两三四五六七八九十百千万亿点]"
_DIGIT = r"[一二三四五六七八九\d]"
# Only from the first digit on: a long run of them is not tried from each.
_DIGITS = r"(?<!\d)\d++"
_CHINESE = re.compile(
    # Percent, fractions, tenths (三成), halves, money, growth, doublings, ordinals, plain numbers; the special forms
    # before the plain one that they contain.
    rf"""百分之(?P<percent>{_HAN_NUMBER}+|\d+(?:\.\d+)?)
      | (?P<below>{_HAN_NUMBER}+|{_DIGITS})分之(?P<above>{_HAN_NUMBER}+|\d+)
      | (?P<tenths>[一二两三四五六七八九])成(?:(?P<hundredths>[一二三四五六七八九半])|(?![为立功员果都绩长年熟]))
      | (?P<half>一半|半数|(?<![一])半(?=[天年月小个升斤公克米里分秒吨]))
      | (?P<half_more>(?P<whole>{_HAN_NUMBER}+|{_DIGITS})(?:个半(?=[小钟月星礼])|(?P<unit_half>[天年周])半(?!天)))
      | (?P<money>(?P<yuan>{_HAN_NUMBER}+|{_DIGITS})[元块](?P<jiao>{_DIGIT})
            (?:[角毛](?:(?P<fen>{_DIGIT})分?)?|(?=[，。；,;]|$)))
      | (?P<grown>(?:增加|增长|提高|扩大|上升|多)了?(?P<fold>{_HAN_NUMBER}+|\d+(?:\.\d+)?)倍)
      | (?P<times>翻了?(?P<doublings>[一两])番|翻番|加倍|翻倍)
      | (?P<nth>第(?:{_HAN_NUMBER}+|\d+))
      | (?P<number>{_HAN_NUMBER}+(?:又{_HAN_NUMBER}+分之{_HAN_NUMBER}+)?)
    """,
    re.VERBOSE,
)
# Characters of numbers in words that count nothing.
_NO_NUMBER = re.compile(
    r"十分(?![之钟])|一[些起般样直切定旦致向律再并面同边带下种位点家旁会方般度共]|之一|唯一|统一|单一|万一|千万别|百姓|百货|三角|四周|五官|六神"
    r"|两者|两边|九州|八卦|七夕|重点|地点|特点|优点|缺点|观点|焦点|起点|终点|沸点|冰点|熔点|点击|点燃|百科|千瓦|千米|千克"
)


def chinese_amounts(text: str) -> Iterator[Amount]:
    """The amounts in Chinese numerals."""
    for match in _CHINESE.finditer(text):
        loose = looseness(text, match.start())
        value_and_kind = _of_kind(match)
        if value_and_kind:
            value, kind = value_and_kind
            yield Amount(value, kind, match.start(), match.end(), match.group(), **loose)
        elif match["half"]:
            yield _half(match, text)
        elif match["half_more"]:
            yield _and_a_half(match, text, loose)
        elif match["nth"]:
            value = _han(match["nth"][1:])
            yield Amount(value, PLAIN, match.start(), match.end(), match.group(), ordinal=True)
        elif match["number"] and (number := _han_amount(match, text, loose)) is not None:
            yield number


def _of_kind(match: re.Match[str]) -> tuple[float, str] | None:
    """The value and kind of what needs no look at the text behind it."""
    if match["percent"] or match["tenths"]:
        return (
            (_han(match["percent"]) / 100, "%")
            if match["percent"]
            else ((_han(match["tenths"]) + _hundredths(match["hundredths"])) / 10, "part")
        )
    if match["below"]:
        # Of 0 parts nothing can be said.
        denominator = _han(match["below"])
        return (_han(match["above"]) / denominator, "part") if denominator else None
    if match["money"]:
        return _han(match["yuan"]) + _han(match["jiao"]) / 10 + _han(match["fen"] or "零") / 100, "yuan"
    if match["grown"]:
        # Grown by two times is three times as much.
        return _han(match["fold"]) + 1, "times"
    if match["times"]:
        return (4.0 if match["doublings"] == "两" else 2.0), "times"
    return None


def _hundredths(character: str | None) -> float:
    """三成五 are 35 %, 三成半 too."""
    return 0.5 if character == "半" else _han(character) / 10 if character else 0.0


def _half(match: re.Match[str], text: str) -> Amount:
    """`半升`, `半年`, `一半`."""
    # 一半 has no unit and is a part.
    factor, kind, stop = unit_at(text, *match.span())
    return Amount(0.5 * (factor if kind else 1), kind or "part", match.start(), stop, text[match.start() : stop])


def _and_a_half(match: re.Match[str], text: str, loose: dict[str, bool]) -> Amount:
    """`两个半小时`, `三年半`."""
    start, end = match.span()
    is_unit_first = match["unit_half"] is not None
    # 三年半 has its unit before the half, 两个半小时 behind it.
    factor, kind, stop = unit_at(text, match.start("whole"), match.end("whole") if is_unit_first else end)
    return Amount(
        (_han(match["whole"]) + 0.5) * factor, kind, start, max(stop, end), text[start : max(stop, end)], **loose
    )


def _han_amount(match: re.Match[str], text: str, loose: dict[str, bool]) -> Amount | None:
    start = match.start()
    numeral = match.group().rstrip("点").lstrip("点")
    start += match.group().index(numeral) if numeral else 0
    stop = start + len(numeral)
    # 李四 is a name, and in 3亿 the digits are read with their scale.
    if not numeral or (start and text[start - 1].isdigit()) or text[stop : stop + 1].isdigit():
        return None
    factor, kind, stop = unit_at(text, start, start + len(numeral))
    # 一 is mostly "a", and counts only beside a unit.
    if numeral == "一":
        return Amount(factor, kind, start, stop, text[start:stop], is_implied=True) if kind else None
    exclusion = _NO_NUMBER.match(text, start) or _NO_NUMBER.match(text, max(0, start - 1))
    if len(numeral) == 1 and (exclusion or numeral in "百千万亿点零"):
        return None
    return Amount(_han(numeral) * factor, kind, start, stop, text[start:stop], **loose)


def _han(text: str) -> float:
    """The value of a Chinese numeral: 三亿四千万, 二〇一六, 四点二, 两万."""
    if text and text[0].isdigit():
        return float(text)
    integer, _, decimals = text.partition("点")
    if decimals:
        # Decimals are digits up to the scale: 四点二亿.
        digits = "".join(str(_HAN[c]) for c in decimals if c in _HAN)
        scale = math.prod({"万": 1e4, "亿": 1e8}.get(c, 1) for c in decimals)
        return (_han(integer) + float(f"0.{digits or 0}")) * scale
    # 二〇一六 is read digit by digit.
    if len(integer) > 1 and all(c in _HAN for c in integer):
        return float("".join(str(_HAN[c]) for c in integer))
    total, section, digit = 0.0, 0.0, 0.0
    for c in integer:
        if c in _HAN:
            digit = _HAN[c]
        elif c in _HAN_SCALES:
            # 十五 has no digit before its ten, which counts 1.
            section, digit = section + (digit or 1) * _HAN_SCALES[c], 0
        elif c == "万":
            # 万 and 亿 close all that was said before; an empty section counts 1.
            total, section, digit = total + (section + digit or 1) * 1e4, 0, 0
        elif c == "亿":
            total, section, digit = (total + section + digit or 1) * 1e8, 0, 0
    return total + section + digit
