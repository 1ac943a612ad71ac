"""`llmopt questions`, and parts of sets in `evaluate`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.stub_endpoint import StubEndpoint

from .conftest import Command


def write_questions(path: Path, count: int = 20) -> Path:
    rows = [
        {"id": f"q{i}", "question": f"What is the price of thing number {i}?", "reference": str(i)}
        for i in range(count)
    ]
    rows = [{**row, "category": "ab"[i % 2]} for i, row in enumerate(rows)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_dataset(folder: Path) -> Path:
    (folder / "qrels").mkdir(parents=True)
    corpus = [{"_id": f"d{i}", "title": f"Thing {i}", "text": f"Thing {i} costs {i} euros."} for i in range(12)]
    queries = [{"_id": f"q{i}", "text": f"What is the price of thing number {i}?"} for i in range(12)]
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, corpus)))
    (folder / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)))
    lines = ["query-id\tcorpus-id\tscore", *(f"q{i}\td{i // 2}\t1" for i in range(12))]
    (folder / "qrels" / "test.tsv").write_text("\n".join(lines))
    return folder


def test_a_file_becomes_a_set_and_a_second_one_its_next_version(inside: Command, tmp_path: Path) -> None:
    write_questions(tmp_path / "prices.jsonl", 3)
    first = inside("questions", "import", "prices.jsonl", "--project", "shop", "--json").json()
    assert (first["set"], first["questions"], first["changes"]) == ("prices", 3, None)
    write_questions(tmp_path / "prices.jsonl", 4)
    second = inside("questions", "import", "prices.jsonl", "--project", "shop", "--json").json()
    assert second["changes"] == "1 added, 3 as before"
    listed = inside("questions", "list", "--project", "shop", "--versions", "--json").json()["sets"]
    assert [(row["version"], row["questions"]) for row in listed] == [(second["version"], 4), (first["version"], 3)]


def test_a_data_set_brings_its_corpus_and_is_split_by_document(inside: Command, tmp_path: Path) -> None:
    write_dataset(tmp_path / "things")
    imported = inside("questions", "import", "things", "--project", "shop", "--json").json()
    assert (imported["set"], imported["questions"], imported["documents"]) == ("things", 12, 12)
    made = inside("questions", "split", "things", "--project", "shop", "--json").json()
    assert sum(made["sizes"].values()) == 12
    # Two questions to a document.
    assert all(made["parts"][f"q{i}"] == made["parts"][f"q{i + 1}"] for i in range(0, 12, 2))


def test_three_files_are_a_data_set_too(inside: Command, tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "things")
    files = [folder / "queries.jsonl", folder / "qrels" / "test.tsv", folder / "corpus.jsonl"]
    done = inside("questions", "import", *files, "--project", "shop", "--name", "prices", "--json")
    assert (done.json()["set"], done.json()["documents"]) == ("prices", 12)


def test_documents_and_paragraphs_come_along(inside: Command, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "pier.txt").write_text("The pier opened in 1887.")
    row = {"question": "When?", "reference": "1887", "references": [{"document": "pier.txt", "quote": "1887"}]}
    (tmp_path / "q.jsonl").write_text(json.dumps(row))
    refused = inside("questions", "import", "q.jsonl", "--project", "town")
    assert (refused.code, inside("project", "list", "--json").json()) == (2, {"projects": []})
    done = inside("questions", "import", "q.jsonl", "--project", "town", "--documents", "docs", "--json").json()
    assert (done["questions"], done["documents"], done["notes"]) == (1, 1, [])
    row = {
        "question": "When?",
        "answers": {"text": ["1887"], "answer_start": [19]},
        "context": "The pier opened in 1887.",
    }
    (tmp_path / "hf.jsonl").write_text(json.dumps(row))
    done = inside("questions", "import", "hf.jsonl", "--project", "hf", "--paragraphs", "--json").json()
    assert (done["documents"], done["notes"]) == (1, [])
    inside("questions", "export", "hf", "--project", "hf", "--out", "out.jsonl")
    assert json.loads((tmp_path / "out.jsonl").read_text())["references"] == [
        {"document": "hf-001.txt", "start": 19, "end": 23}
    ]


def test_an_exported_set_comes_back_as_the_same_version_with_the_same_parts(inside: Command, tmp_path: Path) -> None:
    write_questions(tmp_path / "prices.jsonl")
    before = inside("questions", "import", "prices.jsonl", "--project", "shop", "--json").json()
    made = inside("questions", "split", "prices", "--project", "shop", "--seed", 5, "--json").json()
    inside("questions", "export", "prices", "--project", "shop", "--out", "out/prices.jsonl")
    after = inside("questions", "import", "out/prices.jsonl", "--project", "other", "--json").json()
    assert after["version"] == before["version"]
    there = inside("questions", "split", "prices", "--project", "other", "--json").json()
    assert there["parts"] == made["parts"]
    part = inside("questions", "export", "prices, confirm", "--project", "shop", "--out", "part.jsonl", "--json").json()
    rows = [json.loads(line) for line in (tmp_path / "part.jsonl").read_text().splitlines()]
    assert {row["split"] for row in rows} == {"confirm"}
    assert part["questions"] == len(rows) == made["sizes"]["confirm"]


def test_a_split_set_keeps_its_split_unless_it_is_split_again(inside: Command, tmp_path: Path) -> None:
    write_questions(tmp_path / "prices.jsonl")
    inside("questions", "import", "prices.jsonl", "--project", "shop")
    split = ("questions", "split", "prices", "--project", "shop", "--json")
    first = inside(*split).json()
    again = inside(*split, "--seed", 9)
    assert again.json()["parts"] == first["parts"]
    assert "prices is split already" in again.errors
    other = inside(*split, "--seed", 9, "--shares", "80,20,0", "--again").json()
    assert other["sizes"] == {"search": 16, "confirm": 4, "never seen": 0}
    inside("questions", "split", "prices", "--project", "shop", "--remove")
    assert inside("questions", "list", "--project", "shop", "--json").json()["sets"][0]["split"] is None


def test_a_file_is_split_into_a_file(inside: Command, tmp_path: Path) -> None:
    write_questions(tmp_path / "prices.jsonl", 8)
    done = inside("questions", "split", "prices.jsonl", "--out", "split.jsonl")
    assert done.code == 0
    assert "search  confirm  never seen" in done.out
    rows = [json.loads(line) for line in (tmp_path / "split.jsonl").read_text().splitlines()]
    assert sorted(row["split"] for row in rows) == ["confirm"] * 2 + ["never seen"] * 2 + ["search"] * 4
    parts = {row["id"]: row["split"] for row in rows}
    assert inside("questions", "split", "split.jsonl", "--seed", 8, "--json").json()["parts"] == parts
    assert inside("questions", "split", "split.jsonl", "--seed", 8, "--again", "--json").json()["parts"] != parts


def test_versions_are_compared_by_name_and_hash_and_files_by_path(inside: Command, tmp_path: Path) -> None:
    one = write_questions(tmp_path / "prices.jsonl", 3)
    first = inside("questions", "import", one, "--project", "shop", "--json").json()["version"]
    changed = one.read_text().replace('"reference": "1"', '"reference": "one"').replace('"id": "q0"', '"id": "z0"')
    (tmp_path / "new.jsonl").write_text(changed)
    inside("questions", "import", "new.jsonl", "--project", "shop", "--name", "prices")
    found = inside("questions", "diff", f"prices@{first[:6]}", "prices", "--project", "shop", "--json").json()
    assert found["summary"] == "2 changed (1 id, 1 reference answer), 1 as before"
    assert found["changed"][1]["changes"] == [{"field": "reference answer", "before": "1", "after": "one"}]
    assert inside("questions", "diff", "prices", "--project", "shop", "--json").json()["summary"] == found["summary"]
    files = inside("questions", "diff", "prices.jsonl", "new.jsonl")
    assert "reference answer: 1 -> one" in files.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("import", "gone.jsonl", "--project", "shop"), "gone.jsonl"),
        (("import", "gone.zip", "--project", "shop"), "gone.zip"),
        (("list", "--project", "nowhere"), "There is no project named nowhere."),
        (("split", "prices", "--project", "shop", "--shares", "50,50"), "three whole numbers that make 100"),
        (("split", "prices", "--project", "shop", "--shares", "a,b,c"), "--shares: expected three whole numbers"),
        (("split", "prices, confirm", "--project", "shop"), "There is no evaluation set named prices, confirm"),
        (("split", "gone.jsonl"), "gone.jsonl does not exist"),
        (("diff", "prices", "--project", "shop"), "prices has one version only"),
        (("diff", "prices@abcdef", "prices", "--project", "shop"), "prices has no version abcdef; there are: "),
        (("diff", "prices.jsonl"), "Name two question files, or a set with --project."),
        (("export", "gone", "--project", "shop", "--out", "x.jsonl"), "There is no evaluation set named gone"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_one_line(
    inside: Command, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    write_questions(tmp_path / "prices.jsonl", 6)
    inside("questions", "import", "prices.jsonl", "--project", "shop")
    done = inside("questions", *arguments)
    assert done.code == 2
    assert message in done.complaint


def test_a_file_that_cannot_be_read_leaves_no_project(inside: Command, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text('{"q": 1}\n')
    assert inside("questions", "import", "bad.jsonl", "--project", "shop").code == 2
    assert inside("project", "list", "--json").json() == {"projects": []}


# --- parts in `evaluate`


def test_a_part_is_asked_by_the_option_and_by_the_file(inside: Command, experiment: Path, stub: StubEndpoint) -> None:
    command = ("evaluate", experiment, "-q", "--configuration", "baseline", "--json")
    done = inside(*command, "--split", "confirm")
    found = done.json()["evaluation_set"]
    assert (found["name"], found["size"], found["split"]) == ("questions, confirm", 3, "confirm")
    assert "questions, confirm: 3 of 12 questions (6 search, 3 confirm, 3 never seen)" in done.errors
    experiment.write_text(
        experiment.read_text().replace(
            "evaluation_set: questions.jsonl", "evaluation_set: {file: questions.jsonl, split: never-seen}"
        )
    )
    by_file = inside(*command).json()["evaluation_set"]
    assert (by_file["name"], by_file["size"]) == ("questions, never seen", 3)
    # The option goes over the file.
    assert inside(*command, "--split", "all").json()["evaluation_set"]["size"] == 12


def test_a_set_that_is_split_is_asked_its_search_part_and_never_more_by_itself(
    inside: Command, experiment: Path, stub: StubEndpoint
) -> None:
    command = ("evaluate", experiment, "-q", "--configuration", "baseline", "--json")
    whole = inside(*command).json()["evaluation_set"]
    assert (whole["name"], whole["size"], "split" in whole) == ("questions", 12, False)
    inside("questions", "split", "questions", "--project", "rivers", "--seed", 3)
    done = inside(*command)
    assert done.json()["evaluation_set"]["name"] == "questions, search"
    assert "choose another part with --split" in done.errors
    # The whole set stays what the project knows; the part is no set of its own.
    listed = inside("questions", "list", "--project", "rivers", "--json").json()["sets"]
    assert [(row["name"], row["questions"]) for row in listed] == [("questions", 12)]


def test_the_parts_are_those_of_the_file(inside: Command, experiment: Path, stub: StubEndpoint, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (tmp_path / "questions.jsonl").read_text().splitlines()]
    parts = ["search"] * 7 + ["confirm"] * 4 + ["never seen"]
    rows = [row | {"split": part} for row, part in zip(rows, parts, strict=True)]
    (tmp_path / "questions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    done = inside("evaluate", experiment, "-q", "--configuration", "baseline", "--split", "confirm", "--json")
    assert [one["example_id"] for one in done.json()["runs"][0]["records"]] == ["q7", "q8", "q9", "q10"]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{file: questions.jsonl, split: dev}", "line 2: evaluation_set.split: 'dev' is no part of a split"),
        ("{file: questions.jsonl, spilt: confirm}", "evaluation_set has no key 'spilt' (did you mean split?)"),
        ("{split: confirm}", "line 2: evaluation_set.file is missing"),
        ("{file: gone.jsonl, split: confirm}", "gone.jsonl does not exist"),
    ],
)
def test_a_wrong_choice_names_file_and_line(inside: Command, experiment: Path, value: str, message: str) -> None:
    experiment.write_text(experiment.read_text().replace("evaluation_set: questions.jsonl", f"evaluation_set: {value}"))
    done = inside("evaluate", experiment, "-q")
    assert done.code == 2
    assert message in done.complaint


def test_an_empty_part_is_refused_before_anything_is_asked(
    inside: Command, experiment: Path, stub: StubEndpoint
) -> None:
    inside("evaluate", experiment, "-q", "--configuration", "baseline", "--limit", 1)
    calls = stub.calls
    inside("questions", "split", "questions", "--project", "rivers", "--shares", "60,40,0")
    done = inside("evaluate", experiment, "-q", "--split", "never-seen")
    assert (done.code, stub.calls) == (2, calls)
    assert "questions has no questions in the part never seen" in done.complaint
