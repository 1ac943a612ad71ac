"""Question files as other tools and data sets write them."""

import json

import pytest

from llmopt_core.documents.question_columns import NoQuestionColumn
from llmopt_core.documents.questions import read_questions
from llmopt_core.errors import BadInput
from llmopt_core.types import Document, Example, Span

CONTEXT = "The harbour of Norvale opened in 1887. The old pier burned down in 1921, the new one in 1887."
HARBOUR = Document("harbour.txt", f"# Norvale\n\n{CONTEXT}\n")
YEAR = Span("harbour.txt", HARBOUR.text.index("1887"), HARBOUR.text.index("1887") + 4)
ASKED = "When did the harbour open?"


def read(rows: object, name: str = "q.jsonl", documents: list[Document] | None = None) -> Example:
    data = rows if isinstance(rows, bytes) else json.dumps(rows).encode()
    return read_questions(data, name, documents).evaluation_set.examples[0]


@pytest.mark.parametrize(
    "row",
    [{"question": ASKED, "answers": ["1887", "in 1887"]}, {"question": ASKED, "ground_truths": ["1887", "in 1887"]},
     {"Question": ASKED, "Answers": ["1887", "in 1887"]}, {"userInput": ASKED, "groundTruths": ["1887", "in 1887"]},
     {"question": ASKED, "answer": ["1887", "in 1887", "1887"]},
     {"question": ASKED, "reference": ["1887", "in 1887"]},
     {"question": ASKED, "reference": "1887", "right_answers": ["in 1887"]},
     {"question": ASKED, "answers": {"text": ["1887", "in 1887"], "answer_start": [33, 30]}},
     {"question": ASKED, "answers": [{"text": "1887", "answer_start": 33}, {"text": "in 1887", "answer_start": 30}]},
     {"question": ASKED, "answer": {"value": "1887", "aliases": ["in 1887"], "normalized_value": "1887"}},
     {"query": ASKED, "answers": ["1887", "in 1887"], "query_id": 7}],
)  # fmt: skip
def test_several_right_answers(row):
    assert (read(row).question, read(row).reference, read(row).right_answers) == (ASKED, "1887", ("1887", "in 1887"))


@pytest.mark.parametrize(
    "cell",
    ['["1887", "in 1887"]', "['1887', 'in 1887']", '{"text": ["1887", "in 1887"], "answer_start": [33, 30]}',
     "{'text': array(['1887', 'in 1887'], dtype=object), 'answer_start': array([33, 30], dtype=int32)}"],
)  # fmt: skip
def test_several_right_answers_in_a_cell(cell):
    quoted = cell.replace('"', '""')
    assert read(f'question,answers\n{ASKED},"{quoted}"\n'.encode(), "q.csv").right_answers == ("1887", "in 1887")


def test_a_reference_that_is_json_stays_a_text():
    for text in ('{"intent": "open"}', '["a", "b"]', "{'text': 1"):
        assert read({"question": "q", "reference": text}).right_answers == (text,)


@pytest.mark.parametrize(
    "header", ["question,Answer,Category", "QUESTION,Ground Truth,CATEGORY", "Query,answers,category"]
)
def test_capitalised_headers(header):
    example = read(f"{header}\n{ASKED},1887,dates\n".encode(), "caps.csv")
    assert (example.question, example.reference, example.category) == (ASKED, "1887", "dates")
    assert not example.variables


def test_our_own_names_come_first():
    example = read({"question": "q", "Question": "Q", "reference": "r", "answer": "a"})
    assert (example.question, example.reference) == ("q", "r")
    assert example.variables == {"Question": "Q", "answer": "a"}


def test_an_unanswerable_question_has_no_reference():
    assert read({"question": "q", "answers": {"text": [], "answer_start": []}}).reference is None
    assert read({"query": "q", "answers": ["No Answer Present."]}).reference is None


