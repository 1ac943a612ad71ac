"""`llmopt retrieve` and `llmopt ablate` as processes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.stub_endpoint import StubEndpoint

from .conftest import Command

TEXT = """\
The Rhine flows through Cologne and ends in the North Sea.

The Danube flows through Vienna and ends in the Black Sea.

The Elbe flows through Dresden and ends near Hamburg.
"""


@pytest.fixture
def rivers(tmp_path: Path, stub: StubEndpoint) -> Path:
    """An experiment on BM25 alone, whose transform asks the stub endpoint."""
    (tmp_path / "rivers.md").write_text(TEXT)
    rows = []
    for number, (town, river) in enumerate({"Cologne": "Rhine", "Vienna": "Danube", "Dresden": "Elbe"}.items()):
        start = TEXT.index(river)
        rows.append(
            f'{{"id": "q{number}", "question": "Which river flows through {town}?", "reference": "{river}", '
            f'"references": [{{"document": "rivers.md", "start": {start}, "end": {start + len(river)}}}]}}'
        )
    (tmp_path / "questions.jsonl").write_text("\n".join(rows))
    path = tmp_path / "rivers.yaml"
    path.write_text(
        f"""\
project: rivers
documents: [rivers.md]
evaluation_set: questions.jsonl
metrics: [answer_f1]
endpoints:
  stub: {{base_url: "{stub.url}"}}
  writer: {{base_url: "{stub.url}", max_retries: 0}}
configurations:
  - name: none
    model: {{endpoint: stub, name: stub-small}}
    prompt: {{template: "{{{{ question }}}}"}}
  - name: plain
    extends: none
    retrieval:
      chunking: {{size: 20}}
      embedding: {{endpoint: stub, model: stub-embedding}}
      search: {{method: bm25}}
      top_k: 1
  - name: expanded
    extends: plain
    retrieval:
      transform: {{method: multi-query, n: 1, model: {{endpoint: writer, name: stub-small}}}}
      search: {{method: bm25, threshold: 0.0}}
