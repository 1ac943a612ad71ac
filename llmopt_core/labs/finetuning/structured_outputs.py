"""Structured answers (`{"intent": ..., "slots": {...}}`) of stored runs: valid, right intent, slot F1, all right."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt_core.experiments.configuration import Configuration
from llmopt_core.finetuning.data.examples import TrainingExample
from llmopt_core.finetuning.data.structured_outputs import StructuredReport, score_output, summarize_outputs
from llmopt_core.finetuning.jobs.job import FineTunedModel
from llmopt_core.labs.finetuning.jobs import configuration_for_training
from llmopt_core.models.base import ModelSpec
from llmopt_core.prompts.spec import FewShotSpec
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project, Run, SavedSet
from llmopt_core.text.json_text import parse_json
from llmopt_core.types import EvaluationSet

# More make every request longer; fewer show the base less of what the tuned model has learned.
SHOTS = 7
# Examples to choose from: they are stored in the configuration, and embedded once.
_MOST_ROWS = 300


def is_structured(evaluation_set: EvaluationSet) -> bool:
    """Whether every reference is JSON with an intent."""
    return bool(evaluation_set.examples) and all(has_intent(e.reference) for e in evaluation_set.examples)


def has_intent(reference: str | None) -> bool:
    """Whether an answer is JSON with an intent."""
    # No reference is no JSON, and fails as such.
    try:
        value = parse_json(reference or "")
    except ValueError:
        return False
    return isinstance(value, dict) and "intent" in value


def list_structured_runs(store: Store, project: Project | str, evaluation_set: SavedSet) -> list[Run]:
    """The newest run of each configuration on exactly this set, oldest first."""
    newest: dict[str, Run] = {}
    for run in store.runs(project):
        if run.done and (run.evaluation_set, run.set_version) == (evaluation_set.name, evaluation_set.version):
            # Newest first, so the first of a name stays.
            newest.setdefault(run.name, run)
    return sorted(newest.values(), key=lambda run: run.id)


def report_structured_outputs(store: Store, run: Run) -> StructuredReport:
    """Shares with intervals over the run's records; a failed answer is an invalid one."""
    scores = [
        # An answer that failed counts as the empty text, which is invalid, and not as missing.
        score_output(record.answer.text if record.answer else "", record.example.reference or "")
        for record in store.records(run.id)
    ]
    return summarize_outputs(scores)


def prompting_baseline(tuned_model: FineTunedModel, examples: Sequence[TrainingExample]) -> Configuration:
    """What the base model can do with a prompt alone: the training examples nearest to each question are shown.

    Of a large training set only the first few hundred are offered; all of them would stand in the configuration.

    Raises:
        BadInput: The tuned model is no chat model.
    """
    configuration = configuration_for_training(tuned_model, examples)
    shown_examples = tuple(
        {"question": e.question, "answer": e.answer} for e in examples[:_MOST_ROWS] if e.question and e.answer
    )
    few_shot = FewShotSpec(examples=shown_examples, select="nearest", k=SHOTS)
    prompt = configuration.prompt.model_copy(
        # Ends where the answer begins, as a completion model needs it.
        update={"template": "Request: {{ question }}\nAnswer:", "few_shot": few_shot}
    )
    trained_model = configuration.model
    model = ModelSpec(endpoint=trained_model.endpoint, mode=trained_model.mode, max_tokens=trained_model.max_tokens,
                      # A completion model would go on with a next request of its own.
                      stop=("\n",) if trained_model.mode == "completion" else ())  # fmt: skip
    return Configuration(name=f"{tuned_model.name} · base, {SHOTS} nearest", model=model, prompt=prompt)
