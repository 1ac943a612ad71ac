"""A number is marked where a setting was chosen on the same questions, or the never-seen ones were seen before."""

from __future__ import annotations

from llmopt_core.experiments.caveats import caveats, caveats_of, configuration_caveats, marks
from llmopt_core.experiments.experiment import run_experiment
from llmopt_core.experiments.report import report_of
from llmopt_core.experiments.result import result_of
from llmopt_core.experiments.run_scores import read_run_scores
from llmopt_core.experiments.setting_choices import choice_note, record_setting_choice
from llmopt_core.experiments.training_sources import training_overlap
from llmopt_core.reporting.page import render
from llmopt_core.runs.values import Run
from llmopt_core.types import EvaluationSet, Example
from tests.engine_lab import EXAMPLES, Lab

SWEEP = "chunk sweep on questions"


def with_retrieval(lab: Lab, name: str = "rag", **retrieval: object):
    return lab.configuration(name, retrieval={"chunking": {"size": 20}, "search": {"method": "bm25"}, **retrieval})


def chosen_on(lab: Lab, configuration, examples=EXAMPLES) -> int:
    return training_overlap(lab.store, "p", configuration, examples).chosen


async def evaluated(lab: Lab, *configurations, evaluation_set: EvaluationSet | None = None) -> list[Run]:
    lab.evaluation_set = evaluation_set or lab.evaluation_set
    async with lab.models() as models:
        ids = await run_experiment(lab.store, lab.plan(*configurations), models, resume=False)
    return [lab.store.run(run_id) for run_id in ids]


def test_a_chunking_counts_as_chosen_wherever_it_is_used(lab: Lab) -> None:
    configuration = with_retrieval(lab)
    record_setting_choice(lab.store, "p", configuration, "chunking", SWEEP, EXAMPLES[:3])
    assert chosen_on(lab, configuration) == 3
    assert chosen_on(lab, with_retrieval(lab, "copy", top_k=7, rerank={"method": "late-interaction"})) == 3
    assert chosen_on(lab, with_retrieval(lab, chunking={"size": 21})) == 0
    assert chosen_on(lab, configuration, EXAMPLES[3:]) == 0
    assert chosen_on(lab, lab.configuration("plain", retrieval=None, prompt={"template": "{{ question }}"})) == 0


def test_a_number_of_chunks_is_chosen_for_its_chunking_and_search(lab: Lab) -> None:
    configuration = with_retrieval(lab, top_k=3)
    record_setting_choice(lab.store, "p", configuration, "number of chunks", "measured on questions", EXAMPLES)
    assert chosen_on(lab, with_retrieval(lab, "other", top_k=3, rerank={"method": "late-interaction"})) == len(EXAMPLES)
    assert chosen_on(lab, with_retrieval(lab, top_k=4)) == 0
    assert chosen_on(lab, with_retrieval(lab, top_k=3, chunking={"size": 50})) == 0


def test_components_are_chosen_as_a_whole(lab: Lab) -> None:
    configuration = with_retrieval(lab)
    record_setting_choice(lab.store, "p", configuration, "components", "measured on questions", EXAMPLES)
    assert chosen_on(lab, configuration) == len(EXAMPLES)
    assert chosen_on(lab, with_retrieval(lab, rerank={"method": "late-interaction"})) == 0


def test_nearly_the_same_questions_count_and_another_project_has_chosen_nothing(lab: Lab) -> None:
    configuration = with_retrieval(lab)
    questions = [Example("x", "How many moons haz Mars?")]
    record_setting_choice(lab.store, "p", configuration, "chunking", SWEEP, [Example("y", "How many moons has Mars?")])
    result = training_overlap(lab.store, "p", configuration, questions)
    assert (result.chosen, result.parts[-1].near) == (1, 1)
    lab.store.ensure_project("q")
    assert training_overlap(lab.store, "q", configuration, questions).chosen == 0
    assert training_overlap(lab.store, "not there yet", configuration, questions).chosen == 0


