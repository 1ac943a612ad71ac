"""The same two runs have the same verdict everywhere, over the questions that both answered."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from llmopt_core.experiments.comparison_family import Family, family_from, family_of, family_to, project_family
from llmopt_core.experiments.comparison_parents import record_origin, record_origins_by_name
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.experiment import save_configuration
from llmopt_core.experiments.leaderboard import compare_runs, leaderboard
from llmopt_core.experiments.margin import margin_in, project_margin, save_margin
from llmopt_core.experiments.report import report_of
from llmopt_core.experiments.result import result_of
from llmopt_core.experiments.result_file import result_family, scores_from
from llmopt_core.experiments.result_tables import result_tables
from llmopt_core.experiments.run_scores import RunScoreTable, read_run_scores
from llmopt_core.labs.evaluation.ladder.build import build_ladder
from llmopt_core.labs.finetuning.factorial import arm_configurations, read_factorial
from llmopt_core.models.base import ModelSpec
from llmopt_core.retrieval.spec import RetrievalSpec
from llmopt_core.runs.store import Store
from llmopt_core.runs.store_ladder import Decision
from llmopt_core.runs.values import PerQuestion, Run, RunScores, SavedSet
from llmopt_core.settings import Settings
from llmopt_core.statistics.paired_comparison import Comparison
from llmopt_core.types import Answer, EvaluationSet, Example, Failure, Record, Score, Usage

PLAIN = Configuration(name="baseline")
RAG = Configuration(name="rag", retrieval=RetrievalSpec())
FOUR = arm_configurations(PLAIN, RAG, ModelSpec(adapter="mine", mode="completion"), "mine")
LEVEL = dict(zip((c.name for c in FOUR), (0.3, 0.42, 0.4, 0.55), strict=True))
METRIC = "answer_f1"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(Settings(home=tmp_path / "home"))
    opened.ensure_project("p")
    yield opened
    opened.close()


@pytest.fixture
def where(store: Store) -> SavedSet:
    examples = tuple(Example(f"q{i}", f"Question {i}?", "a") for i in range(40))
    return store.save_evaluation_set("p", EvaluationSet("set", examples))


def run(store: Store, configuration: Configuration, where: SavedSet, asked: int = 40, *, saved: bool = True) -> Run:
    """A stored run of the first questions."""
    if saved:
        save_configuration(store, "p", configuration)
    made = store.start_run("p", configuration.model_dump(mode="json"), configuration.fingerprint,
                           evaluation_set=where.name, set_version=where.version, judge="j",
                           metrics=(METRIC,), total=asked)  # fmt: skip
    draw = random.Random(configuration.name)
    examples = store.evaluation_set("p", where.name).examples[:asked]
    values = [min(1.0, max(0.0, draw.gauss(LEVEL.get(configuration.name, 0.3), 0.2))) for _ in examples]
    store.save_records(made, [
        (i, Record(e, Answer("a", usage=Usage(100, 10, 0.01, 1)), scores={METRIC: Score(METRIC, value)}))
        for i, (e, value) in enumerate(zip(examples, values, strict=True))
    ])  # fmt: skip
    store.finish_run(made, "finished")
    return store.run(made)


def family(store: Store, where: SavedSet) -> Family:
    return project_family(store, "p", where.name, where.version, "j")


def test_the_family_is_every_saved_configuration_against_the_baseline(store: Store, where: SavedSet) -> None:
    for one in FOUR:
        run(store, one, where)
    run(store, Configuration(name="a try", model=ModelSpec(temperature=0.7)), where, saved=False)
    found = family(store, where)
    assert list(found.p_values[METRIC]) == [("baseline", c.name) for c in FOUR[1:]]
    assert found.size == 3
    assert "all 3 comparisons of a configuration with baseline" in found.words


def test_a_pair_has_the_same_verdict_in_table_square_file_and_report(store: Store, where: SavedSet) -> None:
    made = [run(store, one, where) for one in FOUR]
    tested = family(store, where)
    four = read_factorial(store, "p", FOUR, where, METRIC)
    two = leaderboard(read_run_scores(store, made[:2]), [METRIC], 0, tested)[1].cells[METRIC].versus
    assert two is not None
    assert two.family == 3
    assert four.comparisons["base", "base + RAG"] == two
    # A file with two of the four runs keeps the family.
    result = result_of(store, [one.id for one in made[:2]])
    again = compare_runs(*(scores_from(one) for one in result["runs"]), METRIC, result_family(result))
    assert again == two
    (told,) = result["comparisons"]
    assert (told["a"], told["b"], told["family"], told["p_value"]) == ("baseline", "rag", 3, two.p_value)
    assert told["ci95"] == [two.low, two.high]
    cell = report_of(result).metrics[0].cells[1]
    assert (cell.p_value, cell.verdict, cell.difference_low) == (two.p_value, two.verdict, two.low)


def reverse(found: Comparison) -> Comparison:
    """The same pair the other way round."""
    opposite = {"better": "worse", "worse": "better"}
    return replace(
        found, difference=-found.difference, low=-found.high, high=-found.low, before=found.after, after=found.before,
        verdict=opposite.get(found.verdict, found.verdict),
    )  # fmt: skip


def test_a_pair_that_is_none_of_the_family_is_tested_with_all_of_it(store: Store, where: SavedSet) -> None:
    made = [run(store, one, where) for one in FOUR]
    tested = family(store, where)
    plain, rag, tuned, both = read_run_scores(store, made)
    # Two tuned models, as the 2 x 2 asks and as Evaluation does with another baseline.
    other = leaderboard([plain, rag, tuned, both], [METRIC], 2, tested)[3].cells[METRIC].versus
    assert other is not None
    assert other.family == 4
    assert read_factorial(store, "p", FOUR, where, METRIC).comparisons["fine-tuned", "fine-tuned + RAG"] == other
    assert compare_runs(both, tuned, METRIC, tested) == reverse(other)


def test_versions_of_a_configuration_are_told_apart_by_what_they_are_not_by_their_name(
    store: Store, where: SavedSet
) -> None:
    before, after = RAG, RAG.model_copy(update={"model": ModelSpec(temperature=0.5)})
    made = [run(store, one, where) for one in (PLAIN, before, after)]
    # Back to the version before: the newer run of that name is none of the family now.
    save_configuration(store, "p", before)

    def tested(shown: Run, name: str) -> tuple[int, float | None]:
        (found,) = result_of(store, [made[0].id, shown.id], ["baseline", name])["comparisons"]
        return found["family"], found["p_value"]

    alone = compare_runs(*read_run_scores(store, made[:2]), METRIC).p_value
    assert tested(made[1], "rag") == tested(made[1], "rag (earlier)") == (1, alone)
    assert tested(made[2], "rag")[0] == 2


def test_the_other_way_round_is_the_same_test(store: Store, where: SavedSet) -> None:
    made = [run(store, one, where) for one in FOUR[:2]]
    plain, rag = read_run_scores(store, made)
    tested = family(store, where)
    assert compare_runs(rag, plain, METRIC, tested) == reverse(compare_runs(plain, rag, METRIC, tested))


def test_a_family_is_written_and_read_back(store: Store, where: SavedSet) -> None:
    found = family_of(read_run_scores(store, [run(store, one, where) for one in FOUR]), [METRIC])
    assert family_from(family_to(found)) == found
    assert family_from(None) is None
    assert family_from({"comparisons": 3}) is None
    pairs = [{"a": "a", "b": "b", "p_value": "x"}, {"a": "a", "b": "c", "p_value": 0.5}, {"p_value": 0.5}, 3]
    odd = {"baseline": "a", "comparisons": {"m": pairs, "n": "x"}}
    assert family_from(odd) == Family("a", {"m": {("a", "c"): 0.5}})


def test_by_a_metric_that_the_baseline_lacks_the_others_are_tested_together() -> None:
    draw = random.Random(1)
    examples = tuple(f"q{i}" for i in range(20))
    columns: dict[str, list[float | None]] = {"baseline": [None] * 20}
    columns |= {name: [draw.random() for _ in examples] for name in ("rag", "more", "most")}
    runs = [RunScoreTable(name, 20, RunScores(examples, {"recall": values}, {})) for name, values in columns.items()]
    found = family_of(runs, ["recall"])
    assert list(found.p_values["recall"]) == [("rag", "more"), ("rag", "most")]
    versus = leaderboard(runs, ["recall"], 1, found)[2].cells["recall"].versus
    assert versus is not None
    assert versus.family == 2


def test_runs_are_compared_on_the_questions_that_both_answered(store: Store, where: SavedSet) -> None:
    whole, short = run(store, PLAIN, where), run(store, RAG, where, asked=12)
    scored = read_run_scores(store, [whole, short])
    cell = leaderboard(scored, [METRIC])[1].cells[METRIC]
    assert cell.versus is not None
    first = scored[0].scores.values[METRIC][:12]
    assert cell.versus.before == pytest.approx(sum(v for v in first if v is not None) / 12)
    assert (cell.versus.pairs, cell.versus.dropped) == (12, 28)
    assert cell.note.startswith("on the 12 that both answered: ")
    found = read_factorial(store, "p", FOUR, where, METRIC)
    assert found.questions == 12
    assert found.common["base"] == pytest.approx(cell.versus.before)
    report = report_of(result_of(store, [whole.id, short.id]))
    assert "12 to 40 questions" in report.subtitle
    assert [one.asked for one in report.runs] == ["40 questions", "12 questions"]
    assert report.metrics[0].cells[1].note == cell.note


def test_a_report_says_how_many_questions_of_the_set_were_evaluated(store: Store, where: SavedSet) -> None:
    result = result_of(store, [run(store, one, where, asked=12).id for one in FOUR[:2]])
    assert "12 of 40 questions" in report_of(result).subtitle


def test_questions_of_the_same_id_and_other_content_are_no_pair() -> None:
    scores = RunScores(("q1", "q2"), {METRIC: [0.5, 0.9]}, {})
    a = RunScoreTable("a", 2, scores, contents={"q1": "x", "q2": "y"})
    b = RunScoreTable("b", 2, scores, contents={"q1": "x", "q2": "changed"})
    found = compare_runs(a, b, METRIC)
    assert (found.pairs, found.dropped) == (1, 1)


def test_the_best_arm_is_the_best_on_the_questions_that_all_answered(store: Store, where: SavedSet) -> None:
    """The first twelve are the hard ones; the arm that was asked nothing else must not lose by that."""
    values = {"baseline": [0.2] * 12 + [0.9] * 28, "rag": [0.4] * 12}
    for one in FOUR[:2]:
        made = store.start_run("p", one.model_dump(mode="json"), one.fingerprint, evaluation_set=where.name,
                               set_version=where.version, judge="j", metrics=(METRIC,),
                               total=len(values[one.name]))  # fmt: skip
        examples = store.evaluation_set("p", where.name).examples
        pairs = zip(examples, values[one.name], strict=False)
        store.save_records(made, [(i, Record(e, Answer("a"), scores={METRIC: Score(METRIC, value)}))
                                  for i, (e, value) in enumerate(pairs)])  # fmt: skip
        store.finish_run(made, "finished")
    found = read_factorial(store, "p", FOUR, where, METRIC)
    assert (found.best, found.questions) == ("base + RAG", 12)


def test_what_a_question_takes_is_over_what_was_asked_afresh(store: Store, where: SavedSet) -> None:
    made = store.start_run("p", {"name": "a"}, "f", evaluation_set=where.name, set_version=where.version, judge="j",
                           metrics=(METRIC,), total=4)  # fmt: skip
    examples = store.evaluation_set("p", where.name).examples
    took = [
        Record(examples[0], Answer("a"), usage=Usage(100, 20, 0.02, 1), seconds=2.0),
        Record(examples[1], Answer("a"), usage=Usage(200, 40, 0.04, 1), seconds=4.0),
        Record(examples[2], Answer("a"), usage=Usage(100, 20, 0.02, 1).from_cache, seconds=0.001),
        Record(examples[3], failure=Failure("answer", "timeout", "?"), usage=Usage(0, 0, 0.0, 1), seconds=60.0),
    ]
    store.save_records(made, list(enumerate(took)))
    assert store.per_question([made]) == {made: PerQuestion(2, 1, 180.0, 3.0, pytest.approx(0.03))}
    (told,) = result_of(store, [made])["runs"]
    assert told["per_question"]["tokens"] == 180.0
    facts = dict(report_of(result_of(store, [made])).runs[0].facts)
    assert facts["per question"] == "3.0 s, 180 tokens, $0.03 (over 2 asked, 1 more from the cache)"
    store.save_records(made, [(1, Record(examples[1], Answer("a"), usage=Usage(200, 40, None, 1), seconds=4.0))])
    assert store.per_question([made])[made].cost_usd is None
    assert store.per_question([made + 1]) == {made + 1: PerQuestion()}


def test_a_configuration_is_compared_with_what_it_was_made_from_in_the_app(store: Store, where: SavedSet) -> None:
    base, middle, child = (Configuration(name=name, model=ModelSpec(seed=n)) for n, name in enumerate("xyz"))
    record_origin(store, "p", middle.fingerprint, base)
    record_origin(store, "p", child.fingerprint, middle)
    # Going back to an earlier one makes it no descendant of what came after it.
    record_origin(store, "p", base.fingerprint, child)
    for one in (PLAIN, base, child):
        run(store, one, where)
    found = family(store, where)
    # The nearest ancestor that was run: y was not.
    assert list(found.p_values[METRIC]) == [("baseline", "x"), ("x", "z")]
    assert (found.parent_of("z"), found.parent_of("x")) == ("x", "")
    assert "with its parent, else with baseline" in found.in_short
    result = result_of(store, [one.id for one in store.runs("p")])
    parents = {one["configuration"]: one.get("parent") for one in result["runs"]}
    assert parents == {"baseline": None, "x": None, "z": "x"}
    assert result_family(result) == found


def test_the_arms_of_a_fine_tuned_model_are_compared_with_theirs(store: Store, where: SavedSet) -> None:
    record_origins_by_name(store, "p", FOUR)
    for one in FOUR:
        run(store, one, where)
    pairs = list(family(store, where).p_values[METRIC])
    assert pairs == [("baseline", "rag"), ("baseline", "baseline · mine"), ("rag", "rag · mine")]


def test_the_pairs_of_a_ladder_that_a_person_decided_are_the_family(store: Store, where: SavedSet) -> None:
    names = ["baseline", "one", "two", "three"]
    made = [run(store, Configuration(name=name, model=ModelSpec(seed=n)), where) for n, name in enumerate(names)]
    record_origin(store, "p", made[3].fingerprint, made[2].fingerprint)
    for number, choice in ((1, "kept"), (2, "dropped"), (3, "kept")):
        store.save_decision("p", Decision(made[number].id, choice, "why"))  # type: ignore[arg-type]
    (section,) = build_ladder(store, "p", METRIC).sections
    pairs = [(rung.parent, rung.name) for rung in section.rungs[1:]]
    found = family(store, where)
    assert pairs == list(found.p_values[METRIC]) == [("baseline", "one"), ("one", "two"), ("one", "three")]
    assert {rung.comparison.family for rung in section.rungs if rung.comparison} == {3}
    assert section.tested.startswith(found.in_short)
    assert "all 3 comparisons of a configuration with its parent, else with baseline" in section.tested
    # The leaderboard, with any baseline, and the file say the same of the same pair.
    tables = read_run_scores(store, made)
    assert leaderboard(tables, [METRIC], 1, found)[2].cells[METRIC].versus == section.rungs[2].comparison
    again = compare_runs(tables[1], tables[2], METRIC, result_family(result_of(store, [made[1].id, made[2].id])))
    assert again == section.rungs[2].comparison


def test_the_margin_of_a_project_reaches_ladder_square_file_tables_and_report(store: Store, where: SavedSet) -> None:
    made = [run(store, one, where) for one in FOUR]
    assert (project_margin(store, "p"), build_ladder(store, "p").rungs[1].comparison.margin) == (0.05, 0.05)  # type: ignore[union-attr]
    save_margin(store, "p", 0.4)
    result = result_of(store, [one.id for one in made])
    assert margin_in(result) == 0.4
    assert {one["margin"] for one in result["comparisons"]} == {0.4}
    ladder = build_ladder(store, "p")
    assert {one.comparison.margin for one in ladder.rungs if one.comparison} == {0.4}
    assert "Margin 0.4 (" in ladder.sections[0].tested
    square = read_factorial(store, "p", FOUR, where, METRIC)
    assert {one.margin for one in square.comparisons.values()} == {0.4}
    table = next(one for one in result_tables(result) if one.name == "comparisons")
    assert {row[list(table.columns).index("margin")] for row in table.rows} == {0.4}
    assert "Margin 0.4 (" in report_of(result).tested
    # A file of before says none, and has the usual one.
    assert "Margin 0.05 (" in report_of({key: value for key, value in result.items() if key != "margin"}).tested
