"""Reading promptfoo files: prompts, tests, references, and what is wrong with them."""

import tracemalloc
from pathlib import Path

import pytest

from llmopt_core.errors import BadInput
from llmopt_core.interop.promptfoo import read_promptfoo
from llmopt_core.interop.promptfoo.csv_tests import assertion_in
from llmopt_core.interop.promptfoo.exporter import export_promptfoo
from llmopt_core.interop.promptfoo.files import import_uploads
from llmopt_core.interop.promptfoo.importer import import_promptfoo

EXAMPLES = Path(__file__).parents[2] / "data" / "promptfoo"


@pytest.fixture
def read(tmp_path):
    def write(config, **files):
        (tmp_path / "promptfooconfig.yaml").write_text(config, encoding="utf-8")
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("_DOT_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return read_promptfoo(tmp_path)

    return write


def test_the_published_examples_are_read():
    support = read_promptfoo(EXAMPLES / "eval-customer-support-rubric")
    assert [p.spec.template for p in support.prompts] == ["{{reply}}"]
    assert len(support.tests) == 8
    assert [len(test.assertions) for test in support.tests] == [5] * 8
    assert support.tests[0].name == "ES refund ticket answered in Spanish"
    assert support.tests[0].metadata == {"severity": "high"}
    assert [test.threshold for test in support.tests] == [None, None, None, 0, 0, None, 0, None]
    assert support.tests[0].grader == "openai:gpt-4.1-mini"

    rag = read_promptfoo(EXAMPLES / "eval-rag" / "promptfooconfig.yaml")
    assert rag.tests[0].variables["context"].startswith("**Acme Inc.")
    assert rag.tests[0].problems == ()
    assert "docs/maternity.md is not there" in rag.tests[1].problems[0]

    grading = read_promptfoo(EXAMPLES / "eval-self-grading")
    assert [p.label for p in grading.prompts] == ["prompts.txt 1", "prompts.txt 2"]
    assert grading.prompts[1].spec.template.startswith("You're a smart, bubbly")


def test_every_form_of_a_prompt(read):
    file = read(
        """
prompts:
  - 'Say {{ x }}'
  - file://p/one.txt
  - p/many.txt
  - id: file://chat.json
    label: chat
  - {raw: 'Raw {{ y | dump }}', label: raw}
  - file://p/*.md
  - file://rows.csv
""",
        p__one_DOT_txt="One {{ x }}\n",
        p__many_DOT_txt="A\n---\nB -- {{ x }} ---\n---\n",
        p__m_DOT_md="# M",
        chat_DOT_json='[{"role": "system", "content": "S {{ x }}"}, {"role": "user", "content": "U1"},'
        ' {"role": "assistant", "content": "A1"}, {"role": "user", "content": "{{ q }}"}]',
        rows_DOT_csv='prompt,label\n"Row {{ x }}",first\nOther,\n',
    )
    values = {p.label: p.spec.template for p in file.prompts}
    assert values == {
        "Say {{ x }}": "Say {{ x }}",
        "one.txt": "One {{ x }}",
        "many.txt 1": "A",
        "many.txt 2": "B -- {{ x }} ---",
        "chat": "{{ q }}",
        "raw": "Raw {{ y | dump }}",
        "m.md": "# M",
        "first": "Row {{ x }}",
        "rows.csv 2": "Other",
    }
    chat = next(p.spec for p in file.prompts if p.label == "chat")
    assert chat.system == "S {{ x }}"
    assert chat.few_shot.examples == ({"question": "U1", "answer": "A1"},)


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        ("file://make.py:prompt", "code"),
        ("file://make.js", "code"),
        ("exec:./run.sh", "exec"),
        ("langfuse://x:1", "langfuse"),
        ("file://gone.txt", "not there"),
        ("file://*.gone", "matches"),
        ("file:///etc/passwd", "outside"),
        ("file://../../etc/passwd", "outside|not there"),
        ("{{ open", "not valid Jinja2"),
        ("{{ x | nofilter }}", "nofilter"),
        ('[{"role": "user", "content": [{"type": "image_url"}]}]', "something else than text"),
        ('[{"role": "assistant", "content": "x"}]', "take turns"),
        ('[{"role": "user", "content": "{{a}}"}, {"role": "assistant", "content": "b"},'
         ' {"role": "user", "content": "c"}]', "earlier turns"),
    ],
)  # fmt: skip
def test_a_prompt_that_cannot_be_used_says_why(read, prompt, reason):
    import json
    import re

    (result,) = read(f"prompts: [{json.dumps(prompt)}]").prompts
    assert result.spec is None
    assert re.search(reason, result.problem)


