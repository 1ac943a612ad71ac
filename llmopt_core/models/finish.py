"""Why an answer ended, in one word of ours per reason and in a sentence. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from llmopt_core.models.base import Completion

STOP, LENGTH, FILTER, TOOLS, ERROR = "stop", "length", "content_filter", "tool_calls", "error"

# The words of OpenAI, Anthropic, Gemini, Cohere, Bedrock, DeepSeek, TGI, vLLM and their gateways, in small letters.
_REASONS = {
    STOP: ("stop", "end_turn", "eos", "eos_token", "stop_sequence", "complete", "completed", "end"),
    LENGTH: ("length", "max_tokens", "model_length", "max_output_tokens", "max_length", "token_limit", "cut"),
    FILTER: ("content_filter", "content_filtered", "safety", "recitation", "blocklist", "prohibited_content", "spii",
             "guardrail_intervened", "sensitive", "refusal"),
    TOOLS: ("tool_calls", "tool_call", "tool_use", "function_call"),
    ERROR: ("error", "failed", "insufficient_system_resource", "abort", "aborted", "cancelled", "network_error"),
}  # fmt: skip
_REASON_BY_NAME = {name: reason for reason, names in _REASONS.items() for name in names}


def normalise_reason(reason: str) -> str:
    """The usual word for a finish reason; one that is not known stays as it is."""
    plain = reason.lower()
    # `content_filter: SAFETY`, `FinishReason.MAX_TOKENS`
    parts = (plain, *re.split(r"[^a-z_]+", plain))
    # From left to right: the first word that is known names the reason, what follows it explains.
    return next((_REASON_BY_NAME[part] for part in parts if part in _REASON_BY_NAME), reason)


def ending(
    reason: str, text: str, thinking: bool = False, max_tokens: int | None = None, *, may_think: bool = True
) -> str:
    """One sentence where an answer did not just end; else empty.

    Args:
        reason: Its finish reason; empty where none is known.
        text: The answer.
        thinking: Whether the model wrote thinking beside it.
        max_tokens: What it was allowed to write.
        may_think: Whether the text itself may be thinking that no mark opened.
    """
    # Again, although answers come normalised now: those stored by earlier versions may not be.
    reason, empty = normalise_reason(reason), not text.strip()
    if reason == LENGTH and empty:
        limit = "all its tokens" if max_tokens is None else f"its {max_tokens} tokens"
        on = "spent {} on reasoning" if thinking else "used up {} before it wrote one"
        return f"No answer: the model {on.format(limit)}; raise max_tokens."
    if reason in ("", STOP):
        return "No answer: the model wrote its reasoning alone." if empty and thinking else ""
    # Last of the checks on length: a text that merely begins like thoughts is called doubtful only where nothing better
    # is known.
    if reason == LENGTH and may_think and not thinking and _LIKE_THOUGHTS.match(text):
        return MAY_BE_THINKING
    # Unknown reasons are quoted: a new service's word says more than silence.
    sentence = (_EMPTY if empty else _WITH_TEXT).get(reason)
    return sentence or f"The endpoint gave {reason!r} as the reason why the answer ends."


def unusable(completion: Completion, max_tokens: int | None = None) -> str:
    """Why a reply is empty or not whole, in one sentence; empty where it is whole."""
    thinking = bool(completion.reasoning or completion.reasoning_tokens)
    return ending(completion.finish_reason, completion.text, thinking, max_tokens, may_think=completion.may_think)


def unscorable_reason(reason: str, text: str, notes: Sequence[str] = ()) -> str:
    """Why a text is no answer to be scored; empty where it is one.

    What a content filter left is not what the model says, a call of a tool alone is no answer, and what may be thinking
    is none either. An answer that a limit of tokens cut, even to nothing, is what its configuration gives.

    Args:
        reason: Its finish reason.
        text: All that the model wrote as its answer.
        notes: What was said of it when it came.
    """
    reason = normalise_reason(reason)
    # From the note and not from the text: the note was taken back where the model was later seen to answer without
    # thinking.
    if MAY_BE_THINKING in notes:
        return MAY_BE_THINKING
    return ending(reason, text) if reason == FILTER or (reason == TOOLS and not text.strip()) else ""


CUT = "The answer was cut off at the limit of tokens."
MAY_BE_THINKING = (
    "The answer was cut off at the limit of tokens and may be thinking alone, as it begins like thoughts. "
    "Raise max_tokens; if this model always thinks first, say so at its endpoint in Settings."
)
# How reasoning models begin. Nobody knows whether such a text, cut, is an answer, until the model is seen to end one.
_LIKE_THOUGHTS = re.compile(
    r"[\s*#_]*(?:(?:okay|alright|hmm+|wait|got it)\b|ok,|let me (?:think|see|start|try|recall|analy[sz]e|break|work)\b"
    r"|let's (?:see|think|break|work|analy[sz]e)\b|we (?:need|are asked|are given|have to)\b|(?:the|this) user\b"
    r"|(?:first|so|now|well),? (?:i|let me|let's|we|the user|the question)\b|i (?:need|should|have) to\b|i'm asked\b"
    r"|(?:the|this) (?:question|problem|task) (?:is|asks|says|wants)\b|(?:here's a )?think(?:ing)? process\b"
    r"|analy[sz](?:e|ing) the (?:request|question|user|input|problem)\b|(?:to solve|looking at) (?:this|the)\b"
    r"|(?:also|okay|gut), der (?:nutzer|benutzer)\b|der (?:nutzer|benutzer)\b|l'utilisateur\b|el usuario\b"
    r"|пользователь|хорошо,|まず、|ユーザー|嗯|用户|好的[,，]|首先[,，]我|让我|我们需要|我需要)",
    re.IGNORECASE,
)
_EMPTY = {
    FILTER: "No answer: the endpoint's content filter held it back.",
    TOOLS: "No answer: the model called a tool, though none was offered.",
    ERROR: "No answer: it broke off with an error.",
}
_WITH_TEXT = {
    LENGTH: CUT,
    FILTER: "The endpoint's content filter ended the answer.",
    TOOLS: "The model called a tool after this answer, though none was offered.",
    ERROR: "The answer broke off with an error.",
}
