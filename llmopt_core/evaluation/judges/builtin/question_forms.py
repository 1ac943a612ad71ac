"""What a question asks for, as far as its words tell, in English and Chinese."""

from __future__ import annotations

import re

from llmopt_core.evaluation.judges.builtin.numerals import amounts

# Years from 1000 to 2099, months, spans. `\d++s` is "1990s" and possessive, so a long number is tried once.
_DATE = re.compile(
    r"\b(?:1\d{3}|20\d\d)\b|\b(?:january|february|march|april|may|june|july|august|september|october|november|december"
    r"|century|centuries|\d{1,2}(?:st|nd|rd|th)|years?|decades?|ago|today)\b|(?<!\d)\d++s\b|[年月日]|世纪",
    re.IGNORECASE,
)
_AMOUNT = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|dozen|hundred|thousand|million|billion|half|several"
    r"|once|twice)\b|[一二三四五六七八九十百千万亿两]",
    re.IGNORECASE,
)
_ASKS_DATE = re.compile(
    r"\bwhen\b|\b(?:what|which) (?:year|date|day|month|century|decade)\b|什么时候|何时|哪(?:一)?年|几年", re.IGNORECASE
)
_ASKS_AMOUNT = re.compile(
    r"\bhow (?:many|much|long|old|far|tall|large|big|high|often)\b|\b(?:percent|number|amount)\b|多少|几", re.IGNORECASE
)
_ASKS_NAME = re.compile(
    r"\bwho(?:se|m)?\b|\bwhere\b|\b(?:what|which) (?:city|country|place|state|town|region|person|name)\b", re.IGNORECASE
)
# Without a kind of answer that can be told from the words, a text neither fits nor does not.
# Between fitting and not: the weights were fitted with it.
_UNKNOWN_FIT = 0.75
_ASKS = re.compile(
    r"\b(?:(?:in|on|at|by|for|from|to|of|with|during|since|until)\ )?"
    r"(?:what|which|whom?|whose|when|where|why|how(?:\ (?:many|much|long|old|far|tall|large|big|high|often))?)\b"
    r"(?:\ (?:year|date|day|month|century|decade|city|country|person|name|kind\ of|type\ of))?"
    r"|什么时候|哪(?:一)?年|何时|什么|哪个|哪里|谁|多少|几",
    re.IGNORECASE | re.VERBOSE,
)


def fits(question: str, text: str) -> float:
    """Whether a text holds the kind of thing the question asks for: a date, an amount, or a name."""
    if _ASKS_DATE.search(question):
        return float(_DATE.search(text) is not None)
    if _ASKS_AMOUNT.search(question):
        return float(_AMOUNT.search(text) is not None or bool(amounts(text)))
    if _ASKS_NAME.search(question):
        # A capitalised word that the question does not have; one from the question would always be there.
        return float(bool(set(re.findall(r"\b[A-Z]\w+", text)) - set(re.findall(r"\w+", question))))
    return _UNKNOWN_FIT


def fill_in(question: str, answer: str) -> str:
    """The question with the answer in the place of what it asks for, near to the statement the answer stands for."""
    # Without its question mark, so that the answer stands in a sentence.
    base = question.rstrip(" ?？")
    statement = _ASKS.sub(lambda _: answer, base, count=1)
    # A question without a question word gets the answer behind it.
    return statement if statement != base else f"{base}: {answer}"