"""
    )
    return path


def test_leave_one_out_prints_what_each_part_does(
    llmopt: Command, inside: Command, rivers: Path, tmp_path: Path
) -> None:
    process = llmopt("ablate", rivers, "--configuration", "expanded", "--json", tmp_path / "out.json")
    assert process.code == 0, process.errors
    assert "expanded on 3 questions" in process.out
    for words in ("without multi-query", "without threshold", "MRR of 10", "tokens", "was chosen on these questions"):
        assert words in process.out
    assert "9 of 9" in process.errors
    again = inside("ablate", rivers, "--configuration", "expanded", "--json")
    values = again.json()
    assert [one["name"] for one in values["removed"]] == ["without multi-query", "without threshold"]
    transform = values["removed"][0]
    assert transform["cost"]["tokens"] > 0
    assert transform["configuration"]["retrieval"]["transform"]["method"] == "none"
    assert set(transform["gains"]["recall"]) >= {"difference", "low", "high", "p_value", "pairs", "verdict"}
    assert (tmp_path / "out.json").read_text().startswith("{")


def test_answers_are_measured_where_they_are_asked_for(inside: Command, rivers: Path) -> None:
    result = inside("ablate", rivers, "--configuration", "expanded", "--limit", 2, "--answers", "--json")
    assert result.code == 0, result.errors
    assert result.json()["leading"] == "answer_f1"
    assert result.json()["questions"] == 2


def test_a_budget_stops_it_and_a_larger_one_goes_on(inside: Command, rivers: Path, stub: StubEndpoint) -> None:
    ablate = ("ablate", rivers, "--configuration", "expanded")
    text = rivers.read_text()
    assert "prices" in inside(*ablate, "--budget-usd", 1).complaint
    priced = 'prices: {"*": {prompt: 1000, completion: 1000}}'
    rivers.write_text(text.replace("max_retries: 0", f"max_retries: 0, {priced}"))
    # Embedding is paid at the endpoint `stub`, so its price is needed as well.
    assert "none is known for stub-embedding on stub" in inside(*ablate, "--budget-usd", 1).complaint
    text = text.replace(f'stub: {{base_url: "{stub.url}"', f'stub: {{base_url: "{stub.url}", {priced}')
    rivers.write_text(text.replace("max_retries: 0", f"max_retries: 0, {priced}"))
    result = inside(*ablate, "--budget-usd", 1e-9)
    assert result.code == 3
    assert "leaves no room for the next call" in result.complaint
    requests = [request["path"] for request in stub.requests]
    assert requests == []
    # Going on without a budget, or with the same one, pays nothing.
    assert "stopped by its budget, and $0 are spent so far" in inside(*ablate).complaint
    assert inside(*ablate, "--budget-usd", 1e-9).code == 3
    assert [request["path"] for request in stub.requests] == []
    result = inside(*ablate, "--budget-usd", 100)
    assert result.code == 0
    assert re.search(r"llmopt: \$\S+ of the budget of \$100\.00 are spent, \$\S+ are left", result.errors)
    requests = [request["path"] for request in stub.requests]
    assert requests.count("/v1/chat/completions") == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--configuration", "expanded", "--budget-usd", "0"], "more than $0"),
        (["--configuration", "plain"], "plain is a plain search"),
        (["--configuration", "none"], "none has no retrieval"),
        (["--configuration", "other"], "other"),
        (["--limit", "0"], "--limit"),
    ],
)
def test_what_cannot_be_left_out_is_told(inside: Command, rivers: Path, arguments: list[str], words: str) -> None:
    result = inside("ablate", rivers, *arguments)
    assert result.code == 2
    assert words in result.complaint


def test_a_question_is_shown_stage_by_stage_with_what_was_written(inside: Command, rivers: Path) -> None:
    result = inside("retrieve", rivers, "--configuration", "expanded", "--question", "Which river is in Vienna?")
    assert result.code == 0, result.errors
    assert "rivers.md" in result.out
    transform = next(line for line in result.out.splitlines() if "multi-query" in line)
    assert "tokens" in transform
    assert result.out.splitlines()[result.out.splitlines().index(transform) + 1].strip() == "Rhine"
    values = inside(
        "retrieve", rivers, "--configuration", "expanded", "--question", "Which river is in Vienna?", "--json"
    ).json()
    stage = next(one for one in values["trace"] if one["stage"] == "transform")
    assert stage["queries"] == ["Rhine"]
    assert stage["tokens"]["prompt"] > 0


def test_a_transform_that_fails_warns_and_goes_on(inside: Command, rivers: Path, stub: StubEndpoint) -> None:
    text = rivers.read_text()
    rivers.write_text(text.replace(f'writer: {{base_url: "{stub.url}"', 'writer: {base_url: "http://127.0.0.1:9/v1"'))
    result = inside("retrieve", rivers, "--configuration", "expanded", "--question", "Which river is in Vienna?")
    assert result.code == 0, result.errors
    assert "warning: multi-query failed" in result.out
    assert "Danube" in result.out


def test_prefixes_and_window_of_an_endpoints_model_in_the_file(
    inside: Command, rivers: Path, stub: StubEndpoint
) -> None:
    text = rivers.read_text().replace("{method: bm25}", "{method: dense}")
    said = 'embeddings: {stub-embedding: {query_prefix: "ask: ", passage_prefix: "text: ", window: 8}}, max_retries: 1'
    rivers.write_text(text.replace("stub: {base_url", f"stub: {{{said}, base_url"))

    result = inside("retrieve", rivers, "--configuration", "plain", "--question", "Which river is in Vienna?")

    assert result.code == 0, result.errors
    questions = [text for request in stub.requests for text in request["body"]["input"]]
    assert "ask: Which river is in Vienna?" in questions
    assert all(text.startswith(("ask: ", "text: ")) for text in questions)
    assert "llmopt: plain: " in result.errors
    assert "tokens that stub-embedding reads" in result.errors

    over = text.replace("model: stub-embedding}", 'model: stub-embedding, query_prefix: "frage: "}')
    rivers.write_text(over)
    stub.reset()
    result = inside("retrieve", rivers, "--configuration", "plain", "--question", "Which river is in Dresden?")
    assert result.code == 0, result.errors
    assert "frage: Which river is in Dresden?" in [t for r in stub.requests for t in r["body"]["input"]]


def test_a_question_longer_than_the_window_is_told(inside: Command, rivers: Path) -> None:
    text = rivers.read_text()
    rivers.write_text(text + "  - name: meaning\n    extends: none\n    retrieval: {chunking: {size: 20}, top_k: 1}\n")
    long = " ".join(f"Does river number {n} flow through the town?" for n in range(60))
    told = "meaning: The question is longer than the 254 tokens that all-MiniLM-L6-v2 reads: its last "
    result = inside("retrieve", rivers, "--configuration", "meaning", "--question", long)
    assert result.code == 0, result.errors
    assert told in result.errors
    assert "longer than" not in inside("retrieve", rivers, "--configuration", "meaning", "--question", "Why?").errors
    assert "longer than" not in inside("retrieve", rivers, "--configuration", "plain", "--question", long).errors
    (rivers.parent / "questions.jsonl").write_text(
        f'{{"question": "{long}", "reference": "x"}}\n{{"question": "Why?"}}'
    )
    done = inside("evaluate", rivers, "--configuration", "meaning")
    assert "meaning: 1 of 2 questions is longer than the 254 tokens that all-MiniLM-L6-v2 reads" in done.errors
