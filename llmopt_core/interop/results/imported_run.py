"""Rows of a variant -> its questions, each with all its answers, and what the files do not say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from llmopt_core.experiments.run_scores import LOWER_IS_BETTER
from llmopt_core.interop.results.rows import ResultRow, RowScore, VariantResults
from llmopt_core.types import fingerprint
from llmopt_core.types.grouping import group_values

# A database's limit for the name of a metric is 200 characters; the tool's name and the direction follow.
_LONGEST_METRIC = 140
_LONGEST_NAME = 150
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Case:
    """One question with every answer to it.

    Attributes:
        answers: In the order of their repeats.
    """

    question: str
    id: str
    reference: str | None
    right_answers: tuple[str, ...]
    category: str | None
    answers: tuple[ResultRow, ...]


@dataclass(frozen=True)
class ImportedRun:
    """What another tool's files say about one variant.

    Attributes:
        variant: The facts about it; metrics of its rows have the tool's name behind theirs.
        missing: What the files do not say, in words.
        repeats: How often the question with the most answers was asked.
        stated_name: What its files call it; empty where it has its name from that of a file.
    """

    variant: VariantResults
    cases: tuple[Case, ...]
    metrics: tuple[str, ...]
    missing: tuple[str, ...]
    repeats: int
    stated_name: str = ""

    @property
    def name(self) -> str:
        """What it is called; what is no character that is seen is left out."""
        visible = "".join(c for c in self.variant.name if c.isprintable() or c.isspace())
        return _BLANKS.sub(" ", visible).strip()[:_LONGEST_NAME] or f"{self.variant.tool} results"

    @property
    def source(self) -> str:
        """The tool with its version."""
        return " ".join(filter(None, (self.variant.tool, self.variant.version)))

    @property
    def key(self) -> str:
        """Hash of all that was read but names and places of files: the same results have the same key."""
        rows = [{**asdict(row), "key": "", "repeat": None} for case in self.cases for row in case.answers]
        return fingerprint("imported run", self.variant.tool, self.variant.model, self.stated_name, rows)

    @property
    def answers_key(self) -> str:
        """Hash of what was answered alone, which two files of one evaluation have in common."""
        answers = sorted(
            (plain(case.question), row.answer or "", row.failure is not None)
            for case in self.cases
            for row in case.answers
        )
        return fingerprint("answers", self.variant.tool, self.stated_name, answers)

    @property
    def file_type(self) -> str:
        """How the name of its file ends."""
        return self.variant.files[0].rpartition(".")[2].casefold() if self.variant.files else ""


def imported_run(variant: VariantResults) -> ImportedRun:
    """The run of a variant."""
    names = {name: _metric(name, variant) for row in variant.rows for name in row.scores}
    rows = tuple(replace(row, scores={names[name]: score for name, score in row.scores.items()})
                 for row in variant.rows if row.question.strip())  # fmt: skip
    loss_count = len(variant.rows) - len(rows)
    notes = (*variant.notes, *([f"{loss_count} rows without a question were left out"] if loss_count else []))
    whole_variant = replace(variant, rows=rows, notes=notes, name=variant.name or _name_of_files(variant))
    cases = _cases(rows)
    repeats = max((len(case.answers) for case in cases), default=0)
    return ImportedRun(whole_variant, cases, tuple(dict.fromkeys(names.values())), _missing(variant, rows), repeats,
                       variant.name)  # fmt: skip


def without_copies(runs: Sequence[ImportedRun]) -> tuple[list[ImportedRun], list[str]]:
    """The runs without those that another kind of file holds as well, and a sentence for each that is left out.

    Such as the CSV beside the JSON of one evaluation; of two the one that says more stays.
    """
    groups = group_values((run.answers_key, run) for run in runs)
    copies: dict[int, str] = {}
    for group in groups.values():
        best = min(group, key=lambda run: len(run.missing))
        for run in group:
            # Two files of one kind may be two evaluations with the same answers.
            if run.file_type != best.file_type:
                copies[id(run)] = f"{run.variant.files[0]}: {run.name} is in {best.variant.files[0]} as well; left out"
    return [run for run in runs if id(run) not in copies], list(copies.values())


def _metric(name: str, variant: VariantResults) -> str:
    """`faithfulness (Ragas)`: metrics of one name mean different things in different tools."""
    visible = _BLANKS.sub(" ", "".join(c if c.isprintable() else " " for c in name)).strip()[:_LONGEST_METRIC]
    direction = LOWER_IS_BETTER if name in variant.lower_is_better else ")"
    return f"{visible or 'score'} ({variant.tool}{direction}"


def _name_of_files(variant: VariantResults) -> str:
    stem = variant.files[0].replace("\\", "/").rpartition("/")[2] if variant.files else ""
    return re.sub(r"\.(jsonl?|ndjson|csv|tsv|eval|txt)$", "", stem).lstrip(".")


def plain(text: str | None) -> str:
    """A text as two tools may write it alike: blanks count as one."""
    return _BLANKS.sub(" ", text or "").strip()


def _cases(rows: Sequence[ResultRow]) -> tuple[Case, ...]:
    # Two tests may have one id, and two questions one text; both together tell them apart, or the tool's own key does.
    groups = group_values(((row.key, row.id if not row.key else "", plain(row.question)), row) for row in rows)
    ids: set[str] = set()
    cases = []
    for place, group in enumerate(groups.values(), 1):
        by_repeat = sorted(group, key=lambda row: row.repeat or 0)
        cases.append(_case(by_repeat, _unused(by_repeat[0].id or f"q{place}", ids)))
    return tuple(cases)


def _unused(wanted: str, used: set[str]) -> str:
    name, number = wanted, 2
    while name in used:
        name, number = f"{wanted} ({number})", number + 1
    used.add(name)
    return name


def _case(rows: Sequence[ResultRow], case_id: str) -> Case:
    reference = next((row.reference for row in rows if plain(row.reference)), None)
    right_answers = next((row.right_answers for row in rows if row.right_answers), ())
    category = next((row.category for row in rows if row.category), None)
    return Case(rows[0].question.strip(), case_id, reference, right_answers, category, tuple(rows))


def _missing(variant: VariantResults, rows: Sequence[ResultRow]) -> tuple[str, ...]:
    answers = [row for row in rows if row.failure is None]
    counts: Mapping[str, int] = {
        "answers": sum(row.answer is not None for row in answers),
        "reference answers": sum(row.reference is not None for row in answers),
        "contexts": sum(row.contexts is not None for row in answers),
        "tokens": sum(row.prompt_tokens is not None for row in answers),
        "cost": sum(row.cost_usd is not None for row in answers),
        "latency": sum(row.seconds is not None for row in answers),
        "scores": sum(any(score.value is not None for score in row.scores.values()) for row in answers),
        "prompts": sum(bool(row.prompt) for row in answers),
    }
    gaps = [
        name if not number else f"{name} of {len(answers) - number:,} of {len(answers):,} answers"
        for name, number in counts.items()
        if answers and number < len(answers)
    ]
    facts = {"name of the model": variant.model, "date": variant.created_at}
    return (*gaps, *(name for name, value in facts.items() if not value))


def mean_score(metric: str, rows: Sequence[ResultRow]) -> RowScore:
    """The score of a question: the mean over its answers that have a value, with what each has."""
    scores = [row.scores[metric] for row in rows if metric in row.scores]
    with_value = [score for score in scores if score.value is not None]
    if len(rows) == 1 or not with_value:
        return scores[0] if scores else RowScore(None, failure="the file has no score of this answer")
    values = [score.value for score in with_value if score.value is not None]
    mean = sum(values) / len(values)
    listing = ", ".join(_word(row, metric) for row in rows)
    explanations = list(dict.fromkeys(score.explanation for score in with_value if score.explanation))
    words = [f"Mean of {len(values)} of {len(rows)} answers: {listing}.", *explanations]
    has_passed = bool(mean) if mean in (0.0, 1.0) and with_value[0].passed is not None else None
    return RowScore(mean, "\n".join(words), judge=with_value[0].judge, passed=has_passed)


def _word(row: ResultRow, metric: str) -> str:
    if row.failure is not None:
        return "failed"
    value = row.scores[metric].value if metric in row.scores else None
    return "no score" if value is None else f"{value:.3g}"
