"""What in a reply is talk, not a claim: greetings, agreement, `well`, `you know`; and whether it is a reply at all."""

from __future__ import annotations

import re

from llmopt_core.evaluation.judges.builtin.word_lists import word_list
from llmopt_core.index.analysis import STOP_WORDS

# Talk at the start of a sentence, taken off piece by piece. "Well," and "Well it" are talk, "Well water" would lose its
# first word, which only costs a word of many. Most alternatives begin with other words, so few are tried.
_OPENERS = re.compile(
    r"""^\W*(?:
        (?:well|oh|ah|hm+|wow|yum|ugh|yes|yeah|yea|yep|no|nope|nah|sure|okay|ok|right|exactly|true|great|nice|cool|awesome
          |hello|hi|hey|sorry|maybe|haha+|lol|absolutely|definitely|certainly|actually|agreed|thanks|indeed|interesting)
          (?:\ (?:no|dear|yes|yeah|man|god|wow|nice|cool|great|there|thing|question))?\s*[,.!;:…-]+\s*
      | (?:well|oh|wow|yeah|yea|yep|hmm+)\s+(?=\w)
      | of\ course\s*[,.!]\s*
      | (?:i|we)\ (?:see|agree|understand)\s*[,.!]\s*(?:and\ |but\ )?
      | (?:no\ worries|no\ problem|not\ really|me\ too|same\ here|good\ question|that['’]s\ (?:right|true|great|cool))
        \s*[,.!]\s*
      | i\ (?:do|don['’]t|am|['’]m\ not|haven['’]t|have)\s*,\s*but\s+
      | (?:(?:and|but)\ )?(?:i|we)\ (?:just\ )?
        (?:(?:think|believe|know|guess|suppose)\ (?:that\ )?|(?:heard|hear|read|remember)\ that\ )(?=\w+\ \w+\ \w)
      | (?:did|do)\ you\ know\ (?:that\ )?(?=\w)
      | (?:you\ know|as\ you\ know|as\ far\ as\ i\ know|if\ i\ remember\ (?:right|correctly)|by\ the\ way|fun\ fact)
        \s*[,:]?\s+
      | (?:很抱歉|抱歉|不好意思|太好了|真不错|真棒|是的|对啊?|好的|没错|当然|哇|嗯|哦|您好|你好|谢谢)\s*[,，!！。~～]\s*
    )""",
    re.IGNORECASE | re.VERBOSE,
)
# Talk at the end: ", you know", ", isn't it?". Blanks are taken possessively, and a try begins only behind something
# else than a blank, so a long run of blanks costs one pass.
_ENDS = re.compile(
    r"""(?<!\s)(?:
        (?:\s*+,\s++|\s++)
        (?:you\ know|by\ the\ way|i\ (?:think|believe|guess|suppose)|if\ i\ remember\ (?:right|correctly|well)
          |if\ i['’]?m\ not\ mistaken|as\ far\ as\ i\ know|though|lol|haha)
      | \s*+,\s*+(?:right|correct|huh|ok|okay)
      | \s*+,\s*+(?:is|are|was|were|does|do|did|has|have|can|will)n['’]?t\ (?:it|he|she|they|you|we)
    )(?=\W*$)""",
    re.IGNORECASE | re.VERBOSE,
)
# Words that make no claim about the matter.
_TALK = word_list("talk")
_TALK_CHINESE = re.compile(
    r"(?:很抱歉|抱歉|不好意思|太好了|真不错|真棒|是的|对|好的|没错|当然|哇|嗯|哦|您好|你好|谢谢|不客气|太棒了|真有意思|[啊呀呢吧哦])+"
)
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?|\d+")  # words with their contractions, and numbers
# What is asked, in whatever form. Only where nothing here is found can a text be a turn of a talk.
_ASKING = re.compile(
    r"[?？]|^\s*(?:who|whom|whose|what|when|where|why|which|how|is|are|was|were|do|does|did|can|could|will|would|should"
    r"|has|have|had|in\ (?:what|which)|at\ (?:what|which)|name|list|tell|give|explain|describe|define|summari[sz]e)\b"
    r"|[吗呢]\s*$|什么|哪|谁|多少|几|怎|为何|如何|是否",
    re.IGNORECASE,
)
# It ends like a sentence, speaks of persons, or has six words: a search has none of it. The words are possessive.
_TELLING = re.compile(r"[.!。！]\s*$|\b(?:i|i'm|me|my|we|you|your)\b|\b(?:\w++\W++){6}|[我你您]", re.IGNORECASE)
# Content words; two more small ones may stand beside them.
_MOST_TALK = 6


def claim_of(sentence: str) -> str:
    """The sentence without opening and closing talk; empty where nothing else is said."""
    rest, before = sentence.strip(), ""
    # Again and again: "Well, yes, I think ...".
    while rest != before:
        before = rest
        shorter = _OPENERS.sub("", rest, count=1)
        # If nothing would be left, the talk is kept for `_is_talk` to look at.
        rest = shorter if re.search(r"\w", shorter) else rest
    rest = _ENDS.sub("", rest)
    return "" if _is_talk(rest) else rest


def _is_talk(text: str) -> bool:
    if _TALK_CHINESE.fullmatch(re.sub(r"[\W_]", "", text)):
        return True
    words = [word.lower().replace("’", "'") for word in _WORD.findall(text)]
    # Without any word (a smiley) it is talk; a long sentence is none, whatever its words.
    if not words or len(words) > _MOST_TALK + 2:
        return not words
    content = [word for word in words if word not in STOP_WORDS]
    has_talk = any(word in _TALK for word in words)
    # "don't" is talk where "don" is listed; at least one word must be talk, so that "A museum" is a claim.
    return (
        has_talk
        and len(content) <= _MOST_TALK
        and all(word in _TALK or word.split("'")[0] in _TALK for word in content)
    )


def is_conversation(question: str, answer: str) -> bool:
    """Whether an answer is a turn of a talk: somebody told something, or it begins like one who talks.

    A few key words without a question mark are a search, not a talk.
    """
    # An answer that begins like a talker's is one even to a plain question.
    if _OPENERS.match(answer.strip()):
        return True
    return _TELLING.search(question) is not None and not _ASKING.search(question)