def test_tests_from_yaml_json_jsonl_and_csv(read):
    file = read(
        """
prompts: ['{{ x }}']
defaultTest:
  vars: {tone: kind}
  assert: [{type: is-json}]
assertionTemplates:
  short: {type: word-count, value: {max: 5}}
tests:
  - vars: {x: inline, tone: rude}
    assert: [{$ref: '#/assertionTemplates/short', weight: 2}]
  - file://t/*.yaml
  - t.jsonl
  - file://t.csv
  - vars: file://vars.yaml
""",
        t__a_DOT_yaml="- vars: {x: from-yaml}\n- vars: {x: second}\n",
        t_DOT_jsonl='{"vars": {"x": "from-jsonl"}}\n\n{"vars": {"x": "last"}}\n',
        t_DOT_csv="x,__expected,__expected2,__description,__metadata:topic,__threshold\n"
        'from-csv,contains: a,"contains-any: b , c",Named,math,0.5\n',
        vars_DOT_yaml="x: from-vars\nday: 2024-01-02\n",
    )
    assert [t.variables["x"] for t in file.tests] == [
        "inline", "from-yaml", "second", "from-jsonl", "last", "from-csv", "from-vars"
    ]  # fmt: skip
    assert [t.variables["tone"] for t in file.tests] == ["rude", *["kind"] * 6]
    assert file.tests[0].assertions == ({"type": "is-json"}, {"type": "word-count", "value": {"max": 5}, "weight": 2})
    row = file.tests[5]
    assert row.assertions[1:] == ({"type": "contains", "value": "a"}, {"type": "contains-any", "value": ["b", "c"]})
    assert (row.name, row.metadata, row.threshold) == ("Named", {"topic": "math"}, 0.5)
    assert file.tests[6].variables["day"] == "2024-01-02"


def test_listed_variables_make_one_test_per_combination(read):
    file = read(
        """
prompts: ['{{ x }}']
tests:
  - vars: {x: [a, b], y: [c, d], z: same}
  - vars: {x: [a, b]}
    options: {disableVarExpansion: true}
"""
    )
    assert [(t.variables["x"], t.variables.get("y")) for t in file.tests] == [
        ("a", "c"), ("a", "d"), ("b", "c"), ("b", "d"), (["a", "b"], None)
    ]  # fmt: skip


def test_lists_of_other_things_than_texts_are_one_value(read):
    turns = "[{user: Hi}, {assistant: Hello}]"
    file = read(f"prompts: ['{{{{ x }}}}']\ntests: [{{vars: {{x: {turns}, y: [1, 2], z: [], w: [a, b]}}}}]\n")

    assert [test.variables["w"] for test in file.tests] == ["a", "b"]
    assert file.tests[0].variables["x"] == [{"user": "Hi"}, {"assistant": "Hello"}]
    assert (file.tests[0].variables["y"], file.tests[0].variables["z"]) == ([1, 2], [])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("{{ y | upper }}", "B"),
        ("{% if y %}a{% endif %}", "a"),
        ("Dear {{ who.name }}{{ who.title }}", "Dear Ann"),
        ("{% for n in many %}{{ n }};{% endfor %}", "1;2;"),
    ],
)
def test_a_variable_may_be_a_template_over_others(read, value, text):
    others = "y: b, who: {name: Ann}, many: [1, 2]"
    (test,) = read(f'prompts: ["{{{{ x }}}}"]\ntests: [{{vars: {{x: "{value}", {others}}}}}]').tests

    assert (test.variables["x"], test.problems) == (text, ())


def test_variables_name_files_and_each_other(read):
    file = read(
        """
prompts: ['{{ x }}']
tests:
  - vars: {x: '{{ greeting }}, {{name}}!', greeting: 'Hello {{ title }}', title: Dr, name: Who}
  - vars: {x: file://d/*.txt}
  - vars: {x: file://v.yaml, y: file://v.json}
""",
        d__a_DOT_txt="first\n",
        d__b_DOT_txt="second\n",
        v_DOT_yaml="[1, a]\n",
        v_DOT_json='{"b":  2}\n',
    )
    assert [t.variables["x"] for t in file.tests] == ["Hello Dr, Who!", "first", "second", '[1,"a"]']
    assert file.tests[3].variables["y"] == '{"b":  2}'
    assert not any(test.problems for test in file.tests)


