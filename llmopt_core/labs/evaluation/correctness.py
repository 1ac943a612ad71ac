"""Whether an answer says the right thing, whatever its form; None where that cannot be told."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from llmopt_core.evaluation.judges.builtin.evasions import is_evasive
from llmopt_core.evaluation.metrics.text import token_f1
from llmopt_core.evaluation.text import tokens
from llmopt_core.labs.evaluation.record_facts import RecordFacts
from llmopt_core.text.scripts import CJK_CHARACTER

# Up to so many words a reference is a fact that an answer repeats; a longer one is put in words of the answer's own,
# and few words in common prove nothing there. The answers of SQuAD, XQuAD and TriviaQA are shorter.
SHORT = 12
# More than half of the words in common: of a date, a name or an amount the part that decides. Below it an answer is
# right only if it holds the whole reference, which is looked at first. Just half is `8 March` for `8 May`.
RIGHT_F1 = 0.5
# So near the reference that a number which differs must be a matter of form.
_NEARLY_EQUAL_F1 = 0.8
# A text in other words still shares names and terms with a long reference; with less than that it speaks of something
# else.
_WRONG_F1 = 0.2
# promptfoo's threshold of `similar`, which our assertion of that name has too; unlike texts seldom reach half.
_RIGHT_SIMILARITY, _WRONG_SIMILARITY = 0.75, 0.4
# Metrics of other tools that judge correctness, where a file of theirs was imported; half is where they all divide.
_JUDGED = ("answer_correctness", "factual_correctness", "correctness", "accuracy", "correct")
_HALF = 0.5
# Other tools count words a little differently, and files round.
_ROUNDING = 0.15
# So short a reference (`4`, `no`) stands in long texts by chance.
_CHANCE_CHARACTERS = 3

# Beside the words that the built-in judge knows, which are English and Chinese.
_REFUSAL = re.compile(
    r"""\b(?:
        ich\ wei(?:ß|ss)\ (?:es\ |das\ )?nicht | keine\ (?:angabe|information)
      | (?:je\ )?ne\ sais\ pas | aucune\ information
      | no\ (?:lo\ )?s(?:é|e) | no\ hay\ informaci(?:ó|o)n
      | do(?:n['’]t|\ not)\ have\ (?:\w+\ )?(?:access|details|data|enough)
      | i['’]m\ sorry,?\ but\ i | as\ an\ ai
      | (?:is|was|are|were)(?:\ not|n['’]t)\ (?:\w+\ )?(?:specified|stated|mentioned|provided|available|disclosed)
      | no\ (?:relevant\ |such\ |further\ )?(?:information|details?|answer|mention|data)\ (?:\w+\ )?
        (?:found|available|given|provided)
    )\b
    | 抱歉，?我(?:无法|不能) | (?:无法|不能)(?:从[^，。]{0,12})?(?:得知|确定|判断|回答|找到|推断)
    | (?:找不到|没有找到|未找到|查不到)[^，。]{0,8}(?:答案|信息|内容|资料)
    | 没有(?:任何|提供|包含)?(?:相关|有关|足够)[^，。]{0,4}(?:信息|资料|内容)
    | (?:文|段落|资料|材料|上下文|信息|内容)[^，。]{0,6}(?:未|没有?)(?:提及|提到|说明|给出|指出|交代)
    | 分かりません | わかりません | 知りません | 모르겠""",
    re.IGNORECASE | re.VERBOSE,
)
_REFUSAL_WORDS = 25
# A Chinese word has about 1.6 characters.
_WORDS_PER_CHARACTER = 0.6


def is_refusal_text(text: str) -> bool:
    """Whether a short text says that it does not know, or will not say."""
    # A long one that holds such words says more than that.
    is_short = len(text.split()) + _WORDS_PER_CHARACTER * len(CJK_CHARACTER.findall(text)) <= _REFUSAL_WORDS
    return is_evasive(text) or (is_short and _REFUSAL.search(text) is not None)


def is_unanswerable(facts: RecordFacts) -> bool:
    """Whether the right answer is that there is none."""
    return bool(facts.right_answers) and all(is_refusal_text(text) for text in facts.right_answers)


def holds_right_answer(text: str, right_answers: Sequence[str]) -> bool:
    """Whether a right answer stands in a text word for word, but for case, punctuation and articles."""
    words = _words(text)
    return any(_contains(words, _words(answer)) for answer in right_answers)


def is_content_right(facts: RecordFacts) -> bool | None:
    """Whether the answer says what a right answer says; None where no reference is known, or too little to decide."""
    grade = next((facts.scores[name] for name in _JUDGED if name in facts.scores), None)
    if grade is not None:
        return grade >= _HALF
    if facts.scores.get("exact_match") == 1:
        return True
    if not facts.right_answers or facts.answer is None or not _fits_its_score(facts):
        return _from_score(facts)
    refuses = is_refusal_text(facts.answer)
    if is_unanswerable(facts):
        return refuses
    # `It is not stated, but it must have been 1712` says it all the same.
    return holds_right_answer(facts.answer, facts.right_answers) or (not refuses and _from_words(facts))


def _words(text: str) -> list[str]:
    """Words as F1 counts them, without full-width forms and marks, which it keeps where no word is Chinese."""
    wide = unicodedata.normalize("NFKC", text)
    return tokens("".join(" " if _is_mark(character) else character for character in wide))


def folding_gain(text: str, right_answers: Sequence[str]) -> float:
    """By how much F1 with the nearest right answer rises where full-width forms and marks are folded."""
    if not right_answers:
        return 0.0
    words = " ".join(_words(text))
    folded = max(token_f1(words, " ".join(_words(answer))) for answer in right_answers)
    return max(0.0, folded - max(token_f1(text, answer) for answer in right_answers))


def _is_mark(character: str) -> bool:
    return not character.isascii() and unicodedata.category(character).startswith("P")


def _fits_its_score(facts: RecordFacts) -> bool:
    """Whether the measured F1 is that of these texts."""
    value = facts.scores.get("answer_f1")
    if value is None:
        return True
    # Texts of a file may be shortened, left out or made anonymous; then what was measured on the true ones counts.
    best = max(token_f1(facts.answer or "", answer) for answer in facts.right_answers)
    return abs(best - value) <= _ROUNDING


def _from_words(facts: RecordFacts) -> bool | None:
    verdicts = [_compare(facts, answer) for answer in facts.right_answers]
    # One right answer is enough; wrong is only what is none of them.
    return True if True in verdicts else None if None in verdicts else False


def _from_score(facts: RecordFacts) -> bool | None:
    value = facts.scores.get("answer_f1")
    return None if value is None else value > RIGHT_F1


def _compare(facts: RecordFacts, right_answer: str) -> bool | None:
    # The measured value where there is one: it is what the user reads.
    f1 = facts.scores.get("answer_f1", token_f1(facts.answer or "", right_answer))
    if len(tokens(right_answer)) <= SHORT:
        return f1 >= _NEARLY_EQUAL_F1 or (f1 > RIGHT_F1 and _has_same_numbers(facts.answer or "", right_answer))
    similarity = facts.scores.get("semantic_similarity")
    if f1 > RIGHT_F1 or (similarity is not None and similarity >= _RIGHT_SIMILARITY):
        return True
    is_unlike = similarity is not None and similarity < _WRONG_SIMILARITY
    return False if is_unlike or f1 < _WRONG_F1 else None


def _has_same_numbers(text: str, right_answer: str) -> bool:
    # "7 February 2016" shares two of three words with "8 February 2016", and is another day.
    return _numbers(right_answer) <= _numbers(text)


def _numbers(text: str) -> set[str]:
    return {word for word in tokens(text) if any(character.isdigit() for character in word)}


def _contains(words: Sequence[str], part: Sequence[str]) -> bool:
    size = len(part)
    if not size or (sum(map(len, part)) < _CHANCE_CHARACTERS and len(words) > SHORT):
        return False
    return any(list(words[at : at + size]) == list(part) for at in range(len(words) - size + 1))
