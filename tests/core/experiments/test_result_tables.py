"""A result as tables: everything in it, in three formats that say the same."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pandas as pd
import pytest

from llmopt_core.cli.app import run as llmopt
from llmopt_core.errors import BadInput
from llmopt_core.experiments.result_tables import result_tables
from llmopt_core.reporting.table_files import Table, table_csv, tables_zip

TABLES = ["runs", "metrics", "records", "scores", "contexts", "comparisons"]


def run(name: str, values: list[float | None], **changes: Any) -> dict[str, Any]:
    known = [value for value in values if value is not None]
    records = [
        {
            "example_id": f"q{i}", "question": f"Question {i}?", "answer": "=1+1" if i else None, "seconds": 1.5,
            "contexts": [{"document": "d.md", "start": 0, "end": 9, "text": "Text", "score": None}],
            "scores": {"exact_match": {"value": value, "explanation": "why", "failure": None}},
            "failure": None if i else {"stage": "answer", "kind": "timeout", "message": "took too long"},
        }
        for i, value in enumerate(values)
    ]  # fmt: skip
    metric = {"mean": sum(known) / len(known), "ci95": [0.1, 0.9], "scored": len(known), "total": len(values)}
    return {"configuration": name, "metrics": {"exact_match": metric}, "records": records, "cost_usd": None,
            "tokens": {"prompt": 10, "completion": None}} | changes  # fmt: skip


@pytest.fixture
def result() -> dict[str, Any]:
    runs = [run("baseline", [0.0, 1.0, None, 0.0]), run("rag", [1.0, 1.0, 1.0, 0.0])]
    return {"project": "p", "evaluation_set": {"name": "q, confirm", "version": "v"}, "judge": "j", "runs": runs}


def rows(tables: list[Table], name: str) -> list[dict[str, Any]]:
    table = next(table for table in tables if table.name == name)
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def test_everything_stands_in_the_tables_and_missing_is_no_zero(result: dict[str, Any]) -> None:
    tables = result_tables(result)
    assert [table.name for table in tables] == TABLES
    assert [len(table.rows) for table in tables] == [2, 2, 8, 8, 8, 1]
    first = rows(tables, "runs")[0]
    assert (first["cost_usd"], first["prompt_tokens"], first["completion_tokens"]) == (None, 10, None)
    assert (first["split"], first["records"]) == ("confirm", 4)
    assert rows(tables, "metrics")[0]["scored"] == 3
    assert rows(tables, "scores")[2]["value"] is None
    assert rows(tables, "records")[0]["failure_message"] == "took too long"
    comparison = rows(tables, "comparisons")[0]
    assert (comparison["a"], comparison["b"], comparison["pairs"], comparison["unit"]) == (
        "baseline", "rag", 3, "question",
    )  # fmt: skip
    assert rows(result_tables(result, "rag"), "comparisons")[0]["b"] == "baseline"


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_the_formats_say_the_same(result: dict[str, Any], tmp_path: Path, form: str) -> None:
    (tmp_path / "r.json").write_text(json.dumps(result))
    assert llmopt(["export", str(tmp_path / "r.json"), "--out", str(tmp_path / "t"), "--format", form]) == 0
    assert sorted(path.name for path in (tmp_path / "t").iterdir()) == sorted(f"{name}.{form}" for name in TABLES)
    path = tmp_path / "t" / f"scores.{form}"
    values: list[float | None]
    if form == "csv":
        matches = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
        values = [float(row["value"]) if row["value"] else None for row in matches]
    elif form == "json":
        values = [row["value"] for row in json.loads(path.read_text(encoding="utf-8"))]
    else:
        frame = pd.read_parquet(path)
        values = [None if pd.isna(value) else float(value) for value in frame["value"]]
        assert str(pd.read_parquet(tmp_path / "t" / "runs.parquet")["prompt_tokens"].dtype).lower() == "int64"
    assert values == [0.0, 1.0, None, 0.0, 1.0, 1.0, 1.0, 0.0]


def test_no_cell_of_a_csv_is_a_formula_and_the_others_keep_the_text(result: dict[str, Any]) -> None:
    tables = result_tables(result)
    records = next(table for table in tables if table.name == "records")
    assert ",'=1+1," in table_csv(records)
    archive = ZipFile(io.BytesIO(tables_zip(tables)))
    assert len(archive.namelist()) == 18
    assert json.loads(archive.read("json/records.json"))[1]["answer"] == "=1+1"
    assert pd.read_parquet(io.BytesIO(archive.read("parquet/records.parquet")))["answer"][1] == "=1+1"


def test_odd_values_and_runs_of_one_name(result: dict[str, Any]) -> None:
    odd = run("baseline", [1.0], cost_usd="free", model_calls=2**70, status=["x"])
    odd["records"][0] |= {"answer": "half \ud83d", "contexts": None}
    result["runs"].append(odd)
    tables = result_tables(result)
    assert [row["configuration"] for row in rows(tables, "runs")] == ["baseline (1)", "rag", "baseline (3)"]
    assert rows(tables, "runs")[2]["model_calls"] is None
    assert len(ZipFile(io.BytesIO(tables_zip(tables))).namelist()) == 18


def test_what_cannot_be_exported_is_told(
    result: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BadInput, match="no runs"):
        result_tables({"runs": []})
    (tmp_path / "r.json").write_text(json.dumps(result))
    for arguments, words in (
        (["--format", "xlsx"], "--format is one of csv, json, parquet, and not xlsx"),
        (["--baseline", "none"], "no configuration named none; it has: baseline, rag"),
        (["--out", str(tmp_path / "r.json")], "is a file: name a folder"),
    ):
        assert llmopt(["export", str(tmp_path / "r.json"), *arguments]) == 2
        assert words in capsys.readouterr().err