SQUAD = {
    "version": "1.1",
    "data": [
        {"title": "Norvale", "paragraphs": [{"context": CONTEXT, "qas": [
            {"id": "a1", "question": ASKED, "answers": [{"text": "1887", "answer_start": 33}]},
            {"id": "a2", "question": "And the second pier?", "answers": [{"text": "1887", "answer_start": 88}]},
            {"id": "a3", "question": "Who?", "is_impossible": True, "answers": []}]}]}
    ],
}  # fmt: skip


@pytest.mark.parametrize("indent", [None, 1])
def test_squad(indent):
    data = json.dumps(SQUAD, indent=indent).encode()
    questions = read_questions(data, "dev.json", [Document("other.md", "Nothing."), HARBOUR])
    first, second, third = questions.evaluation_set.examples
    assert (questions.evaluation_set.name, first.id, first.question, first.reference) == ("dev", "a1", ASKED, "1887")
    assert first.references == (YEAR,)
    later = HARBOUR.text.rindex("1887")
    assert second.references == (Span("harbour.txt", later, later + 4),)
    assert (third.reference, third.references) == (None, ())
    assert first.variables["title"] == "Norvale"


def test_the_paragraph_may_stand_in_none_of_the_documents():
    row = {"id": "a1", "context": CONTEXT, "question": ASKED, "answers": {"text": ["1887"], "answer_start": [33]}}
    questions = read_questions(json.dumps(row).encode(), "hf.jsonl", [Document("other.md", "Nothing.")])
    assert questions.evaluation_set.examples[0].references == ()
    assert any("1 of 1 questions bring a paragraph that stands in none" in note for note in questions.notes)
    assert read(row, "hf.jsonl", [HARBOUR]).references == (YEAR,)


@pytest.mark.parametrize(
    "row",
    [{"query": "when", "query_id": 7, "answers": ["1887"],
      "passages": {"is_selected": [0, 1], "passage_text": ["Something else.", CONTEXT]}},
     {"query": "when", "passages": [{"is_selected": 1, "passage_text": CONTEXT}]},
     {"user_input": "when", "reference": "1887", "reference_contexts": [CONTEXT]}],
)  # fmt: skip
def test_passages_that_hold_the_answer_are_its_source(row):
    start = HARBOUR.text.index(CONTEXT)
    assert read(row, "m.jsonl", [HARBOUR]).references == (Span("harbour.txt", start, start + len(CONTEXT)),)


@pytest.mark.parametrize(
    "value",
    [[{"question": ASKED, "answer": "1887"}], {"data": [{"question": ASKED, "answer": "1887"}]},
     {"question": [ASKED], "answer": ["1887"]}, {"question": {"0": ASKED}, "answer": {"0": "1887"}},
     {"features": [{"name": "question"}], "rows": [{"row_idx": 0, "row": {"question": ASKED, "answer": "1887"}}]},
     [{"input": ASKED, "expected_output": "1887"}], {"question": ASKED, "answer": "1887"},
     {"_id": "x", "text": ASKED, "metadata": {}, "answer": "1887"}],
)  # fmt: skip
@pytest.mark.parametrize("indent", [None, 2])
def test_one_json_value(value, indent):
    example = read(json.dumps(value, indent=indent).encode(), "q.json")
    assert (example.question, example.reference) == (ASKED, "1887")


def test_columns_that_look_like_answers_are_named():
    def unused(header: str, row: str) -> tuple[str, ...]:
        return read_questions(f"{header}\n{row}\n".encode(), "q.csv").unused_columns

    assert unused("question,Antwort,level", "q,1887,2") == ("Antwort",)
    assert unused("question,label", "q,1887") == ("label",)
    assert unused("question,reference,label,incorrect_answers,answer_type", "q,1887,a,b,c") == ()
    assert unused("question,reference,answers", "q,1887,1888") == ("answers",)
    questions = read_questions(b"question,Antwort\nq,1887\n", "q.csv")
    assert any("`Antwort` looks like an answer and is not used" in note for note in questions.notes)


