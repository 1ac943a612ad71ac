"""Names that a page may take for something else than text, in every place where a project has names."""

from __future__ import annotations

from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.experiment import save_configuration
from llmopt_core.experiments.versions.training_sets import save_training_set
from llmopt_core.finetuning.data.examples import TrainingExample
from llmopt_core.runs.store import Store
from llmopt_core.types import (
    Answer,
    Chunk,
    Document,
    EvaluationSet,
    Evidence,
    Example,
    Failure,
    Hit,
    Message,
    Record,
    Score,
    Span,
    StageTrace,
    Usage,
)

HOST = "evil.invalid"
NASTY = (
    f"![i](http://{HOST}/a.png)", f"[l](http://{HOST}/l)", f"<img src=//{HOST}/b.png>", f"<a href=//{HOST}/c>c</a>",
    "$\\alpha$", ":smile:", ":material/home:", ":red[x]", "__b__", "**d**", "`e`", "# f", f"http://{HOST}/g",
    f"www.{HOST}", f"h@{HOST}", "a -> b", "%{x}", "&lt;j&gt;", "~~k~~", "| l |", ":blue-badge[m]",
)  # fmt: skip
"""One of each kind of mark."""


def name(kind: str) -> str:
    """A name with all marks, told from others by its kind."""
    return f"{kind} {' '.join(NASTY)}"


def short(kind: str) -> str:
    """The same for what has at most 200 characters."""
    return f"{kind} {' '.join((*NASTY[:3], *NASTY[4:11], 'a -> b', '%{x}'))}"


METRICS = ("faithfulness", "answer_f1")
TEXT = "The harbour was built in 1712. Its two lighthouses still stand."


def seed_hostile(store: Store) -> str:
    """A project in which all names are hostile, with runs, a failed answer and an unscored one; returns its name."""
    project = short("p")
    store.ensure_project(project, name("about"))
    document = name("document").replace("/", "-") + ".md"
    store.save_documents(project, [Document(document, TEXT)])
    examples = tuple(
        Example(
            f"__{number} {NASTY[number]}", f"{name('question')} {number}", name("reference"),
            (Span(document, 4, 11),), name("category"), {"tone": name("variable")},
        )
        for number in range(8)
    )  # fmt: skip
    version = store.save_evaluation_set(project, EvaluationSet(name("set"), examples))
    hit = Hit(Chunk(document, 0, 30, TEXT[:30], name("heading")), 0.9)
    for label in ("baseline", short("one"), short("two")):
        values = {
            "name": label,
            "model": {"name": name("model")},
            "retrieval": {"top_k": 1 + ("baseline", short("one"), short("two")).index(label)},
            "prompt": {"template": "{{ context }} {{ question }}"},
        }
        configuration = Configuration.model_validate(values)
        save_configuration(store, project, configuration)
        run = store.start_run(
            project, configuration.model_dump(mode="json"), configuration.fingerprint, evaluation_set=version.name,
            set_version=version.version, judge=name("judge"), metrics=METRICS, total=len(examples),
        )  # fmt: skip
        store.save_records(run, [(i, _record(example, hit, i)) for i, example in enumerate(examples)])
        store.finish_run(run, "finished", seconds=2.0, error=name("error"))
    store.save_version(project, "prompt", short("prompt"), {"template": "Q: {{ question }}"})
    shots = {"examples": [{"question": name("shot"), "answer": name("answer")}], "select": "first", "k": 1}
    store.save_version(project, "few-shot", short("shots"), shots)
    pairs = [
        TrainingExample(({"role": "user", "content": f"{name('asked')} {i}"}, {"role": "assistant", "content": "x"}))
        for i in range(12)
    ]
    save_training_set(store, project, name("training"), pairs)
    return project


def _record(example: Example, hit: Hit, number: int) -> Record:
    if number == 2:
        return Record(example, failure=Failure("answer", "timeout", name("failure")))
    proof = (Evidence(name("statement"), number % 2 == 0, name("reason"), name("source")),)
    scores = {
        metric: Score(metric, None if number == 3 else number / 8, name("explanation"), proof, judge=name("judge"),
                      failure=name("unscored") if number == 3 else "")
        for metric in METRICS
    }  # fmt: skip
    answer = Answer(name("said"), (hit,), (0,), (Message("user", name("sent")),), Usage(10, 2, 0.0, 1), 0.4,
                    notes=(name("note"),))  # fmt: skip
    trace = (StageTrace("search", name("method"), (example.question,), (hit,), 8, 0.02, warning=name("warning")),)
    return Record(example, answer, trace, scores, None, Usage(10, 2, 0.0, 1), 0.4)
