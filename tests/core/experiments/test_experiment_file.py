from pathlib import Path

import pytest

from llmopt_core.errors import BadInput
from llmopt_core.experiments.experiment_file import DEFAULT_METRICS, load_experiment

GOOD = """\
project: rivers
documents: [docs]
evaluation_set: questions.jsonl
judge: builtin
metrics: [answer_f1, hit_rate]
configurations:
  - name: baseline
    model: {endpoint: builtin, temperature: 0, max_tokens: 64}
    prompt: {system: "Be short.", template: "{{ question }}"}
  - name: rag
    extends: baseline
    prompt: {template: "{{ context }} {{ question }}"}
    retrieval:
      chunking: {method: recursive, size: 120}
      search: {method: hybrid}
      top_k: 3
  - name: rag-wide
    extends: rag
    retrieval: {top_k: 9}
  - name: closed
    extends: rag
    retrieval: null
    prompt: {template: "{{ question }}"}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "rivers.txt").write_text("The Rhine flows through Cologne.")
    (tmp_path / "questions.jsonl").write_text('{"question": "Which river flows through Cologne?"}\n')
    return tmp_path


def load(folder: Path, text: str):
    (folder / "experiment.yaml").write_text(text, encoding="utf-8")
    return load_experiment(folder / "experiment.yaml")


def test_a_file_is_read_with_all_it_names(folder: Path) -> None:
    experiment = load(folder, GOOD)
    assert experiment.project == "rivers"
    assert [document.name for document in experiment.documents] == ["rivers.txt"]
    assert experiment.evaluation_set.name == "questions"
    assert experiment.evaluation_set.examples[0].question == "Which river flows through Cologne?"
    assert experiment.metrics == ("answer_f1", "hit_rate")
    assert experiment.judge.is_builtin


def test_menus_of_web_pages_are_left_out_where_the_file_says_so(folder: Path) -> None:
    (folder / "docs" / "rivers.txt").rename(folder / "docs" / "rivers.html")
    (folder / "docs" / "rivers.html").write_text("<body><nav>Menu</nav><main><p>The Rhine flows.</p></main></body>")
    assert load(folder, GOOD).documents[0].text == "Menu\n\nThe Rhine flows."
    assert load(folder, "main_only: true\n" + GOOD).documents[0].text == "The Rhine flows."


def test_extends_merges_at_every_depth_and_null_takes_a_part_out(folder: Path) -> None:
    experiment = load(folder, GOOD)
    rag, wide = experiment.configuration("rag"), experiment.configuration("rag-wide")
    assert rag.model.max_tokens == 64
    assert (rag.prompt.system, rag.prompt.template) == ("Be short.", "{{ context }} {{ question }}")
    assert wide.retrieval is not None
    assert rag.retrieval is not None
    assert (wide.retrieval.top_k, wide.retrieval.chunking.size) == (9, 120)
    assert wide.prompt == rag.prompt
    assert experiment.configuration("closed").retrieval is None
    assert experiment.parents == {"rag": "baseline", "rag-wide": "rag", "closed": "rag"}


def test_the_name_is_no_part_of_the_fingerprint(folder: Path) -> None:
    text = GOOD + "  - name: again\n    extends: rag-wide\n"
    experiment = load(folder, text)
    prints = {c.name: c.fingerprint for c in experiment.configurations}
    assert prints["again"] == prints["rag-wide"]
    assert prints["closed"] == prints["baseline"]
    assert len(set(prints.values())) == 3


def test_what_is_left_out_has_defaults(folder: Path) -> None:
    experiment = load(folder, "evaluation_set: questions.jsonl\nconfigurations: [{name: a}]\n")
    assert experiment.project == "experiment"
    assert experiment.metrics == DEFAULT_METRICS
    assert experiment.judge.is_builtin
    assert experiment.documents == ()


def test_paths_are_relative_to_the_file_else_to_the_current_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (folder / "deep").mkdir()
    (folder / "deep" / "e.yaml").write_text(GOOD)
    assert len(load_experiment(Path("deep/e.yaml")).documents) == 1


def test_endpoints_may_stand_in_the_file_but_never_a_key(folder: Path) -> None:
    named = GOOD + "endpoints:\n  local: {base_url: 'http://127.0.0.1:9/v1', prices: {'*': {prompt: 1}}}\n"
    assert load(folder, named).endpoints["local"].base_url == "http://127.0.0.1:9/v1"
    with pytest.raises(BadInput, match="endpoint 'local' holds a key"):
        load(folder, GOOD + "endpoints:\n  local: {base_url: 'http://127.0.0.1:9/v1', api_key: sk-123}\n")


def replaced(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new, 1)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (replaced("metrics:", "metrix:"), 5, r"metrix is not known \(did you mean metrics\?\); known are: project,"),
        (replaced("top_k: 3", "topk: 3"), 16, r"rag\.retrieval\.topk is not known \(did you mean top_k\?\)"),
        (
            replaced("    extends: baseline", "    extend: baseline"),
            11,
            r"rag\.extend is not known \(did you mean extends\?\)",
        ),
        (
            replaced("method: hybrid", "method: hybird"),
            15,
            r"rag\.retrieval\.search\.method is 'hybird', but must be one of 'dense', 'bm25'",
        ),
        (replaced("method: recursive", "method: clever"), 14, r"rag\.retrieval\.chunking\.method is 'clever'"),
        (
            replaced("max_tokens: 64", "max_tokens: many"),
            8,
            r"baseline\.model\.max_tokens is 'many', but should be a valid integer",
        ),
        (
            replaced("temperature: 0", "temperature: -1"),
            8,
            r"baseline\.model\.temperature is -1, but should be greater than or equal to 0",
        ),
        (
            replaced("size: 120", "size: 120, overlap: 120"),
            14,
            r"rag\.retrieval\.chunking: overlap 120 must be smaller",
        ),
        (replaced("answer_f1", "answer_f2"), 5, r"no metric named answer_f2 \(did you mean answer_f1\?\)"),
        (replaced("answer_f1, hit_rate", "hit_rate, hit_rate"), 5, "hit_rate stands here a second time"),
        (replaced("judge: builtin", "judge: gpt"), 4, r"judge is 'builtin' or \{endpoint: NAME"),
        (
            replaced("extends: rag\n    retrieval: {", "extends: ragg\n    retrieval: {"),
            18,
            r"extends names 'ragg', .* \(did you mean rag\?\)",
        ),
        (replaced("extends: baseline", "extends: rag-wide"), 18, "extends runs in a circle through 'rag'"),
        (replaced("name: rag-wide", "name: rag"), 17, "two configurations named rag"),
        (replaced("documents: [docs]", "documents: [dogs]"), 2, "dogs does not exist"),
        (replaced("questions.jsonl", "nowhere.jsonl"), 3, r"nowhere\.jsonl does not exist"),
        (replaced("evaluation_set: questions.jsonl\n", ""), 1, "evaluation_set is missing"),
        (
            replaced("project: rivers\n", "project: rivers\nproject: lakes\n"),
            2,
            "the key project stands here a second time",
        ),
        (
            replaced("top_k: 3", "top_k: 3\n      search: {method: dense}"),
            17,
            "the key search stands here a second time",
        ),
        (replaced("documents: [docs]", "documents: [docs"), 3, "this is not valid YAML"),
        (replaced("- name: baseline\n", "- baseline\n  - name: x\n"), 7, "a configuration is a mapping with a name"),
        (replaced("project: rivers", "project: !!python/object:os.system rivers"), 1, "this is not valid YAML"),
        (replaced('template: "{{ question }}"}\n  - name: rag', 'extract: "(["}\n  - name: rag'), 9, "extract"),
        ("- a\n- b\n", 1, "an experiment file is a mapping"),
        ("", 1, "an experiment file is a mapping"),
        ("a: &a [*a]\n", 1, "nested too deeply, or repeats itself"),
        ("configurations: []\nevaluation_set: questions.jsonl\n", 1, r"configurations is empty\.$"),
        (replaced("name: rag-wide", "name: ''"), 17, r"configurations\.2\.name is empty\.$"),
        (replaced("metrics: [", "metrics: exact_match #["), 5, "metrics is 'exact_match', but should be a list"),
        (GOOD + "endpoints:\n  a: {base_url: 'http://a/v1'}\n  b: {base_url: nowhere}\n", 26, "'b': base_url must be"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(folder: Path, text: str, line: int, words: str) -> None:
    with pytest.raises(BadInput, match=words) as error:
        load(folder, text)
    assert str(error.value).startswith(f"experiment.yaml line {line}: ")
    assert "\n" not in str(error.value)


def test_an_error_in_an_inherited_part_is_told_where_it_stands(folder: Path) -> None:
    with pytest.raises(BadInput, match=r"line 8: baseline\.model\.max_tokens"):
        load(folder, replaced("max_tokens: 64", "max_tokens: 0"))


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"project: \xff\xfe", "is not UTF-8"), (b"a:\nb: \x07", "line 2: .* character that YAML does not allow")],
)
def test_a_file_that_is_no_text_is_told(folder: Path, content: bytes, words: str) -> None:
    (folder / "experiment.yaml").write_bytes(content)
    with pytest.raises(BadInput, match=words):
        load_experiment(folder / "experiment.yaml")


def test_a_missing_file_a_folder_and_a_huge_file_are_told(folder: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.yaml does not exist"):
        load_experiment(folder / "none.yaml")
    with pytest.raises(BadInput, match="is a folder"):
        load_experiment(folder)
    (folder / "huge.yaml").write_text("#" * 5_000_001)
    with pytest.raises(BadInput, match="larger than 5 MB"):
        load_experiment(folder / "huge.yaml")


def test_aliases_that_multiply_are_refused(folder: Path) -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    for this, below in zip("bcdefg", "abcdef", strict=True):
        bomb += f"{this}: &{this} [{', '.join([f'*{below}'] * 10)}]\n"
    with pytest.raises(BadInput, match="repeats itself too often"):
        load(folder, bomb)


def test_anchors_and_merge_keys_work(folder: Path) -> None:
    text = GOOD + "  - name: merged\n    model: &m {max_tokens: 5}\n  - name: other\n    model: {<<: *m, seed: 1}\n"
    assert load(folder, text).configuration("other").model.max_tokens == 5


def test_the_sample_files_can_be_read() -> None:
    folder = Path(__file__).parents[3] / "sample_data"
    for name in ("experiment.yaml", "experiment.zh.yaml"):
        experiment = load_experiment(folder / name)
        assert len(experiment.configurations) == 3
        assert experiment.evaluation_set.examples