def test_the_user_says_what_columns_mean():
    data = b"Frage,Antwort,Nr,Datei,Zitat\nWann?,1887,7,harbour.txt,opened in 1887\n"
    with pytest.raises(
        NoQuestionColumn, match=r"q\.csv line 1: the column `question` is missing; found Frage"
    ) as error:
        read_questions(data, "q.csv", [HARBOUR])
    assert error.value.columns == ("Frage", "Antwort", "Nr", "Datei", "Zitat")
    columns = {"question": "Frage", "reference": "Antwort", "id": "Nr", "document": "Datei", "quote": "Zitat"}
    (example,) = read_questions(data, "q.csv", [HARBOUR], columns=columns).evaluation_set.examples
    assert (example.id, example.question, example.reference) == ("7", "Wann?", "1887")
    assert HARBOUR.text[example.references[0].start : example.references[0].end] == "opened in 1887"
    assert example.variables == {}
    rows = b'{"Frage": "Wann?"}\n{"Frage": "Wo?"}'
    with pytest.raises(NoQuestionColumn, match="found Frage"):
        read_questions(rows, "q.jsonl")
    assert len(read_questions(rows, "q.jsonl", columns={"question": "Frage"}).evaluation_set.examples) == 2


@pytest.mark.parametrize(
    ("columns", "why"),
    [({"question": "Wer"}, "no column 'Wer' for the question; found Frage"),
     ({"answer": "Antwort"}, "cannot mean 'answer'; expected one of question, reference"),
     ({"question": "Frage", "reference": "Frage"}, "'Frage' cannot mean two things")],
)  # fmt: skip
def test_what_the_user_says_may_be_wrong(columns, why):
    with pytest.raises(BadInput, match=why):
        read_questions(b"Frage,Antwort\nWann?,1887\n", "q.csv", columns=columns)


def test_good_lines_are_taken_and_bad_ones_named():
    rows = [json.dumps({"question": f"q{n}", "document": "harbour.txt", "quote": "old pier"}) for n in range(11)]
    rows.insert(4, '{"question": "", "id": "x"}')
    rows.insert(8, "{broken")
    questions = read_questions("\n".join(rows).encode(), "q.jsonl", [HARBOUR], skip_bad_lines=True)
    assert len(questions.evaluation_set.examples) == 11
    assert [(problem.line, problem.message[:19]) for problem in questions.problems] == [
        (5, "`question` is empty"), (9, "broken JSON at char"),
    ]  # fmt: skip
    assert questions.notes[0] == "line 5 was left out: `question` is empty."
    assert questions.notes[2] == "2 of 13 questions were left out."


def test_a_near_quote_is_told():
    row = {"question": "q", "document": "harbour.txt", "quote": "The harbour of Norvale opened in 1889."}
    questions = read_questions(json.dumps(row).encode(), "q.jsonl", [HARBOUR])
    assert any("line 1: the quote" in n and "1889" in n and "1887" in n and "only nearly" in n for n in questions.notes)


@pytest.mark.parametrize("bad", ['"q never closed,a', 'q,"a never closed', 'q,"a" b', '"a ""b,c'])
@pytest.mark.parametrize("at", [1, 6, 12])
def test_a_quote_that_is_never_closed_costs_its_own_line(bad: str, at: int) -> None:
    lines = ["question,answer", *(f'"q{n}, really","a{n}"' for n in range(10)), '"two\nlines",a']
    lines.insert(at, bad)
    questions = read_questions("\n".join(lines).encode(), "q.csv", skip_bad_lines=True)
    assert [example.question for example in questions.evaluation_set.examples] == [
        *(f"q{n}, really" for n in range(10)), "two\nlines"]  # fmt: skip
    (problem,) = questions.problems
    assert problem.line == "\n".join(lines).split("\n").index(bad) + 1
    assert problem.message.startswith("not readable as CSV (")


