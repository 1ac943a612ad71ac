"""Units of measure beside a number, eras and currencies among them, in English and Chinese, and their base units."""

from __future__ import annotations

import re

PLAIN = ""
# Times of day; the second may be in the morning or in the evening.
CLOCK, EITHER_HALF = "clock", "clock?"
TEMPERATURES = frozenset({"celsius", "fahrenheit", "degree"})
# The sign of both currencies.
YEN_OR_YUAN = "yen or yuan"

_DAY = 86_400.0  # seconds
# Kind, factor to the base unit, and forms as regular expressions; a blank within a form is escaped, since blanks part
# them. Months and years are means over leap years.
_TABLE = f"""
time 0.001 milliseconds? msecs? ms 毫秒
time {1} seconds? secs? 秒钟?
time {60} minutes? mins? 分钟
time {900} 刻钟
time {3600} hours? hrs? 个?小时 个?钟头
time {_DAY} days? 天 工作日 个工作日
time {7 * _DAY} weeks? 周(?!岁) 个?星期 个?礼拜
time {14 * _DAY} fortnights?
time {30.4375 * _DAY} months? 个月
time {365.25 * _DAY} years? 年(?!代) 周年
time {3652.5 * _DAY} decades?
time {36525 * _DAY} century centuries 个?世纪
length 0.001 millimet(?:er|re)s? mm 毫米
length 0.01 centimet(?:er|re)s? cm 厘米 公分
length 1 met(?:er|re)s? m 米
length 1000 kilomet(?:er|re)s? kms? 公里 千米
length {500} 华里 里(?=[地路外远长，。；,;]|$)
length {1 / 3} 尺
length {10 / 3} 丈
length 0.0254 inch(?:es)? 英寸
length 0.3048 feet foot ft 英尺
length 0.9144 yards?
length 1609.344 miles? 英里
mass 0.000001 milligrams? mg 毫克
mass 0.001 grams? g 克
mass 1 kilograms? kilos? kgs? 公斤 千克
mass 0.5 市?斤
mass 1000 tonnes? tons? 吨
mass 0.45359237 pounds?(?!\\ sterling) lbs?
mass 0.028349523 ounces? oz
volume 1 lit(?:er|re)s? 公?升
volume 0.001 millilit(?:er|re)s? ml 毫升
volume 3.785411784 gallons? 加仑
area 1 square\\ met(?:er|re)s? 平方米
area 1000000 square\\ kilomet(?:er|re)s? 平方公里 平方千米
area 2589988.11 square\\ miles?
area 10000 hectares? 公顷
area 4046.8564224 acres? 英亩
area {2000 / 3} 亩
power 1 watts? w 瓦特?
power 1000 kilowatts? kw 千瓦
power 1000000 megawatts? mw 兆瓦
power 1000000000 gigawatts? gw
energy 1 kilowatt[\\ -]hours? kwh 千瓦时 度电
energy 1000 megawatt[\\ -]hours? mwh
data 1 bytes? 字节
data 1000 kilobytes? kb
data 1000000 megabytes? mb 兆字节 兆(?=[，。；,;的]|$)
data 1000000000 gigabytes? gb
data 1000000000000 terabytes? tb
% 0.01 % per\\ ?cent 百分比
points 1 percentage\\ points? 个?百分点
celsius 1 °c ℃ degrees?\\ celsius degrees?\\ centigrade 摄氏度
fahrenheit 1 °f ℉ degrees?\\ fahrenheit 华氏度
degree 1 degrees? ° 度(?!电)
times 1 times(?=\\ (?:as|more|higher|larger|bigger|greater|the|than|faster)) -?fold 倍
dollar 1 (?:us\\ |u\\.s\\.\\ )?dollars? usd 美元 美金 \\$
hkd 1 hong\\ kong\\ dollars? hkd 港[元币]
twd 1 (?:new\\ )?taiwan\\ dollars? twd 新?台币
aud 1 australian\\ dollars? aud 澳元
cad 1 canadian\\ dollars? cad 加元
won 1 (?:south\\ )?korean\\ won krw 韩[元圆币]
rouble 1 rou?bles? rub 卢布
cent 1 (?:euro\\ )?cents? 美分 欧分
euro 1 euros? eur 欧元 €
pound 1 pounds\\ sterling gbp 英镑 £
yuan 1 yuan renminbi rmb cny 元人民币 人民币 元 块钱 块(?=[，。；！？,;!?]|$)
yen 1 yen jpy 日[元圆] 円
{YEN_OR_YUAN.replace(" ", "-")} 1 ¥
franc 1 (?:swiss\\ )?francs? chf 瑞士法郎 法郎
bc 1 bce? b\\.\\ ?c\\.?(?:e\\.?)?
ad 1 a\\.?d\\.? ce
rupee 1 rupees? inr 卢比
"""
_ROWS = [line.split(" ", 2) for line in _TABLE.strip().splitlines()]
_WORDS = sorted(
    ((form, float(factor), kind) for kind, factor, forms in _ROWS for form in re.split(r"(?<!\\) ", forms)),
    # The longest form first: "kilometre" before "m", "square metres" before "metres".
    key=lambda row: -len(row[0]),
)
# "4 million dollars" has its scale between number and unit.
_SCALE = r"(?:\ ?(?:thousand|million|billion|trillion)s?)?"
_UNIT = re.compile(
    rf"(?P<gap>{_SCALE}[\s-]?)(?:"
    + "|".join(
        # A Latin unit must not go on as another word (3 m, 3 men); a CJK one is followed by anything.
        f"(?P<u{i}>{form}{'' if re.search(r'[^ -~]', form) or form == '%' else r'(?![a-z])'})"
        for i, (form, _, _) in enumerate(_WORDS)
    )
    + ")"
)
_SIGNS = {
    "dollar": "us$ $ usd 美元",
    "hkd": "hk$ hkd 港币",
    "twd": "nt$ twd 新台币",
    "aud": "a$ aud",
    "cad": "c$ cad",
    "euro": "€ eur",
    "pound": "£ gbp",
    "yuan": "cn¥ cny rmb 人民币",
    "yen": "jp¥ jpy",
    YEN_OR_YUAN: "¥",
    "won": "₩ krw",
    "rupee": "₹ inr",
    "franc": "chf",
    "ad": "ad 公元",
    "bc": "公元前",
}
_KINDS_BEFORE = {sign: kind for kind, signs in _SIGNS.items() for sign in signs.split()}
# The longest first, and letters as words of their own: no `usd` ends in `ad`.
_BEFORE = re.compile(
    "("
    + "|".join(
        (r"(?<![a-z])" if sign[0].isascii() and sign[0].isalpha() else "") + re.escape(sign)
        for sign in sorted(_KINDS_BEFORE, key=len, reverse=True)
    )
    + r")\s?$"
)
# A sign with the letter before it and the blank behind it.
_LONGEST_SIGN = max(map(len, _KINDS_BEFORE)) + 2
_YEAR = re.compile(r"\d{4}|[〇零一二三四五六七八九]{4}")


def unit_at(text: str, start: int, end: int) -> tuple[float, str, int]:
    """The unit of the number at `start` to `end`: factor to the base unit, kind, and where it ends.

    A number without a unit has factor 1 and the kind `PLAIN`.
    """
    before = _BEFORE.search(text[max(0, start - _LONGEST_SIGN) : start])
    if before and text.startswith("世纪", end):
        return 1.0, f"{_KINDS_BEFORE[before[1].strip()]} century".replace("ad ", ""), end + len("世纪")
    if before:  # a currency or an era before the number is its unit
        return 1.0, _KINDS_BEFORE[before[1].strip()], end
    match = _UNIT.match(text, end)
    if match is None:
        return 1.0, PLAIN, end
    _, factor, kind = _WORDS[int((match.lastgroup or "u0")[1:])]
    # 2016年 is a date; 十年 and 3年 are spans.
    if match.group().strip() == "年" and _YEAR.fullmatch(text[start:end]):
        return 1.0, PLAIN, end
    return factor, kind, match.end()