@pytest.mark.parametrize(
    "value", ["{{ gone }}", "{{ env.HOME }}", "{{ y | allcaps }}", "{% if y %}a", "{{ x }}", "{{ x | upper }}"]
)
def test_a_variable_that_stays_a_template_makes_its_test_not_run(read, value):
    file = read("prompts: ['{{ x }}']\ntests: [{vars: {x: \"" + value + '", y: b}}, {vars: {x: plain}}]')
    assert "variable x: it holds a template" in file.tests[0].problems[0]
    assert file.tests[1].problems == ()


def test_a_quoted_template_is_text(read):
    (test,) = read(
        "prompts: ['{{ x }}']\ntests: [{vars: {x: '{% raw %}Say {{ y }} {% if %}{% endraw %}', y: b}}]"
    ).tests
    assert (test.variables["x"], test.problems) == ("Say {{ y }} {% if %}", ())


def test_sources_of_tests_that_are_not_read_are_named_beside_the_others(read):
    file = read(
        "prompts: ['{{ x }}']\nscenarios: [{}]\n"
        "tests: [{vars: {x: a}}, 'file://gen.py:make', {path: file://gen.js}, https://example.com/t.csv]"
    )
    assert len(file.tests) == 1
    assert list(file.not_read) == ["file://gen.py:make", "file://gen.js", "https://example.com/t.csv", "scenarios"]


def test_messages_may_stand_in_yaml_and_not_in_a_template(read):
    file = read(
        "prompts: ['file://p.txt', 'file://t.json']\ntests: [{vars: {x: a}}]",
        p_DOT_txt="- role: system\n  content: Be brief.\n- role: user\n  content: '{{ x }}'\n",
        t_DOT_json='[{% for m in x %}{"role": "user", "content": "{{ m }}"},{% endfor %}]',
    )
    assert (file.prompts[0].spec.system, file.prompts[0].spec.template) == ("Be brief.", "{{ x }}")
    assert "template that makes a list of messages" in file.prompts[1].problem


def test_a_file_without_tests_has_one(read):
    assert len(read("prompts: [hello]").tests) == 1


@pytest.mark.parametrize(
    ("cell", "assertion"),
    [
        ("Paris", {"type": "equals", "value": "Paris"}),
        ("Note: this is text", {"type": "equals", "value": "Note: this is text"}),
        ("contains: Paris", {"type": "contains", "value": "Paris"}),
        ("not-icontains:x", {"type": "not-icontains", "value": "x"}),
        ("similar(0.8):Hello there", {"type": "similar", "value": "Hello there", "threshold": 0.8}),
        ("contains-all:a, b", {"type": "contains-all", "value": ["a", "b"]}),
        ("is-json", {"type": "is-json"}),
        ("grade:is kind", {"type": "llm-rubric", "value": "is kind"}),
        ("fn:output.length", {"type": "javascript", "value": "output.length"}),
        ("javascript:output == 'a:b'", {"type": "javascript", "value": "output == 'a:b'"}),
        ("python: len(output)", {"type": "python", "value": "len(output)"}),
        ("file://check.js", {"type": "javascript", "value": "file://check.js"}),
        ("latency(500)", {"type": "latency", "threshold": 500.0}),
        ("levenshtein(5):text", {"type": "levenshtein", "value": "text", "threshold": 5.0}),
        ("regex:^a\nb", {"type": "regex", "value": "^a\nb"}),
    ],
)
def test_the_short_form_of_an_assertion(cell, assertion):
    assert assertion_in(cell) == assertion


