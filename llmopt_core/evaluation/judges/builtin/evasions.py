"""Short texts that say that they do not know, English and Chinese."""

from __future__ import annotations

import re

from llmopt_core.text.scripts import CJK_CHARACTER

# Refusals in the usual words. Parts between them are single words at most, so nothing can run long.
_EVASIVE = re.compile(
    r"""\b(?:
        (?:do|does|did)(?:\ not|n['’]t)\ (?:know|have\ (?:\w+\ )?information)
      | (?:am|['’]m|are|['’]re|is)\ not\ (?:sure|certain|aware)
      | (?:cannot|can\ not|can['’]t|could\ not|couldn['’]t|unable\ to)\ (?:be\ )?
        (?:answer|answered|say|tell|determine|determined|find|provide|help)
      | (?:context|passages?|text|documents?|article|information|sources?)\ (?:do|does)(?:\ not|n['’]t)\ (?:\w+\ )?
        (?:contain|mention|specify|say|state|provide|include|answer|give)
      | not\ (?:explicitly\ |directly\ )?(?:mentioned|specified|stated|provided|given|answered)\ (?:in|by)\ the
      | no\ (?:\w+\ )?(?:information|mention|answer)\ (?:is|was|about|on|of|in|to)
      | it\ depends
    )\b
    | ^\W*(?:unknown|unanswerable|n/a|no\ (?:idea|answer)
        |not\ (?:sure|known|available|mentioned|specified|stated))\W*$""",
    re.IGNORECASE | re.VERBOSE,
)
# The same in Chinese: who does not know stands at the beginning of a clause and is the one who answers, or nobody. Of
# anybody else (警方不清楚嫌疑人的去向) it is a statement.
_EVASIVE_CHINESE = re.compile(
    r"""(?:^|[，,。；;：:！!？?\s])
        (?:我们?|本人|目前|暂时|现在|尚|仍然?|还|也|都|并|真的?|实在|确实|很|其实|恐怕|但是?|不过|因此|所以|对此|具体){0,6}+
        (?:不太?(?:知道|清楚|确定|了解)(?![性的时])
          |(?:无法|不能|没办法)(?:准确|明确|直接)?(?:回答|确定|得知|获知|判断|确认|知道|给出|提供|推断)
          |无从(?:得知|知晓|判断)|不得而知
          |(?:没有|未|没)(?:能?找到|查到|检索到|提供|提到|提及|说明)|(?:没有|暂?无)(?:任何)?(?:相关|有关|足够|这方面)(?:的)?(?:信息|资料|内容|数据)
          |(?:这|那)?(?:要|得)?[看视](?:具体)?情况)
      | (?:文[中章本档]|[原上下]文|段落|资料|材料|文档|信息|内容|片段|来源|参考)[^，,。；;：:！!？?]{0,8}?
        (?:没有|并未|未|没|无)(?:明确|直接|具体|详细|任何){0,2}+(?:提到|提及|说明|提供|给出|包含|包括|涉及|描述|交代|写明|回答)
      | ^\W*(?:未知|不详|无|没有答案)\W*$""",
    re.VERBOSE,
)
# A long text that happens to hold such words is a statement all the same. A Chinese word has about 1.6 characters.
_EVASIVE_WORDS = 25
_WORDS_PER_CHARACTER = 0.6


def is_evasive(text: str) -> bool:
    """Whether a short text says that it does not know."""
    characters = len(CJK_CHARACTER.findall(text))
    if len(text.split()) + _WORDS_PER_CHARACTER * characters > _EVASIVE_WORDS:
        return False
    return bool(_EVASIVE.search(text) or (characters and _EVASIVE_CHINESE.search(text)))
