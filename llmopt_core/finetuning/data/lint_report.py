"""What a check of training data found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llmopt_core.finetuning.data.examples import Kind


@dataclass(frozen=True, slots=True)
class LineProblem:
    """A broken rule and the 1-based line it stands in; line 0 is the file as a whole."""

    line: int
    kind: str
    message: str
    is_error: bool


@dataclass(frozen=True)
class CheckReport:
    """What `check_file` found.

    Attributes:
        errors: Number of occurrences per kind of broken format rule; a service would refuse the file.
        findings: Number of occurrences per kind of doubt; the file can be trained on.
        billing_tokens: Tokens billed per epoch, each example counted up to the limit. As in the notebook, conversations
            with errors count too where their messages can be read.
        epochs: Epochs a service would choose by default.
        histogram: (upper bound, examples up to it and above the bound before), in tokens; the last bound is None.
        lines: The first problems of each kind, in order; `lines_left_off` says how many more there are.
        cost_usd: Estimate for `epochs` epochs where a price is known.
    """

    name: str
    kind: Kind
    examples: int
    errors: Mapping[str, int]
    findings: Mapping[str, int]
    billing_tokens: int
    epochs: int
    token_limit: int
    longest: int
    histogram: tuple[tuple[int | None, int], ...]
    lines: tuple[LineProblem, ...]
    lines_left_off: int
    cost_usd: float | None

    @property
    def ok(self) -> bool:
        """Whether the file has no errors."""
        return not self.errors

    @property
    def telling_lines(self) -> list[LineProblem]:
        """The lines with errors before doubts and the rare kinds before those that are everywhere."""
        # A kind is an error or a doubt, never both, so neither overwrites the other.
        counts = {**self.findings, **self.errors}
        return sorted(self.lines, key=lambda p: (not p.is_error, counts[p.kind], p.kind, p.line))

    @property
    def training_tokens(self) -> int:
        """Tokens billed over all epochs."""
        return self.epochs * self.billing_tokens

    def to_json(self) -> dict[str, Any]:
        """The structure of `llmopt finetune check --json`."""
        lines = [{"line": p.line, "kind": p.kind, "message": p.message} for p in self.lines]
        return {
            "file": self.name,
            "kind": self.kind,
            "examples": self.examples,
            "errors": dict(self.errors),
            "findings": dict(self.findings),
            "billing_tokens": self.billing_tokens,
            "epochs": self.epochs,
            "training_tokens": self.training_tokens,
            "cost_usd": self.cost_usd,
            "token_limit": self.token_limit,
            "longest": self.longest,
            "histogram": [{"up_to": limit, "examples": count} for limit, count in self.histogram],
            "lines": lines,
            "lines_left_off": self.lines_left_off,
        }
