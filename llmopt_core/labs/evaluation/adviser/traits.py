"""What a configuration has of what could be advised: by its settings, or by its name where a file says no more."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# What a name says of the configuration, where an older file or one of another tool has no settings. Only what turns up
# in names that people give; a name that says nothing gives no trait.
_NAMES = {
    "rag": r"rag|retriev",
    "hybrid-search": r"hybrid|bm25",
    "query-expansion": r"hyde|expan|multi.?quer|decompos|step.?back|rewrit",
    "rerank": r"re.?rank|cross.?encoder|late.?interaction|colbert",
    "fine-tune-embeddings": r"(?:tuned|ft|fine.?tuned?|trained).?embed|embed\w*.?(?:tuned|ft|fine)",
    "few-shot": r"few.?shot|\d.?shot|examples",
    "fine-tune": r"fine.?tun(?!\w*.?embed)|\bft\b(?!.?embed)|\blora\b|\bsft\b",
    "fact-check": r"fact.?check|verif",
    "grounded-prompt": r"ground|only.?from|strict",
    "database-tool": r"\bsql\b|database|text2sql|\btools?\b",
    "chunk-size": r"chunk|overlap|\bsize\b",
    "smaller-k": r"\bk.?[12]\b|top.?[123]\b|fewer|small(?:er)?.?k",
    "prompt": r"prompt",
}
_PATTERNS = {rule: re.compile(pattern, re.IGNORECASE) for rule, pattern in _NAMES.items()}
SETTING_RULES = ("chunk-size", "larger-k", "smaller-k", "prompt")
"""What changes no part that a configuration has or lacks, but a setting."""
TO_THE_POINT = "Answer exactly the question that is asked, and nothing else."
"""What the adviser's own change of a prompt adds."""

# An instruction that binds the answer to what is given.
_GROUNDED = re.compile(
    r"only (?:from|use|using|with|on|by|the)|solely|nothing but|do(?:n't| not) (?:use|rely)|copied from"
    r"|not (?:in|contained|found|supported)|based (?:only|strictly)|仅根据|只根据"
    r"|ausschlie(?:ß|ss)lich|nur (?:aus|anhand)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Traits:
    """What a configuration has.

    Attributes:
        rules: Rules whose change is in it.
        retrieves: Whether it hands over chunks.
        top_k: How many chunks, at most; None where unknown.
        chunking: How documents are cut, as a text that tells two ways apart; empty where unknown.
        instruction: System message and template; empty where unknown.
        instruction_words: How long the instructions are.
        endpoint: Who answers; empty where unknown.
    """

    rules: frozenset[str] = field(default_factory=frozenset)
    retrieves: bool = False
    top_k: int | None = None
    chunking: str = ""
    instruction: str = ""
    instruction_words: int = 0
    endpoint: str = ""


def traits_of(
    spec: Mapping[str, Any] | None, name: str, *, retrieves: bool, given: int | None = None, sent_words: int = 0
) -> Traits:
    """By the settings, else by the name.

    Args:
        spec: The configuration as it is stored; None where a file does not hold it.
        name: Of the configuration.
        retrieves: Whether its records show chunks.
        given: How many chunks they show, typically.
        sent_words: How long the instructions seem to be by what was sent.
    """
    if not spec:
        rules = {rule for rule, pattern in _PATTERNS.items() if pattern.search(name.replace("_", " "))}
        rules = rules - {"rag"} | ({"rag"} if retrieves else set())
        return Traits(frozenset(rules), retrieves, given, instruction_words=sent_words)
    model, prompt = _part(spec, "model"), _part(spec, "prompt")
    retrieval = _part(spec, "retrieval")
    instruction = f"{prompt.get('system') or ''}\n{prompt.get('template') or ''}"
    return Traits(
        frozenset(rule for rule, is_there in _present(spec, instruction).items() if is_there),
        bool(retrieval),
        retrieval.get("top_k", 3) if retrieval else None,
        str(sorted(_part(retrieval, "chunking").items())) if retrieval else "",
        instruction,
        len(instruction.split()),
        str(model.get("endpoint") or "builtin"),
    )


def changed_rules(after: Traits, before: Traits) -> list[str]:
    """The rules whose change one configuration has and the other has not."""
    rules = [rule for rule in sorted(after.rules - before.rules) if rule not in SETTING_RULES]
    is_same_way = before.retrieves and after.retrieves
    # Files without settings say by a name alone that something was set otherwise.
    named = [rule for rule in SETTING_RULES if rule in after.rules and rule not in before.rules]
    if is_same_way and before.chunking and after.chunking and before.chunking != after.chunking:
        named.append("chunk-size")
    if is_same_way and before.top_k and after.top_k and before.top_k != after.top_k:
        named.append("smaller-k" if after.top_k < before.top_k else "larger-k")
    ground = {"grounded-prompt"}
    has_same_parts = before.retrieves == after.retrieves and before.rules - ground == after.rules - ground
    if before.instruction and after.instruction and before.instruction != after.instruction and has_same_parts:
        named.append("prompt")
    return list(dict.fromkeys([*rules, *named]))


def trait_distance(one: Traits, other: Traits, rule: str = "") -> int:
    """How unlike two configurations are, apart from the change of one rule: parts count more than settings."""
    is_setting = rule in SETTING_RULES
    settings = (one.chunking != other.chunking) + (one.top_k != other.top_k) + (one.instruction != other.instruction)
    return len((one.rules - {rule}) ^ (other.rules - {rule})) * 10 + (0 if is_setting else settings)


def _present(spec: Mapping[str, Any], instruction: str) -> dict[str, bool]:
    model, prompt, retrieval = (_part(spec, name) for name in ("model", "prompt", "retrieval"))
    check = _part(spec, "fact_check") or _part(spec, "checks")
    return {
        "rag": bool(retrieval),
        "hybrid-search": _part(retrieval, "search").get("method") in ("hybrid", "bm25"),
        "query-expansion": _part(retrieval, "transform").get("method", "none") != "none",
        "rerank": _part(retrieval, "rerank").get("method", "none") != "none",
        # Where the app keeps them, see `finetuning.training.adapters`.
        "fine-tune-embeddings": bool(
            re.search(r"[/\\]embeddings[/\\]", str(_part(retrieval, "embedding").get("model")))
        ),
        "few-shot": bool(_part(prompt, "few_shot").get("examples")),
        # OpenAI's names of tuned models begin so.
        "fine-tune": bool(model.get("adapter")) or str(model.get("name") or "").startswith("ft:"),
        "fact-check": check.get("method", check.get("fact_check", "none")) != "none"
        or bool(check.get("refuse_unsupported")),
        "grounded-prompt": bool(_GROUNDED.search(instruction)),
        "database-tool": bool(spec.get("data") or spec.get("tools")),
        # Other prompts may say it as well, in words that nobody can list; what the adviser proposed is known.
        "prompt": TO_THE_POINT in instruction,
    }


def _part(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = values.get(name)
    return part if isinstance(part, Mapping) else {}