def test_what_is_not_supported_stands_with_its_test(read):
    file = read(
        """
prompts: ['{{ x }}']
scenarios: [{}]
extensions: ['file://hook.js:before']
tests:
  - vars: {x: 'file://pic.png', y: file://code.py}
    provider: openai:gpt-4
    options: {transform: output.trim(), prefix: 'Hi '}
    assertScoringFunction: file://score.js
""",
        pic_DOT_png="x",
        code_DOT_py="x",
    )
    problems = "; ".join(file.tests[0].problems)
    for word in ("variable x", ".png", "code.py is code", "'transform'", "'prefix'", "'assertScoringFunction'",
                 "provider of its own", "'extensions'"):  # fmt: skip
        assert word in problems
    assert file.problems == ("'scenarios' is not supported", "'extensions' is not supported")


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ("prompts: [a\ntests", "line 2 is not valid YAML"),
        ("- just\n- a list", "must hold a mapping"),
        ("", "must hold a mapping"),
        ("prompts: [a]\ntests: 5", "a test must be a mapping"),
        ("prompts: [a]\ntests: [{vars: 5}]", "test 1: vars must be a mapping"),
        ("prompts: [a]\ntests: [{assert: [contains]}]", "test 1: an assertion must be a mapping"),
        ("prompts: [a]\ntests: [{assert: [{$ref: '#/x/y'}]}]", "no assertion template called 'y'"),
        ("prompts: [a]\ntests: [{threshold: high}]", "threshold must be a number"),
        ("prompts: [a]\ndefaultTest: [a]", "defaultTest must be"),
        ("prompts: [a]\nevaluateOptions: {repeat: 1000000}", "repeat must be"),
        ("prompts: [a]\ntests: [" + "{vars: {a: &l [" + "x," * 999 + "x], b: *l}}," + "]", "combine to more than"),
        ("a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
         "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n"
         "f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f]", "unfolds"),
        ("a: &a [*a]", "unfolds"),
        ("a: " + "[" * 5000, "not valid YAML"),
    ],
)  # fmt: skip
def test_broken_files_are_named(read, config, reason):
    with pytest.raises(BadInput, match=reason):
        read(config)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", "is empty"), ("a,b\n1,2,3\n", "line 2, has more cells"), ('a\n"open', "is not valid CSV")],
)
def test_broken_csv_names_the_line(read, text, reason):
    result = read("prompts: [a]\ntests: t.csv", t_DOT_csv=text)
    assert reason in result.not_read["t.csv"]
    assert [prompt.label for prompt in result.prompts] == ["a"]


def test_broken_jsonl_names_the_line(read):
    result = read("prompts: [a]\ntests: t.jsonl", t_DOT_jsonl='{"vars": {}}\n{x}\n')
    assert "line 2, is not JSON" in result.not_read["t.jsonl"]


def test_a_file_of_tests_that_is_missing_leaves_prompts_and_providers(tmp_path):
    (tmp_path / "promptfooconfig.yaml").write_text("prompts: ['Say {{ x }}']\nproviders: [echo]\ntests: gone.csv")
    result = import_promptfoo(tmp_path)

    assert [configuration.name for configuration in result.configurations] == ["Say {{ x }}"]
    assert result.not_run[0].kind == "tests"
    assert "gone.csv is not there" in result.not_run[0].reasons[0]


def test_assertions_of_a_file_are_read_and_a_missing_one_is_named_with_its_test(tmp_path):
    (tmp_path / "asserts.yaml").write_text("[{type: contains, value: yes}, {type: is-json}]")
    (tmp_path / "promptfooconfig.yaml").write_text(
        "prompts: ['Say {{ x }}']\nproviders: [echo]\ntests:\n"
        "- {vars: {x: 1}, assert: file://asserts.yaml}\n- {vars: {x: 2}, assert: [file://gone.yaml]}\n"
    )
    result = import_promptfoo(tmp_path)

    first, _ = result.evaluation_set.examples
    assert [check["type"] for check in first.variables["checks"]] == ["contains", "is-json"]
    assert [entry.name for entry in result.not_run] == ["test 2"]
    assert "its assertions cannot be read: file://gone.yaml is not there" in result.not_run[0].reasons[0]


def test_a_folder_without_a_configuration(tmp_path):
    with pytest.raises(BadInput, match=r"no promptfooconfig\.yaml"):
        read_promptfoo(tmp_path)
    with pytest.raises(BadInput, match="is not there"):
        read_promptfoo(tmp_path / "x.yaml")
    (tmp_path / "promptfooconfig.js").write_text("x")
    with pytest.raises(BadInput, match="program"):
        read_promptfoo(tmp_path / "promptfooconfig.js")