@pytest.mark.parametrize(
    "row",
    [
        {"choices": ["1712", "1887"], "answer": 1},
        {"options": ["1712", "1887"], "answer": "B"},
        {"choices": {"text": ["1712", "1887"], "label": ["1", "2"]}, "answerKey": "2"},
        {"choices": ["1712", "1887"], "answer": "1887"},
        {"choices": ["1712", "1887"], "answer": "1"},
        {"choices": ["1712", "1887"], "answer": " 1 "},
        {"choices": ["1712", "1887"], "answer": 1.0},
        {"choices": ["1712", "1887"], "answer": "1.0"},
        {"choices": ["1712", "1887"], "answerKey": "1"},
        {"choices": "['1712', '1887']", "answer": "1"},
        {"choices": '{"text": ["1712", "1887"], "label": ["A", "B"]}', "answer": "B"},
        {"choices": {"text": ["1712", "1887"], "label": ["1", "2"]}, "answer": "2"},
        {"choices": {"text": ["1712", "1887"], "label": ["1", "2"]}, "answer": 2},
    ],
)
def test_the_number_or_letter_of_a_choice_becomes_its_words(row):
    questions = read_questions(json.dumps({"question": ASKED, **row}).encode(), "q.jsonl")
    assert questions.evaluation_set.examples[0].right_answers == ("1887",)
    assert questions.notes == ()


def test_the_number_of_a_choice_in_a_table_becomes_its_words():
    table = 'question,choices,answer\nWhen?,"[\'1712\', \'1887\']",1\nWho?,"[""Ada"", ""Bob""]",0\n'
    examples = read_questions(table.encode(), "q.csv").evaluation_set.examples
    assert [example.reference for example in examples] == ["1887", "Ada"]


@pytest.mark.parametrize("answer", ["2", "-1", "1.5", "١", "1 and 2", "C", "9" * 30])
def test_what_names_no_choice_stays_the_answer(answer):
    assert read({"question": "When?", "choices": ["1712", "1887"], "answer": answer}).reference == answer


def test_near_quotes_in_a_list_are_told_by_their_entry():
    row = {"question": "q", "document": "harbour.txt", "quote": "The harbour of Norvale opened in 1889."}
    questions = read_questions(json.dumps([{"question": "a"}, row]).encode(), "q.json", [HARBOUR])
    assert any(note.startswith("entry 2: the quote") for note in questions.notes)


def test_a_number_that_may_be_a_choice_itself_is_taken_as_it_is():
    assert read({"question": "How many?", "choices": ["1", "2", "3"], "answer": 2}).reference == "2"


@pytest.mark.parametrize("copies", [1, 2])
def test_a_question_that_is_an_object_with_its_text(copies):
    row = json.dumps({"question": {"text": ASKED, "tokens": ["When"]}, "answer": ["1887"]}) + "\n"
    examples = read_questions((row * copies).encode(), "q.jsonl").evaluation_set.examples
    assert [(one.question, one.reference) for one in examples] == [(ASKED, "1887")] * copies


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"', "SEP=;"])
def test_a_line_that_names_the_separator_is_no_header(line):
    questions = read_questions(
        f"{line}\nquestion;answer\n{ASKED};1887\nWho?;a;b\n".encode(), "q.csv", skip_bad_lines=True
    )
    assert [one.reference for one in questions.evaluation_set.examples] == ["1887"]
    assert [problem.line for problem in questions.problems] == [4]
    with pytest.raises(NoQuestionColumn, match=r"q\.csv line 2: .*found Frage, Antwort"):
        read_questions(f"{line}\nFrage;Antwort\nWann?;1887\n".encode(), "q.csv")


def test_lists_written_as_text_under_one_answer_are_told():
    questions = read_questions(b"question,answer\nWhen?,\"['1887', 'in 1887']\"\nWho?,\"['the duke']\"\n", "q.csv")
    assert questions.evaluation_set.examples[0].reference == "['1887', 'in 1887']"
    assert "list written as text" in questions.notes[0]
    mixed = read_questions(b"question,answer\nWhen?,\"['1887']\"\nWho?,the duke\n", "q.csv")
    assert mixed.notes == ()


def test_the_column_of_an_empty_question_is_named():
    with pytest.raises(BadInput, match=r"line 1: `input` is empty"):
        read_questions(b'{"instruction": "When?", "input": "", "output": "1887"}\n{"input": ""}\n', "q.jsonl")
