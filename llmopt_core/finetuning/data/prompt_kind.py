"""What tells prompts of one kind apart, for lists in which people look for one of them."""

from __future__ import annotations

from collections.abc import Sequence

# About two lines in a list.
LONG = 160
"""Characters up to which a prompt is shown as it is."""


def shorten_prompts(prompts: Sequence[str]) -> list[str]:
    """Each prompt as people know it: a short one as it is, of long ones the question in them.

    Instructions that all of them begin or end with say nothing about any of them and are left out. Of what is left the
    last line with a question mark is taken, without one the last line. `…` stands for what was left out.

    Args:
        prompts: Of one set or list.
    """
    if all(len(prompt) <= LONG for prompt in prompts):
        return list(prompts)
    start, end = _common_lines(prompts)
    return [prompt if len(prompt) <= LONG else _question(prompt, start, end) for prompt in prompts]


def _common_lines(prompts: Sequence[str]) -> tuple[int, int]:
    """Length of the whole lines that all prompts begin with and end with."""
    # Where all prompts are equal all of their lines are common, and nothing would be left to show.
    if len(set(prompts)) < 2:
        return 0, 0
    start = _prefix(prompts)
    # The common end is the common beginning of the reversed texts.
    end = _prefix([prompt[::-1] for prompt in prompts])[::-1]
    # Whole lines only: a word that is cut in two tells nobody anything. `find` is the first line break of the common
    # end, so a line that is common in part only stays.
    return start.rfind("\n") + 1, len(end) - end.find("\n") if "\n" in end else 0


def _prefix(texts: Sequence[str]) -> str:
    # What the first and the last in order begin with, all between them begin with too.
    low, high = min(texts), max(texts)
    return next((low[:i] for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), low)


def _question(prompt: str, start: int, end: int) -> str:
    # A prompt shorter than both common parts (they overlap in it) is shown from its own lines.
    rest = prompt[start : len(prompt) - end] if start + end < len(prompt) else prompt
    lines = [line.strip() for line in rest.splitlines() if line.strip()]
    if not lines:
        return prompt
    # From the end, since the question stands behind its material in most templates.
    line = next((line for line in reversed(lines) if line.endswith("?")), lines[-1])
    return line if line == prompt.strip() else f"… {line}"