def test_files_beside_the_folder_can_be_allowed(tmp_path):
    (tmp_path / "shared.txt").write_text("Shared {{ x }}")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "promptfooconfig.yaml").write_text("prompts: ['file://../shared.txt']")
    assert "outside" in read_promptfoo(tmp_path / "sub").prompts[0].problem
    assert read_promptfoo(tmp_path / "sub", root=tmp_path).prompts[0].spec.template == "Shared {{ x }}"


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "link.txt").symlink_to(tmp_path / "secret.txt")
    (tmp_path / "sub" / "promptfooconfig.yaml").write_text("prompts: ['file://link.txt', 'file://*.txt']")
    assert all(prompt.spec is None for prompt in read_promptfoo(tmp_path / "sub").prompts)


def test_yaml_is_read_by_version_1_2(read):
    (test,) = read(
        "prompts: ['{{ a }}']\ntests:\n"
        "  - vars: {a: no, b: On, c: 12:30, d: 0x1F, e: 010, f: 1_000, g: TRUE, h: 2e3, i: ~, j: 0o17, k: 1.50,\n"
        "      l: '10', m: 2024-05-01, n: _1, o: .5, p: -7}\n"
    ).tests
    assert test.variables == {
        "a": "no", "b": "On", "c": "12:30", "d": 31, "e": 10, "f": 1000, "g": True, "h": 2000, "i": None, "j": 15,
        "k": 1.5,
        "l": "10", "m": "2024-05-01", "n": "_1", "o": 0.5, "p": -7,
    }  # fmt: skip


def test_a_number_of_thousands_of_digits_is_refused_at_once(read):
    with pytest.raises(BadInput, match="impossible value"):
        read("prompts: [a]\ntests: [{vars: {a: " + "9" * 100_000 + "}}]")


def test_markdown_and_jinja_files_are_one_prompt_each(read):
    page = "# Desk\n\n---\n\nBe brief.\n\n---\n\nGuest: {{ x }}"
    file = read(
        "prompts: [file://a.md, file://b.j2, file://c.txt]\ntests: [{vars: {x: hi}}]",
        a_DOT_md=page,
        b_DOT_j2=page,
        c_DOT_txt=page,
    )
    assert [p.spec.template for p in file.prompts] == [page, page, "# Desk", "Be brief.", "Guest: {{ x }}"]


def test_paths_are_relative_to_the_file_that_names_them(read):
    file = read(
        "prompts: ['{{ x }}']\ndefaultTest: file://base/default.yaml\ntests: ['file://t/{one,two}.yaml']",
        base__default_DOT_yaml="vars: {tone: file://tone.txt}\n",
        base__tone_DOT_txt="kind\n",
        t__one_DOT_yaml="- vars: ../shared/a.yaml\n- vars: {x: file://beside.txt}\n- vars: {x: file://base/tone.txt}\n",
        t__two_DOT_yaml="- vars: [../shared/a.yaml, ../shared/b.yaml]\n",
        t__beside_DOT_txt="beside",
        shared__a_DOT_yaml="x: from a\n",
        shared__b_DOT_yaml="x: from b\n",
    )
    assert [t.variables["x"] for t in file.tests] == ["from a", "beside", "kind", "from b"]
    assert {t.variables["tone"] for t in file.tests} == {"kind"}
    assert [t.problems for t in file.tests] == [()] * 4


@pytest.mark.parametrize("tests", ["tests.py", "gen.js:make", "t.xlsx", "https://example.com/t.csv"])
def test_tests_that_are_made_by_code_or_lie_elsewhere_are_tests_that_are_not_run(read, tests):
    (test,) = read(f"prompts: ['{{{{ x }}}}']\ntests: ['{tests}']").tests
    assert test.name == tests
    assert tests.split(":")[0] in test.problems[0]


def test_variables_and_defaults_made_by_code_concern_their_tests_alone(read):
    file = read("prompts: ['{{ x }}']\ntests: [{vars: file://gen.py}, {vars: {x: file://one.js}}, {vars: {x: a}}]")
    assert "gen.py, which is code" in file.tests[0].problems[0]
    assert "one.js is code" in file.tests[1].problems[0]
    assert file.tests[2].problems == ()
    file = read("prompts: ['{{ x }}']\ndefaultTest: file://d.mjs\ntests: [{vars: {x: a}}]")
    assert "d.mjs, which is code" in file.tests[0].problems[0]


