"""How far work is, in one set of words."""

from llmopt_core.labs.job_kinds import job_kinds
from llmopt_core.reporting.progress_summary import ProgressSummary, summarize_progress


def test_the_line_says_done_of_total_time_and_cost() -> None:
    now = summarize_progress({"done": 12, "total": 1480, "seconds_left": 125.0, "cost_usd": 0.0123, "left_usd": 1.5})
    assert now.line == "12 of 1,480 questions · 2 min 5 s left · $0.0123 so far · $1.50 of the budget left"
    assert now.share == 12 / 1480


def test_what_is_not_known_is_said_and_never_zero() -> None:
    assert ProgressSummary().line == "time left not known yet · free so far"
    now = summarize_progress({"done": 3, "total": 4, "unit": "texts", "cost_usd": None})
    assert now.line == "3 of 4 texts · time left not known yet · cost not known: no price list"
    assert ProgressSummary(5, 4).share == 1.0


def title(kind: str, arguments: dict[str, object]) -> str:
    return job_kinds().title(kind, arguments)


def test_the_title_of_a_job_says_what_is_inside() -> None:
    assert title("evaluation", {"configurations": ["a", "b"], "evaluation_set": "q"}) == "Evaluating a, b on q"
    assert title("chunk-sweep", {"settings": 12, "evaluation_set": "q"}) == "Sweep of 12 settings on q"
    assert title("chunk-sweep", {"settings": 1, "evaluation_set": "q"}) == "Sweep of 1 setting on q"
    assert title("lora-training", {"name": "tidy", "folder": "20260102"}) == "Training tidy"
    assert title("comparison", {"variants": ["x", "y"], "set": "q"}) == "Comparing x, y on q"
    assert title("retrieval-measure", {"configuration": "rag", "set": "q", "questions": 4}) == (
        "Measuring the retrieval of rag on q"
    )
    assert title("retrieval-measure-estimate", {"configuration": "rag"}) == "Trying a few questions of rag"
    assert title("question-writing", {}) == "Writing questions"
    searched = {"subject": "instructions", "source": "rag v1", "evaluation_set": "q"}
    assert title("instruction-search", searched) == "Searching for a better instruction on q"
    choice = {"subject": "worked", "configuration": {"name": "plain"}, "evaluation_set": "q"}
    assert title("few-shot-choice", choice) == "Choosing examples of worked on q"
    values = {"name": "tidy", "provider": "firm", "training_set": "t v1"}
    assert title("fine-tuning start", values) == "Sending the data of tidy to firm"
    assert title("embedder-before-after", {"name": "tuned", "set": "q"}) == "Measuring tuned on q"
    assert title("something-new", {}) == "Something new"
