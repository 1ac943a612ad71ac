"""Templates: what they render, what they refuse, and that none of them hangs."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmopt_core.errors import BadInput
from llmopt_core.prompts.renderers import close_renderers
from llmopt_core.prompts.template import find_undefined_names, find_unused_names, is_simple, render, variables_in


def test_values_are_inserted_and_a_line_break_at_the_end_is_kept():
    assert render("Q: {{ question }}\n", {"question": "Who?"}) == "Q: Who?\n"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{% for d in docs %}[{{ loop.index }}] {{ d.name }}; {% endfor %}", "[1] a; [2] b; "),
        ("{% if flag %}yes{% else %}no{% endif %}", "yes"),
        ("{{ question | upper }} {{ question.title() }}", "WHO? Who?"),
        ("{{ docs | map(attribute='name') | join(', ') }}", "a, b"),
        ("{{ missing | default('none') }}", "none"),
        (
            "{% set n = namespace(sum=0) %}{% for d in docs %}{% set n.sum = n.sum + d.size %}{% endfor %}{{ n.sum }}",
            "3",
        ),
        ("{% macro q(x) %}<{{ x }}>{% endmacro %}{{ q(question) }}", "<who?>"),
        ("{% for i in range(3) %}{{ i }}{% endfor %}", "012"),
        ("{{ row.items }}", "three"),
        ("{# a comment #}{% raw %}{{ kept }}{% endraw %}", "{{ kept }}"),
    ],
)
def test_the_usual_jinja_works(template, expected):
    docs = [{"name": "a", "size": 1}, {"name": "b", "size": 2}]
    values = {"question": "who?", "docs": docs, "flag": True, "row": {"items": "three"}}
    assert render(template, values) == expected


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ '' | attr('__class__') }}",
        "{{ ''['__class__'] }}",
        "{{ question.__init__.__globals__['os'] }}",
        "{{ self._TemplateReference__context }}",
        "{{ '{0.__class__.__mro__}'.format(question) }}",
        "{{ '{x.__class__}'.format_map({'x': question}) }}",
        "{{ [question] | map(attribute='__class__') | first }}",
        "{{ (range | attr('__wrapped__')) }}",
        "{% set x = ''.__class__ %}{{ x.__subclasses__() }}",
        "{% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}",
        "{{ docs.append(1) }}",
        "{% include '/etc/passwd' %}",
        "{% extends 'x' %}",
        "{% import 'os' as os %}{{ os.environ }}",
        "{{ joiner.__init__.__globals__ }}",
        "{% macro m() %}{% endmacro %}{{ m._func.__globals__ }}",
        "{{ lipsum.__globals__ }}",
        "{{ url_for.__globals__ }}",
        "{{ range }}",
    ],
)
def test_no_template_reaches_python(template):
    with pytest.raises(BadInput) as error:
        render(template, {"question": "x", "docs": [1]})
    assert "Traceback" not in str(error.value)


def test_objects_become_data_before_a_template_sees_them():
    @dataclass
    class Secretive:
        name: str

        def leak(self):
            return "leaked"

    assert render("{{ item.name }}", {"item": Secretive("n")}) == "n"
    with pytest.raises(BadInput, match="leak"):
        render("{{ item.leak() }}", {"item": Secretive("n")})


@pytest.mark.parametrize(
    "template",
    [
        "{% for i in range(10**9) %}{% endfor %}",
        "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
        "{% for i in items %}{% for j in items %}{% for k in items %}x{% endfor %}{% endfor %}{% endfor %}",
        '{{ "x" * 10**9 }}',
        '{{ "x" * 10**12 }}',
        "{{ [0] * 10**10 }}",
        "{{ 10 ** (10 ** 9) }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '{:10000000000}'.format(1) }}",
        "{{ 'x'.ljust(10**10) }}",
        "{{ 'x' | center(10**10) | length }}",
        "{{ ('x' * 10**6).replace('', 'y' * 10**6) | length }}",
        "{% set n = namespace(x='xx') %}{% for i in range(80) %}{% set n.x = n.x + n.x %}{% endfor %}{{ n.x }}",
        "{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}",
        "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
        "{% for i in items recursive %}{{ loop(items) }}{% endfor %}",
        "{{ '" + "x" * 600_000 + "' }}",
        "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
        "{{ question" + ".a" * 5000 + " }}",
        "{% if a %}" * 2000,
        "{{ items }}" * 40_000,
    ],
)
def test_no_template_hangs_or_fills_the_memory(template):
    with pytest.raises(BadInput):
        render(template, {"items": list(range(2000))}, seconds=0.5)


def test_the_limit_of_characters_holds_for_a_template_that_only_inserts():
    assert is_simple("{% for i in items %}{{ text }}{% endfor %}")
    with pytest.raises(BadInput, match="more than 1,000 characters"):
        render("{% for i in items %}{{ text }}{% endfor %}", {"items": list(range(10**5)), "text": "x"}, max_chars=1000)


def test_after_a_template_was_stopped_the_next_one_renders():
    with pytest.raises(BadInput, match="too long"):
        render("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}", {}, seconds=0.2)
    assert render("{{ x | upper }}", {"x": "fine"}) == "FINE"


def test_renderers_that_were_closed_come_back():
    assert render("{{ x | upper }}", {"x": "a"}) == "A"
    close_renderers()
    assert render("{{ x | upper }}", {"x": "b"}) == "B"


def test_many_threads_render_at_once():
    barrier = threading.Barrier(8)

    def work(number):
        barrier.wait()
        return [render("{{ x | upper }}-{{ n + 1 }}", {"x": f"t{number}", "n": i}) for i in range(20)]

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(work, range(8)))
    assert results == [[f"T{n}-{i + 1}" for i in range(20)] for n in range(8)]


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("line one\n{{ contxt }}", r"line 2\): 'contxt' is undefined\. Its variables are: question"),
        ("{{ question.author }}", "author"),
        ("{% if x", r"not valid Jinja2 \(line 1\)"),
        ("ok\n\n{{ question | nonsense }}", r"line 3\): No filter named 'nonsense'"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{% for x in question", "not valid"),
    ],
)
def test_errors_say_where_and_what(template, message):
    with pytest.raises(BadInput, match=message):
        render(template, {"question": "q"})


def test_the_child_sees_no_environment_variables(monkeypatch):
    import os
    from pathlib import Path

    from llmopt_core.prompts.renderers import Renderer

    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    renderer = Renderer()
    environ = Path(f"/proc/{renderer.process.pid}/environ")
    result = environ.read_text() if environ.exists() else ""
    renderer.close()
    assert os.environ["OPENAI_API_KEY"] not in result


def test_variables_are_detected_with_their_scopes():
    template = (
        "{% set own = a %}{% for d in docs %}{{ d.name }} {{ loop.index }}{% endfor %}"
        "{{ own }}{{ range(3) }}{% macro m(p) %}{{ p }}{{ b }}{% endmacro %}{{ 'x' | center(10**9) }}"
    )
    assert variables_in(template) == {"a", "b", "docs"}


def test_detection_computes_nothing():
    assert variables_in("{{ ('x' * 10**12) | length }}{{ 'x' | center(10**12) }}{{ 9 ** (9 ** 9) ~ a }}") == {"a"}


def test_undefined_and_unused_names():
    template = "{{ context }} {{ question }} {{ tone | default('plain') }}{% if hint is defined %}{{ hint }}{% endif %}"
    assert find_undefined_names(template, ["question"]) == {"context"}
    assert find_unused_names([template, "{{ extra }}"], ["question", "extra", "reference"]) == {"reference"}


@pytest.mark.parametrize("template", ["{{ a" + ".b" * 5000 + " }}", "x" * 600_000])
def test_detection_refuses_what_cannot_be_a_prompt(template):
    with pytest.raises(BadInput):
        variables_in(template)
    with pytest.raises(BadInput):
        find_undefined_names(template, [])


def test_detection_names_a_syntax_error():
    with pytest.raises(BadInput, match="not valid Jinja2"):
        variables_in("{{ a")


awkward = st.text(st.characters(exclude_categories=()), max_size=40) | st.sampled_from(
    [
        "{{ 7 * 7 }}",
        "{% for i in range(9) %}x{% endfor %}",
        "{{ secret }}",
        "{#",
        "}}",
        "{{",
        "{% raw %}",
        "\x00",
        "<b>",
    ]
)


@given(value=awkward, other=awkward)
@settings(max_examples=150, deadline=None)
def test_what_stands_in_a_variable_is_never_executed(value, other):
    values = {"a": value, "rows": [{"b": other}], "secret": "SECRET"}
    assert render("<{{ a }}|{% for r in rows %}{{ r.b }}{% endfor %}>", values) == f"<{value}|{other}>"
    assert render("<{{ a | string }}|{{ rows[0]['b'] ~ '' }}>", values) == f"<{value}|{other}>"


OWNER = """
import sys
from llmopt_core.prompts.renderers import Renderer
renderer = Renderer()
print(renderer.process.pid, flush=True)
renderer.ask({"template": sys.argv[1], "variables": {}, "max_chars": 9, "seconds": 0.3})
sys.stdin.read()
"""


@pytest.mark.parametrize(
    "template", ["idle", "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"]
)
def test_a_child_does_not_outlive_its_owner(template):
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, template], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    child = psutil.Process(int(owner.stdout.readline()))
    owner.kill()
    owner.communicate()
    child.wait(timeout=60)
    assert not child.is_running()


def test_values_are_written_as_json_writes_them():
    values = {"yes": True, "none": None, "row": {"b": [1, True, None], "a": "<é'>"}}
    assert render("{{ yes }}|{{ none }}|{{ row }}", values) == 'true||{"b":[1,true,null],"a":"<é\'>"}'
    assert render("{{ yes | upper }} {{ row | dump }} {{ row.b | join('; ') }}", values) == (
        'TRUE {"b":[1,true,null],"a":"<é\'>"} 1; true; '
    )
    assert render("{{ row | dump(2) }}", {"row": {"a": 1}}) == '{\n  "a": 1\n}'
    assert render(
        "{% if yes %}{{ rows | join(',', attribute='n') }}{% endif %}", {"yes": True, "rows": [{"n": False}]}
    ) == ("false")


def test_a_name_without_a_value_may_be_tested_but_not_inserted():
    template = "{{ ask }}{% if context and not quiet %} Context: {{ context }}{% endif %}"
    assert render(template, {"ask": "Why?"}) == "Why?"
    assert find_undefined_names(template, ["ask"]) == set()
    with pytest.raises(BadInput, match="'context' is undefined"):
        render("{{ context }}", {"ask": "Why?"})


def test_a_name_with_another_in_its_place_is_not_needed_and_a_list_has_a_length():
    assert find_undefined_names("{{ context or question }}", ["question"]) == set()
    assert find_undefined_names("{{ question or context }}", ["question"]) == {"context"}
    assert render("{{ context or question }}", {"question": "Q"}) == "Q"
    assert render("{{ rows.length }} {{ row.length }}", {"rows": [1, 2], "row": {"length": "long"}}) == "2 long"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_renders_with_children_of_its_own():
    program = (
        "import os\n"
        "from llmopt_core.prompts import renderers\n"
        "renderers.render_in_child('x', {}, 100, 5)\n"
        "(own,) = renderers._idle.queue\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    text = renderers.render_in_child('{{ a }}', {'a': 'child'}, 100, 5)\n"
        "    (other,) = renderers._idle.queue\n"
        "    renderers.close_renderers()\n"
        "    os._exit(0 if text == 'child' and other.process.pid != own.process.pid else 1)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
        "assert renderers.render_in_child('{{ a }}', {'a': 'parent'}, 100, 5) == 'parent'\n"
        "assert [one.process.pid for one in renderers._idle.queue] == [own.process.pid]\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert (result.returncode, result.stderr) == (0, "")