@pytest.mark.parametrize(
    ("named", "files", "reason"),
    [
        ("file://gone.yaml", {}, "gone.yaml is not there"),
        ("file://d.yaml", {"d_DOT_yaml": "a: [b"}, "not valid YAML"),
        ("file://d.yaml", {"d_DOT_yaml": "- a\n"}, "must hold a mapping, not list"),
        ("file://pic.png", {"pic_DOT_png": "x"}, ".png"),
        ("file://../d.yaml", {}, "lies outside"),
        ("x" * 3000, {}, f"{'x' * 60!r} is no file name"),
    ],
)
def test_a_file_of_defaults_that_cannot_be_read_is_named_with_each_test(read, named, files, reason):
    file = read(
        f"prompts: ['{{{{ x }}}}']\ndefaultTest: {named}\ntests: [{{vars: {{x: a}}}}, {{vars: {{x: b}}}}]", **files
    )
    assert [p.label for p in file.prompts] == ["{{ x }}"]
    assert [test.variables for test in file.tests] == [{"x": "a"}, {"x": "b"}]
    for test in file.tests:
        (problem,) = test.problems
        assert problem.startswith("defaultTest: ")
        assert reason in problem


def test_one_line_break_at_the_end_of_a_variable_is_not_meant(read):
    (test,) = read("prompts: ['{{ x }}']\ntests:\n  - vars:\n      x: |\n        two\n        lines\n").tests
    assert test.variables["x"] == "two\nlines"


@pytest.mark.parametrize(
    ("cell", "threshold"),
    [("similar:hello", 0.8), ("similar(0.3):hello", 0.3), ("rouge-n:hello", 0.75), ("answer-relevance", 0.75),
     ("contains:hello", None)],
)  # fmt: skip
def test_a_cell_of_a_csv_has_the_threshold_that_promptfoo_assumes(cell, threshold):
    assert assertion_in(cell).get("threshold") == threshold


def test_numbers_without_end_and_question_marks_are_read_as_promptfoo_does(tmp_path: Path) -> None:
    (tmp_path / "promptfooconfig.yaml").write_text(
        "prompts: ['{{ n }} {{ q }}']\n"
        "providers: [echo]\n"
        "tests:\n"
        "  - vars: {n: .inf, q: Who came? Who went ?}\n"
        "  - vars: {n: .nan, q: [Why?, How?]}\n"
        "  - vars: {n: 1e400, q: why?, r?: 1}\n"
        "    threshold: .inf\n"
    )
    result = import_promptfoo(tmp_path)
    matches = [(e.variables["n"], e.variables["q"]) for e in result.evaluation_set.examples]
    assert matches == [
        ("Infinity", "Who came? Who went ?"), ("NaN", "Why?"), ("NaN", "How?"), ("Infinity", "why?")
    ]  # fmt: skip
    assert result.evaluation_set.examples[3].variables["r?"] == 1
    assert [entry.reasons for entry in result.not_run] == [("a threshold of Infinity is not supported",)]


def test_a_key_that_stands_twice_is_named(tmp_path: Path) -> None:
    (tmp_path / "promptfooconfig.yaml").write_text("prompts: [a]\nproviders: [echo]\nprompts: [b]\n")
    with pytest.raises(BadInput, match="the key 'prompts' stands twice"):
        import_promptfoo(tmp_path)


def test_a_csv_column_sets_the_threshold_of_an_assertion(tmp_path: Path) -> None:
    (tmp_path / "promptfooconfig.yaml").write_text("prompts: ['{{ q }}']\nproviders: [echo]\ntests: file://t.csv\n")
    (tmp_path / "t.csv").write_text(
        "q,__expected,__expected2,__config:__expected:threshold,__config:__expected2:threshold\n"
        "hi,similar: hi,g-eval: good,0.4,\n"
        "ho,,g-eval: good,0.4,0.9\n"
    )
    first, second = import_promptfoo(tmp_path).evaluation_set.examples
    assert [assertion["threshold"] for assertion in first.variables["checks"]] == [0.4, 0.7]
    assert [assertion["threshold"] for assertion in second.variables["checks"]] == [0.9]


def test_an_export_says_what_of_a_test_it_does_not_hold(tmp_path: Path) -> None:
    (tmp_path / "promptfooconfig.yaml").write_text(
        "prompts: ['{{ q }}']\nproviders: [echo]\ntests: [{vars: {q: a}, options: {transform: output.trim()}}]\n"
    )
    result = import_promptfoo(tmp_path)
    made = export_promptfoo(result.configurations, result.evaluation_set, result.judge, result.endpoints)
    assert made.omissions == (
        "test test 1: it stands here without what was not read of it: option 'transform' is not supported",
    )


