"""One suggestion of the adviser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Area = Literal["documents", "prompts", "retrieval", "finetuning", "evaluation"]
Preparation = Literal["", "few-shot", "training-set", "pairs", "model", "database", "choose"]
"""What a step without a ready configuration has prepared by its button; see `prepare`."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A configuration that is ready to be saved.

    Attributes:
        base: The one that it is made from.
        name: Says what is changed.
        spec: All of it, without a name.
    """

    base: str
    name: str
    spec: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One suggestion: what to do, why, and where.

    Attributes:
        rule: Its name, the same in every version.
        reason: In plain words.
        area: The lab that it is done in, as the folders of the labs and the pages are named.
        view: The tab of that page; empty where it has none.
        evidence: Ids of the examples that it rests on.
        run_id: The run that they are records of; None where it is not stored, or there are none.
        expected: The most that it may bring here, and what says so.
        elsewhere: What it brought where it was measured; empty where nothing is known.
        cost: What trying it takes.
        proposal: The configuration that tries it; None where it takes decisions of a person, or is made at the button.
        preparation: What else the button makes ready.
        configurations: Names of those that it is about.
    """

    rule: str
    title: str
    reason: str
    area: Area
    view: str = ""
    evidence: tuple[str, ...] = ()
    run_id: int | None = None
    expected: str = ""
    elsewhere: str = ""
    cost: str = ""
    proposal: Proposal | None = None
    preparation: Preparation = ""
    configurations: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The step as `llmopt advise --json` writes it."""
        return {
            "rule": self.rule,
            "title": self.title,
            "reason": self.reason,
            "evidence": list(self.evidence),
            "expected": " ".join(filter(None, (self.expected, self.elsewhere))),
            "cost": self.cost,
        }


@dataclass(frozen=True, slots=True)
class Trial:
    """A change that was tried: it brought nothing and is not proposed again, or nobody can tell yet and it still is.

    Attributes:
        rule: The rule that would propose it.
        name: The configuration that had it.
        against: What it was compared with.
        outcome: In words, with the difference.
        is_open: Whether what it brought cannot be told from chance yet.
    """

    rule: str
    name: str
    against: str
    outcome: str
    is_open: bool = False

    @property
    def sentence(self) -> str:
        """All of it in one sentence."""
        return f"{self.name} tried it against {self.against}: {self.outcome}."


@dataclass(frozen=True, slots=True)
class Advice:
    """What is advised, the most useful first, and what was tried already."""

    steps: tuple[Step, ...]
    tried: tuple[Trial, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As `llmopt advise --json` writes it: the steps, and beside them what was tried and what tries them."""
        tried = [{"rule": one.rule, "configuration": one.name, "reason": one.sentence} for one in self.tried]
        configurations = [
            {"rule": step.rule, "name": step.proposal.name, "spec": dict(step.proposal.spec)}
            for step in self.steps
            if step.proposal is not None
        ]
        return {"steps": [step.to_json() for step in self.steps], "tried": tried, "configurations": configurations}
