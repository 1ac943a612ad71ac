"""Where training examples come from, for a project: the page's buttons as plain functions."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from llmopt_core.answering.answer import mode_of
from llmopt_core.answering.context import answer_variables
from llmopt_core.errors import BadInput
from llmopt_core.evaluation.assertions.check import Assertion, AssertionSpec, build_assertions
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.evaluation.metrics.text import token_f1
from llmopt_core.evaluation.sample import Sample
from llmopt_core.experiments.comparison_estimate import ComparisonEstimate, estimate_comparison
from llmopt_core.experiments.comparison_plan import ComparisonPlan
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.keys import example_identity, model_identity
from llmopt_core.experiments.preflight import check_budget
from llmopt_core.experiments.run_scores import higher_is_better
from llmopt_core.experiments.versions.prompts import FEW_SHOT, few_shot_from
from llmopt_core.experiments.votes import majority_likes
from llmopt_core.finetuning.data.distillation import AnswerCheck, Distillation, distill
from llmopt_core.finetuning.data.examples import TrainingExample
from llmopt_core.finetuning.data.files import load_training_set
from llmopt_core.finetuning.data.record_examples import examples_from_few_shot, examples_from_records
from llmopt_core.installation import sample_folder
from llmopt_core.labs.finetuning.without_few_shot import without_shots
from llmopt_core.models.base import ModelSpec
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.registry import Models
from llmopt_core.prompts.messages import Mode, build_messages
from llmopt_core.prompts.spec import PromptSpec
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project
from llmopt_core.types import Answer, EvaluationSet, Example, Message, fingerprint

# In the wheel they lie inside the package, in a checkout beside it.
SAMPLES = sample_folder() / "finetuning"
SNIPS = "snips"
GENERAL = "general-questions"
SNIPS_TEST = "snips-test"
CHINESE = "chinese-questions"


def few_shot_examples(store: Store, project: Project | str, name: str, system: str = "") -> list[TrainingExample]:
    """The newest version of a few-shot set.

    Raises:
        BadInput: There is none.
    """
    spec = few_shot_from(store.version(project, FEW_SHOT, name).body)
    return examples_from_few_shot(spec.examples, system=system)


def good_records(store: Store, run_id: int, min_scores: Mapping[str, float]) -> list[TrainingExample]:
    """Answers of a run that scored well, or that people voted for, to prompts without their worked examples.

    Args:
        store: Where the run lies.
        run_id: The run.
        min_scores: Lowest value per metric, the highest where lower is better; may be empty where votes decide.
    """
    run = store.run(run_id)
    # People's votes outweigh scores, so an answer that they liked needs no high one.
    votes = majority_likes(store, run)
    records = without_shots(store.records(run_id), run.configuration)
    metrics = {name for record in records for name in record.scores} | set(min_scores)
    lower_is_better = {metric for metric in metrics if not higher_is_better(metric)}
    return examples_from_records(
        records, min_scores=min_scores, votes=votes, source=f"run of {run.name}", lower_is_better=lower_is_better
    )


def read_upload(data: bytes, name: str, columns: Mapping[str, str] | None = None) -> list[TrainingExample]:
    """The examples of a file: JSONL in OpenAI's chat or preference format, or CSV.

    Raises:
        BadInput: The file cannot be read; names the line.
    """
    return list(load_training_set(data, name, columns=columns).examples)


def sample_training(part: str = "train") -> list[TrainingExample]:
    """The example that comes along: requests to a voice assistant with the JSON of their intent (the label) and slots.

    Args:
        part: `train` or `validation`.

    Raises:
        BadInput: The sample data is not installed beside the program.
    """
    path = SAMPLES / f"snips_{part}.jsonl"
    if not path.exists():
        raise BadInput(f"{path}: the sample data is not there.")
    examples = load_training_set(path).examples
    # The label is the intent: classes are balanced by it.
    return [replace(example, label=str(json.loads(example.answer)["intent"])) for example in examples]


def sample_questions() -> EvaluationSet:
    """Held-back requests of the same kind.

    Raises:
        BadInput: The sample data is not installed beside the program.
    """
    return _sample_set("snips_test.jsonl", SNIPS_TEST)


def general_questions() -> EvaluationSet:
    """Easy questions about anything: what a model must not forget while it is tuned for something else.

    Raises:
        BadInput: The sample data is not installed beside the program.
    """
    return _sample_set("general_questions.jsonl", GENERAL)


def _sample_set(file: str, name: str) -> EvaluationSet:
    from llmopt_core.documents.questions import load_questions

    path = SAMPLES / file
    if not path.exists():
        raise BadInput(f"{path}: the sample data is not there.")
    return EvaluationSet(name, load_questions(path, file).examples)


def sample_chinese(documents: Sequence[str]) -> EvaluationSet | None:
    """Chinese questions whose answers stand in the English articles of the sample project.

    Args:
        documents: Names of the project's documents.

    Returns:
        None where those articles are not among them, or the sample data is not installed beside the program.
    """
    from llmopt_core.documents.questions import load_questions

    path = SAMPLES / "zh_evaluation.jsonl"
    if not path.exists():
        return None
    examples = load_questions(path, path.name).examples
    articles = {span.document for example in examples for span in example.references}
    # References into documents that are not there would count every question as missed.
    return EvaluationSet(CHINESE, examples) if articles <= set(documents) else None


def teacher_at(endpoint: Endpoint, name: str = "") -> ModelSpec:
    """The larger model to ask at an endpoint; its default model where none is named.

    Raises:
        BadInput: None is named and the endpoint has no default.
    """
    # Checked here, in the words of a form; the call itself would fail on every question.
    if not (name.strip() or endpoint.default_model):
        raise BadInput(f"Name the larger model, as {endpoint.name} calls it; that endpoint has no default model.")
    # 512 tokens: answers that a small model is to learn are short, and all of them are paid.
    return ModelSpec(endpoint=endpoint.name, name=name.strip(), mode="chat", max_tokens=512)


async def distill_examples(
    questions: Sequence[Example],
    teacher: ModelSpec,
    prompt: PromptSpec,
    models: Models,
    *,
    assertions: Sequence[AssertionSpec] = (),
    least_f1: float = 0.0,
    concurrency: int = 4,
    budget_usd: float | None = None,
    on_done: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Distillation:
    """A larger model answers the training questions; what passes the checks becomes an example.

    Args:
        questions: Those to train on, not those to evaluate with.
        teacher: The larger model.
        prompt: How it is asked, without retrieval; few-shot examples included.
        models: Of the current event loop.
        assertions: All must pass.
        least_f1: Lowest token F1 with the reference, for questions that have one; 0 asks for nothing.
        concurrency: Calls at once.
        budget_usd: The most that it may cost in all, earlier sessions of the same distillation included. What was
            answered before it is reached is kept.
        on_done: Called with the number of finished questions and the total.
        should_stop: Asked before each call.

    Raises:
        BadInput: There are no questions, the prompt needs retrieved text, or the budget needs a price.
    """
    if not questions:
        raise BadInput("There are no questions to answer; choose another evaluation set or upload questions.")
    # The student learns to answer without the examples; only the teacher sees them.
    short = prompt.model_copy(update={"few_shot": None})
    mode = mode_of(teacher, models)
    if budget_usd is not None:
        check_budget(budget_usd, [teacher], models)
    # Ids too: two questions of one text are answered twice.
    identities = [[question.id, *example_identity(question)] for question in questions]
    # Without the assertions: they decide what is kept, not what is paid.
    name = fingerprint(identities, model_identity(teacher, models), prompt.model_dump(mode="json"))
    with models.spending(f"distillation-{name}", budget_usd):
        return await distill(
            questions,
            models.chat(teacher),
            teacher,
            teacher_prompt=_messages(prompt, mode),
            # Always as a conversation: that is the form of training files, however the teacher is asked.
            student_prompt=_messages(short, "chat"),
            checks=as_answer_checks(assertions, models, least_f1),
            concurrency=concurrency,
            on_done=on_done,
            should_stop=should_stop,
        )


def estimate_distillation(
    project: str, questions: EvaluationSet, teacher: ModelSpec, prompt: PromptSpec, models: Models
) -> ComparisonEstimate:
    """What a distillation will take, from the prompts of a few questions. Sends nothing.

    Raises:
        BadInput: The prompt cannot be rendered.
    """
    configuration = Configuration(name="teacher", model=teacher, prompt=prompt)
    return estimate_comparison(ComparisonPlan(project, (configuration,), questions), models)


def _messages(prompt: PromptSpec, mode: Mode) -> Callable[[Example], Sequence[Message]]:
    def build(example: Example) -> Sequence[Message]:
        return build_messages(prompt, answer_variables(example, None, mode), mode)

    return build


def as_answer_checks(specs: Sequence[AssertionSpec], models: Models, least_f1: float = 0.0) -> list[AnswerCheck]:
    """What an answer must pass, as functions that say why it did not."""
    # The built-in judge: assertions that need one should not cost more than the answers.
    checks = [_as_answer_check(assertion) for assertion in build_assertions(specs, JudgeSpec(), models)]
    # Last: the reference says less about an answer than what somebody asked for.
    return [*checks, _agrees(least_f1)] if least_f1 else checks


def _as_answer_check(assertion: Assertion) -> AnswerCheck:
    async def problem(example: Example, text: str) -> str:
        # What a judge takes is counted by the budget around it.
        score, _usage = await assertion.score(Sample(example, Answer(text)))
        # A failure to decide counts as not passed: what is learned must be sure.
        return "" if score.passed else f"{assertion.name}: {score.explanation or score.failure}"

    return problem


def _agrees(least: float) -> AnswerCheck:
    async def agrees(example: Example, text: str) -> str:
        # No reference, nothing to agree with.
        if not example.reference:
            return ""
        # The best of all right answers.
        value = max(token_f1(text, right) for right in example.right_answers)
        return "" if value >= least else f"token F1 with the reference answer {value:.2f}, at least {least:.2f} wanted"

    return agrees