def test_a_folder_of_prompts_is_its_files(tmp_path: Path) -> None:
    (tmp_path / "promptfooconfig.yaml").write_text("prompts: [file://prompts/, file://none/]\nproviders: [echo]\n")
    for name in ("prompts/b.txt", "prompts/a.txt", "prompts/deep/c.txt", "none/deep/d.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"This is {name}")
    result = import_promptfoo(tmp_path)
    assert [c.prompt.template for c in result.configurations] == ["This is prompts/a.txt", "This is prompts/b.txt"]
    assert [entry.reasons for entry in result.not_run] == [("file://none/ is a folder without files.",)]


def test_json_that_is_nested_too_deeply_is_a_prompt_or_a_named_line(read):
    deep = "[" * 100_000
    result = read("prompts: [file://p.json, a]\ntests: t.jsonl", p_DOT_json=deep, t_DOT_jsonl="{}\n" + deep)
    assert [prompt.spec.template for prompt in result.prompts] == [deep, "a"]
    assert "line 2, is not JSON: it is nested too deeply" in result.not_read["t.jsonl"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [('prompt\n"open', "is not valid CSV"), ('prompt\n"a" b', "line 2, is not valid CSV"), ("", "is empty")],
)
def test_a_broken_csv_of_prompts_is_told_beside_the_others(read, text, reason):
    result = read("prompts: [file://p.csv, good]", p_DOT_csv=text)
    assert [(p.label, p.spec is None) for p in result.prompts] == [("file://p.csv", True), ("good", False)]
    assert reason in result.prompts[0].problem


def test_a_long_text_in_a_cell_is_read(read):
    text = "x" * 200_000
    result = read("prompts: [file://p.csv]\ntests: t.csv", p_DOT_csv=f"prompt\n{text}", t_DOT_csv=f"x\n{text}")
    assert [prompt.spec.template for prompt in result.prompts] == [text]
    assert [test.variables for test in result.tests] == [{"x": text}]


def test_a_column_without_a_name_is_no_variable(read):
    result = read("prompts: ['{{ x }}']\ntests: t.csv", t_DOT_csv=",x,__expected\n0,a,b\n1,c,d,\n")
    assert [test.variables for test in result.tests] == [{"x": "a"}, {"x": "c"}]


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ("stop: 5", "its setting 'stop': should be a list, not 5"),
        ("stop: [5]", "its setting 'stop'"),
        ("temperature: true", "temperature should be a number, not yes"),
        ("apiBaseUrl: 'http://[x'", "is not a web address"),
    ],
)
@pytest.mark.parametrize("service", ["openai", "azure"])
def test_a_wrong_setting_of_a_provider_is_told(tmp_path, service, config, reason):
    (tmp_path / "promptfooconfig.yaml").write_text(
        f"prompts: [a]\nproviders: [echo, {{id: '{service}:chat:m', config: {{{config}}}}}]"
    )
    result = import_promptfoo(tmp_path)
    assert len(result.configurations) == 1
    assert [reason in entry.reasons[0] for entry in result.not_run if entry.kind == "provider"] == [True]


@pytest.mark.parametrize("names", [("a", "a/b"), ("a/b", "a"), ("x" * 300,)])
def test_uploads_whose_names_cannot_stand_side_by_side_are_told(names):
    files = {"promptfooconfig.yaml": b"prompts: [a]\nproviders: [echo]", **dict.fromkeys(names, b"text")}
    with pytest.raises(BadInput, match="cannot be unpacked"):
        import_uploads(files)


def test_what_would_fill_the_memory_is_not_filled_in(tmp_path):
    # A megabyte named ten thousand times would be ten gigabytes.
    (tmp_path / "big.txt").write_text("x" * 1_000_000)
    (tmp_path / "many.txt").write_text("{{ big }}" * 10_000)
    (tmp_path / "promptfooconfig.yaml").write_text(
        "prompts: ['{{ many }}']\nproviders: [echo]\ntests: [{vars: {big: file://big.txt, many: file://many.txt}}]"
    )
    tracemalloc.start()
    result = read_promptfoo(tmp_path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 300_000_000
    assert "variable many: it holds a template that is not filled in here" in result.tests[0].problems