async def test_result_report_and_caveats_say_it_and_only_for_runs_after_the_choice(lab: Lab) -> None:
    configuration = with_retrieval(lab)
    (before,) = await evaluated(lab, configuration)
    record_setting_choice(lab.store, "p", configuration, "chunking", SWEEP, EXAMPLES)
    (after,) = await evaluated(lab, configuration)
    count = len(EXAMPLES)
    sentence = f"{count} of {count} questions chose the chunking (chunk sweep on questions): its score here flatters it"
    early, late = (result_of(lab.store, [run.id])["runs"][0] for run in (before, after))
    assert early["caveats"] == []
    assert late["caveats"][0].startswith(sentence)
    assert late["training_overlap"]["chosen"] == count
    assert f"rag: {sentence}" in render(report_of(result_of(lab.store, [after.id])))
    known = caveats_of(lab.store, [before, after])
    assert marks(known) == ["", f"chosen on {count} of these {count} questions"]
    assert [caveat.severe for caveat in caveats(known)] == [False]
    # A setting holds nothing of an answer: a comparison keeps its verdict, beside which the mark stands.
    assert [table.seen for table in read_run_scores(lab.store, [after])] == [0]
    assert configuration_caveats(lab.store, "p", configuration, EXAMPLES).overlap.chosen == count


async def test_never_seen_questions_that_were_asked_before_are_marked(lab: Lab) -> None:
    whole = EvaluationSet(
        "questions", tuple(Example(f"n{i}", f"How many moons has planet number {i}?", "2") for i in range(12))
    )
    lab.store.save_evaluation_set("p", whole)
    lab.store.make_split("p", "questions")
    unseen, confirm = (lab.store.evaluation_set("p", f"questions, {part}") for part in ("never seen", "confirm"))
    plain = lab.configuration("plain", retrieval=None, prompt={"template": "{{ question }}"})
    polite = lab.configuration("polite", retrieval=None, prompt={"system": "Please.", "template": "{{ question }}"})
    later = lab.configuration("later", retrieval=None, prompt={"system": "Now.", "template": "{{ question }}"})
    first = await evaluated(lab, plain, polite, evaluation_set=unseen)
    # Two that are compared in one go have not seen each other's numbers.
    assert marks(caveats_of(lab.store, first)) == ["", ""]
    (again,) = await evaluated(lab, plain, evaluation_set=confirm)
    (result,) = await evaluated(lab, later, evaluation_set=unseen)
    known = caveats_of(lab.store, [again, result])
    assert marks(known) == ["", "asked before"]
    assert caveats(known)[0].text.startswith("later: The never-seen questions were asked before, of plain, polite: ")
    assert "asked before, of plain, polite" in result_of(lab.store, [result.id])["runs"][0]["caveats"][0]


async def test_a_run_over_the_whole_set_has_seen_its_never_seen_part(lab: Lab) -> None:
    whole = EvaluationSet(
        "questions", tuple(Example(f"n{i}", f"How many moons has planet number {i}?", "2") for i in range(12))
    )
    lab.store.save_evaluation_set("p", whole)
    plain = lab.configuration("plain", retrieval=None, prompt={"template": "{{ question }}"})
    other = lab.configuration("other", retrieval=None, prompt={"system": "Now.", "template": "{{ question }}"})
    await evaluated(lab, plain, evaluation_set=whole)
    lab.store.make_split("p", "questions")
    (run,) = await evaluated(lab, other, evaluation_set=lab.store.evaluation_set("p", "questions, never seen"))
    assert marks(caveats_of(lab.store, [run])) == ["asked before"]


async def test_some_of_the_never_seen_questions_count_as_well(lab: Lab) -> None:
    from llmopt_core.experiments.earlier_looks import list_earlier_looks

    examples = tuple(Example(f"n{i}", f"How many moons has planet number {i}?", "2") for i in range(4))
    plain = lab.configuration("plain", retrieval=None, prompt={"template": "{{ question }}"})
    await evaluated(lab, plain, evaluation_set=EvaluationSet("questions, never seen, 2 chosen (n0, n1)", examples[:2]))
    for name in ("questions, never seen", "questions, never seen, 1 chosen (n2)"):
        assert list_earlier_looks(lab.store, "p", name, ()) == ("plain",)
    for name in (
        "questions",
        "questions, confirm",
        "questions, never seen before",
        "other, never seen",
        ", never seen",
    ):
        assert list_earlier_looks(lab.store, "p", name, ()) == ()


def test_numbers_that_choose_a_setting_say_so_and_where_to_confirm_it() -> None:
    assert "run it on handbook, confirm" in choice_note("handbook, search")
    assert "split handbook and run it on the part to confirm" in choice_note("handbook")
    assert "confirmed by no questions of this set" in choice_note("handbook, confirm")
