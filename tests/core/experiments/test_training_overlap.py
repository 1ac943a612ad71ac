"""A run knows what its tuned parts were trained on, and whether its questions are among it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa

from llmopt_core.experiments.caveats import RunCaveats, caveats, caveats_of, configuration_caveats, marks
from llmopt_core.experiments.experiment import run_experiment
from llmopt_core.experiments.leaderboard import compare_runs, leaderboard
from llmopt_core.experiments.report import report_of
from llmopt_core.experiments.result import result_of
from llmopt_core.experiments.result_file import scores_from
from llmopt_core.experiments.run_documents import RunDocuments
from llmopt_core.experiments.run_scores import read_run_scores
from llmopt_core.experiments.search.results import (
    Candidate,
    ChoiceResult,
    ExampleEffect,
    FewShotEffect,
    InstructionResult,
)
from llmopt_core.experiments.search.task import CHOICE, FEW_SHOT_EFFECT, INSTRUCTION
from llmopt_core.experiments.training_overlap import TrainedPart, TrainingOverlap
from llmopt_core.experiments.training_sources import overlap_of, training_overlap
from llmopt_core.experiments.versions.training_sets import save_training_set
from llmopt_core.finetuning.data.examples import TrainingSet, chat_example
from llmopt_core.finetuning.jobs.folder import JobFolder, jobs_root
from llmopt_core.finetuning.jobs.job import JobRequest
from llmopt_core.finetuning.jobs.new_folder import new_folder
from llmopt_core.finetuning.training.adapters import CARD, adapters_root, embeddings_root, write_card
from llmopt_core.models.scripted import ScriptedChat
from llmopt_core.prompts.spec import FewShotSpec
from llmopt_core.reporting.page import render
from llmopt_core.runs.tables_runs import runs as runs_table
from llmopt_core.runs.values import Run
from llmopt_core.statistics.intervals import summarize
from llmopt_core.types import EvaluationSet, Example, Record, Score
from tests.engine_lab import EXAMPLES, Lab

ASKED = [example.question for example in EXAMPLES]
TYPO = "How many moons haz Mars?"


def trained_on(*questions: str, name: str = "tuned-data") -> TrainingSet:
    return TrainingSet(name, tuple(chat_example(f"Question: {q}\nAnswer:", "an answer") for q in questions))


def job(lab: Lab, training: TrainingSet, validation: TrainingSet | None = None, **request: object) -> JobFolder:
    kind = str(request.pop("kind", "lora"))
    target = JobRequest.model_validate({"name": "mine", **request})
    return new_folder(lab.settings, target, kind, training, validation)


def adapter(lab: Lab, card: dict[str, object] | None, name: str = "mine") -> None:
    path = adapters_root(lab.settings) / f"{name}.gguf"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"weights")
    if card is not None:
        write_card(path.with_suffix(".json"), card)


def asks(lab: Lab, **changes: object):
    """A configuration without retrieval that asks the tuned model."""
    model = {"endpoint": "scripted", "name": "m", "adapter": "mine"}
    values = {"model": model, "retrieval": None, "prompt": {"template": "{{ question }}"}, **changes}
    return lab.configuration("tuned", **values)


def overlap(lab: Lab, configuration, examples=EXAMPLES, **more: object) -> TrainingOverlap:
    return training_overlap(lab.store, "p", configuration, examples, **more)


async def evaluated(lab: Lab, *configurations, **options: object) -> list[Run]:
    async with lab.models() as models:
        ids = await run_experiment(lab.store, lab.plan(*configurations, **options), models)
    return [lab.store.run(run_id) for run_id in ids]


async def test_a_run_of_a_tuned_model_keeps_what_it_learned_from_its_questions(lab: Lab) -> None:
    folder = job(lab, trained_on(ASKED[0].upper(), TYPO, "What is a fjord?"))
    adapter(lab, {"job_id": folder.id})
    (run,) = await evaluated(lab, asks(lab))
    assert run.training is not None
    result = overlap_of(lab.store, run)
    assert (result.questions, result.exact, result.near) == (4, 1, 1)
    assert result.warning == (
        "2 of 4 questions stand in the training data of mine (1 word for word, 1 nearly): "
        "its score shows what it has seen, not what it can do."
    )
    shutil.rmtree(folder.path)
    (adapters_root(lab.settings) / "mine.json").unlink()
    assert overlap_of(lab.store, lab.store.run(run.id)) == result, "it is kept with the run"


async def test_only_the_questions_that_were_asked_count(lab: Lab) -> None:
    folder = job(lab, trained_on(ASKED[0], ASKED[3]))
    adapter(lab, {"job_id": folder.id})
    (run,) = await evaluated(lab, asks(lab), limit=2)
    assert (overlap_of(lab.store, run).questions, overlap_of(lab.store, run).exact) == (2, 1)


async def test_a_run_from_before_it_was_kept_is_looked_up(lab: Lab) -> None:
    folder = job(lab, trained_on(*ASKED[:3]))
    adapter(lab, {"job_id": folder.id})
    (run,) = await evaluated(lab, asks(lab))
    with lab.store.database.write() as connection:
        connection.execute(sa.update(runs_table).values(training=None))
    assert overlap_of(lab.store, lab.store.run(run.id)).exact == 3


def test_the_validation_part_of_a_job_counts_because_it_chose_the_best_step(lab: Lab) -> None:
    folder = job(lab, trained_on("What is a fjord?"), trained_on(ASKED[1], name="held"))
    adapter(lab, {"job_id": folder.id})
    assert overlap(lab, asks(lab)).exact == 1


def test_an_adapter_without_a_card_or_a_job_has_unknown_training_data(lab: Lab) -> None:
    for card in (None, {}, {"job_id": "gone", "data_version": "0123456789abcdef"}, {"job_id": "../../etc"}):
        shutil.rmtree(adapters_root(lab.settings), ignore_errors=True)
        adapter(lab, card)
        found = overlap(lab, asks(lab))
        assert (found.overlap_count, found.unknown_parts, found.warning) == (0, ("mine",), "")
        assert found.note == "Training data unknown: mine may have learned from these questions."


def test_a_job_without_its_data_is_unknown(lab: Lab) -> None:
    folder = job(lab, trained_on(*ASKED))
    adapter(lab, {"job_id": folder.id})
    (folder.path / "training.jsonl").unlink()
    assert overlap(lab, asks(lab)).unknown_parts == ("mine",)
    (folder.path / "training.jsonl").write_bytes(b"{broken")
    assert overlap(lab, asks(lab)).unknown_parts == ("mine",)
    (folder.path / "request.json").write_text("{}")
    assert overlap(lab, asks(lab)).unknown_parts == ("mine",)
    assert overlap(lab, asks(lab, model={"endpoint": "scripted", "name": "small"})).parts == ()


def test_an_adapter_whose_job_is_gone_is_known_by_its_saved_training_set(lab: Lab) -> None:
    version = save_training_set(lab.store, "p", "support", trained_on(*ASKED[:2]).examples)
    adapter(lab, {"job_id": "gone", "data_version": version.version})
    assert overlap(lab, asks(lab)).exact == 2


@pytest.mark.parametrize("asked_for", ["ft:small:org:mine:abc", "ft:small:org:mine:abc:ckpt-step-90", ""])
def test_the_tuned_model_of_a_service_is_found_by_its_job(lab: Lab, asked_for: str) -> None:
    folder = job(lab, trained_on(*ASKED[:3]), provider="scripted", base_model="small", kind="service")
    folder.update_state(status="finished", tuned_model="ft:small:org:mine:abc", remote_id="j1")
    configuration = asks(lab, model={"endpoint": "scripted", "name": asked_for})
    found = overlap(lab, configuration, model_name=lambda spec: spec.name or "ft:small:org:mine:abc")
    assert found.exact == 3


def test_a_model_tuned_further_has_learned_from_both_jobs(lab: Lab) -> None:
    first = job(lab, trained_on(ASKED[0]), provider="scripted", base_model="small", kind="service")
    first.update_state(status="finished", tuned_model="ft:small:a", remote_id="j1")
    second = job(lab, trained_on(ASKED[1]), provider="scripted", base_model="ft:small:a", kind="service")
    second.update_state(status="finished", tuned_model="ft:small:b", remote_id="j2")
    found = overlap(lab, asks(lab, model={"endpoint": "scripted", "name": "ft:small:b"}))
    assert (found.exact, len(found.parts)) == (2, 2)


def test_a_service_model_tuned_elsewhere_is_unknown_and_a_plain_one_is_not(lab: Lab) -> None:
    assert overlap(lab, asks(lab, model={"endpoint": "scripted", "name": "ft:small:x"})).unknown_parts == (
        "ft:small:x",
    )
    assert overlap(lab, asks(lab, model={"endpoint": "scripted", "name": "small"})).parts == ()


def test_a_tuned_embedding_model_is_found_by_its_card(lab: Lab) -> None:
    folder = embeddings_root(lab.settings) / "mine"
    folder.mkdir(parents=True)
    result = job(lab, TrainingSet("pairs", (chat_example(ASKED[2], "a passage"),)), kind="embedding")
    retrieval = {"embedding": {"model": str(folder)}, "chunking": {"size": 20}}
    configuration = asks(lab, model={"endpoint": "scripted", "name": "m"}, retrieval=retrieval)
    assert overlap(lab, configuration).unknown_parts == ("mine",)
    write_card(folder / CARD, {"job_id": result.id})
    found = overlap(lab, configuration)
    assert (found.exact, found.parts[0].kind, found.parts[0].name) == (1, "embedding model", "mine")
    plain = asks(lab, model={"endpoint": "scripted"}, retrieval={"embedding": {"model": "all-MiniLM-L6-v2"}})
    assert overlap(lab, plain).parts == ()


def test_few_shot_examples_that_are_questions_of_the_set_count(lab: Lab) -> None:
    shots = [{"question": ASKED[0], "answer": "Rhine"}, {"question": "What is a fjord?", "answer": "a bay"}]
    prompt = {"template": "{{ question }}", "few_shot": {"examples": shots}}
    found = overlap(lab, asks(lab, model={"endpoint": "scripted"}, prompt=prompt))
    assert found.warning.startswith("1 of 4 questions stand among the few-shot examples (word for word)")
    prompt = {"template": "{{ question }}", "few_shot": {"examples": shots[1:]}}
    assert overlap(lab, asks(lab, model={"endpoint": "scripted"}, prompt=prompt)).overlap_count == 0


def searched(lab: Lab, kind: str, result: object) -> None:
    job_id = lab.store.start_job(kind, "p", {"evaluation_set": "questions"})
    lab.store.update_job(job_id, status="finished", result={"found": result.model_dump(mode="json")})


def instruction(trained: tuple[str, ...] = (), text: str = "Answer in one word, as a geographer would.") -> object:
    return InstructionResult(
        source="s", set_name="questions", set_version=EvaluationSet("questions", EXAMPLES).version, metric="answer_f1",
        part="system", original="Answer.", baseline=summarize([0.0]), training=2, held_back=2, trained_on=trained,
        candidates=(Candidate(round=1, text=text), Candidate(round=1, text="refused", refused="too long")),
    )  # fmt: skip


def with_system(lab: Lab, system: str):
    return asks(lab, model={"endpoint": "scripted"}, prompt={"system": system, "template": "{{ question }}"})


def test_an_instruction_that_a_search_wrote_was_chosen_on_its_training_part(lab: Lab) -> None:
    searched(lab, INSTRUCTION, instruction((ASKED[0], ASKED[1])))
    found = overlap(lab, with_system(lab, "Answer in one word, as a geographer would."))
    assert found.warning.startswith("2 of 4 questions chose the instruction in a search")
    assert overlap(lab, with_system(lab, "Answer in 1 word, as a geographer would.")).overlap_count == 2, (
        "touched up by hand"
    )
    for other in ("Answer.", "refused", "", "Say nothing."):
        assert overlap(lab, with_system(lab, other)).parts == ()


def test_of_an_older_search_all_questions_of_its_set_count(lab: Lab) -> None:
    searched(lab, INSTRUCTION, instruction())
    text = "Answer in one word, as a geographer would."
    assert overlap(lab, with_system(lab, text)).unknown_parts == ("instruction",)
    lab.store.save_evaluation_set("p", lab.evaluation_set)
    assert overlap(lab, with_system(lab, text)).exact == 4


def test_few_shot_examples_that_a_search_chose(lab: Lab) -> None:
    pool = tuple({"question": f"What is number {i}?", "answer": str(i)} for i in range(4))
    choice = ChoiceResult(
        source="s", set_name="questions", set_version="v", metric="answer_f1", method="greedy", questions={},
        training=2, held_back=2, trials=(), few_shot=FewShotSpec(examples=pool[:2]), trained_on=(ASKED[1],),
    )  # fmt: skip
    searched(lab, CHOICE, choice)
    worth = FewShotEffect(
        source="s", set_name="questions", set_version="v", metric="answer_f1", questions=4, full=summarize([1.0]),
        examples=tuple(ExampleEffect(place=i, question=p["question"], answer=p["answer"]) for i, p in enumerate(pool)),
        trained_on=tuple(ASKED),
    )  # fmt: skip

    def shown(*places: int):
        few_shot = {"examples": [pool[place] for place in places]}
        prompt = {"template": "{{ question }}", "few_shot": few_shot}
        return overlap(lab, asks(lab, model={"endpoint": "scripted"}, prompt=prompt))

    assert shown(1, 0).exact == 1
    assert shown(0, 3).overlap_count == 0
    searched(lab, FEW_SHOT_EFFECT, worth)
    assert shown(0, 3).warning.startswith("4 of 4 questions chose the few-shot examples in a search")
    assert shown(0, 1, 2, 3).overlap_count == 0, "the set as it was before was not chosen"


MANY = tuple(Example(f"m{i}", f"What is the capital of country number {i}?", "right") for i in range(12))


@pytest.fixture
async def pair(lab: Lab) -> tuple[Lab, list[Run]]:
    """A plain run that is always wrong, and a run of a model tuned on ten of the twelve questions that is right."""
    lab.evaluation_set, lab.metrics = EvaluationSet("many", MANY), ("exact_match",)
    lab.chat = ScriptedChat(lambda request: "right" if "learned" in request.messages[0].content else "wrong")
    training = trained_on(*(example.question for example in MANY[:10]))
    folder = job(lab, training, provider="scripted", base_model="m", kind="service")
    folder.update_state(status="finished", tuned_model="mine", remote_id="j1")
    plain = lab.configuration("baseline", retrieval=None, prompt={"template": "{{ question }}"})
    prompt = {"system": "learned", "template": "{{ question }}"}
    tuned = asks(lab, model={"endpoint": "scripted", "name": "mine"}, prompt=prompt)
    return lab, await evaluated(lab, plain, tuned)


async def test_a_run_that_was_trained_on_its_questions_is_never_better(pair: tuple[Lab, list[Run]]) -> None:
    lab, runs = pair
    scores = read_run_scores(lab.store, runs)
    assert [run.seen for run in scores] == [0, 10]
    versus = leaderboard(scores, ["exact_match"])[1].cells["exact_match"].versus
    assert versus is not None
    assert (versus.difference, versus.verdict) == (1.0, "not comparable")
    assert compare_runs(*scores, "exact_match").verdict == "not comparable"
    other_way = compare_runs(scores[1], scores[0], "exact_match")
    assert other_way.verdict == "not comparable", "worse than what was learned by heart says nothing"
    clean = leaderboard(scores, ["exact_match"], baseline=1)[0].cells["exact_match"].versus
    assert clean is not None
    assert clean.verdict == "not comparable"


async def test_that_it_is_worse_all_the_same_stays(pair: tuple[Lab, list[Run]]) -> None:
    lab, runs = pair
    for position, record in enumerate(lab.store.records(runs[0].id)):
        lab.store.save_record(runs[0].id, _scored(record, 1.0), position)
    for position, record in enumerate(lab.store.records(runs[1].id)):
        lab.store.save_record(runs[1].id, _scored(record, 0.0), position)
    scores = read_run_scores(lab.store, runs)
    assert compare_runs(*scores, "exact_match").verdict == "worse"
    assert compare_runs(scores[1], scores[0], "exact_match").verdict == "better"


def _scored(record: Record, value: float) -> Record:
    return Record(record.example, record.answer, scores={"exact_match": Score("exact_match", value)})


async def test_result_report_and_caveats_say_it(pair: tuple[Lab, list[Run]]) -> None:
    lab, runs = pair
    result = result_of(lab.store, [run.id for run in runs])
    plain, tuned = result["runs"]
    assert (plain["training_overlap"]["exact"], plain["caveats"]) == (0, [])
    assert (tuned["training_overlap"]["exact"], tuned["training_overlap"]["questions"]) == (10, 12)
    assert tuned["caveats"][0].startswith("10 of 12 questions stand in the training data of mine")
    assert scores_from(tuned).seen == 10
    page = render(report_of(result))
    assert "tuned: 10 of 12 questions stand in the training data of mine (word for word)" in page
    assert page.count('class="hatched"') == 1
    assert "≠ not comparable" in page
    assert "▲" not in page
    known = caveats_of(lab.store, runs)
    assert [caveat.severe for caveat in caveats(known)] == [True]
    assert marks(known) == ["", "trained on 10 of these 12 questions"]


def test_where_nothing_is_answered_only_the_retrieval_counts(lab: Lab) -> None:
    shots = {"examples": [{"question": ASKED[0], "answer": "Rhine"}]}
    configuration = lab.configuration(prompt={"template": "{{ question }}", "few_shot": shots})
    assert configuration_caveats(lab.store, "not there yet", configuration, EXAMPLES).overlap_count == 1
    assert configuration_caveats(lab.store, "p", configuration, EXAMPLES, answers=False).overlap_count == 0


def test_a_clean_result_has_no_caveat(lab: Lab) -> None:
    assert TrainingOverlap(questions=4).warning == TrainingOverlap(questions=4).note == ""
    assert Path(jobs_root(lab.settings)).exists() is False


def test_runs_that_saw_the_same_share_one_sentence() -> None:
    def run(name: str, **part: object) -> RunCaveats:
        tuned = TrainedPart(kind="model", name="reader", **part)  # type: ignore[arg-type]
        overlap = TrainingOverlap(questions=9, exact=tuned.exact, near=tuned.near, parts=(tuned,))
        return RunCaveats(RunDocuments(name, False, None), overlap)

    result = caveats(
        [run("a", exact=3), run("b", exact=3), run("c", near=2), run("d", known=False), run("e", known=False)]
    )
    assert [caveat.text.split(" questions")[0] for caveat in result] == [
        "a, b: 3 of 9",
        "c: 2 of 9",
        "d, e: Training data unknown: reader may have learned from these",
    ]
    assert "(nearly word for word)" in result[1].text
