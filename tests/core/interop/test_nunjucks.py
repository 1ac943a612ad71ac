"""Templates as promptfoo's language has them, through an import."""

import pytest
import yaml

from llmopt_core.evaluation.assertions.check import assertions_of
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.interop.promptfoo.exporter import export_promptfoo
from llmopt_core.interop.promptfoo.importer import import_promptfoo
from llmopt_core.prompts.messages import build_messages

VARIABLES = {
    "order": {"item": "tea", "cups": 2},
    "points": [["p", 1], ["q", 2]],
    "words": {"list": ["m", "n"]},
    "name": " Ann ",
    "five": 5,
    "user": {"town": None},
}


def imported(folder, prompt, **test):
    folder.mkdir(exist_ok=True)
    config = {"prompts": [{"raw": prompt, "label": "p"}, "Other {{ name }}"], "providers": ["echo"]}
    config["tests"] = [{"vars": VARIABLES, **test}]
    (folder / "promptfooconfig.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return import_promptfoo(folder)


def written(found):
    (example,) = found.evaluation_set.examples
    return build_messages(found.configurations[0].prompt, example.variables, "chat")[-1].content


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("{% for key, value in order %}{{ key }}={{ value }};{% endfor %}", "item=tea;cups=2;"),
        ("{% for key,value in points %}{{ key }}={{ value }};{% endfor %}", "p=1;q=2;"),
        ("{% for k, v in user.none %}x{% else %}nobody{% endfor %}", "nobody"),
        ("{%- for k, v in order -%} {{ loop.index }}{{ k }} {%- endfor -%} .", "1item2cups."),
        ("{% for k, v in {a: 1, b: five} %}{{ k }}{{ v }}{% endfor %}", "a1b5"),
        ("{% if five === 4 %}four{% elseif five !== 5 %}other{% else %}five{% endif %}", "five"),
        ("{{ 'yes' if five === 5 }}{{ 'no' if five === 4 }}", "yes"),
        ("{{ absent or 'somebody' }}{{ absent | default('!', true) }}", "somebody!"),
        ("{% if absent === undefined %}gone{% endif %}{% if user.town == null %}, no town{% endif %}", "gone, no town"),
        ("{% if name !== null and words.list.length > 1 %}{{ words.list.length }}{% endif %}", "2"),
        ("{{ name.trim().toUpperCase() }} {{ words.list.join('+') }}", "ANN m+n"),
        ("{{ 'No. ' + five }}, {{ five + 1 }}", "No. 5, 6"),
        ("{{ [null, {a: five}] | dump }}", '[null,{"a":5}]'),
        ("{% asyncEach w in words.list %}{{ loop.index }}{{ w }}{% endeach %}", "1m2n"),
        ("{% asyncAll w in words.list %}{{ w }}{% endall %}{% ifAsync five %}!{% endif %}", "mn!"),
        ("{% verbatim %}{{ a === b }}{% endverbatim %}{% raw %}{% elseif %}{% endraw %}", "{{ a === b }}{% elseif %}"),
        ("Text: for k, v in order, a === b. {{ order.item | safe }}", "Text: for k, v in order, a === b. tea"),
        ("{% set s = 'a' %}{{ s }}{% set t %}{{ five }}{% endset %}{{ t }}", "a5"),
        ("{{ order | dump(2) }}", '{\n  "item": "tea",\n  "cups": 2\n}'),
    ],
)
def test_a_template_reads_as_in_promptfoo_and_goes_back(tmp_path, prompt, text):
    result = imported(tmp_path / "a", prompt)

    assert result.not_run == ()
    assert written(result) == text
    export = export_promptfoo(result.configurations, result.evaluation_set, result.judge, {})
    (raw,) = [p["raw"] for p in yaml.safe_load(export.text)["prompts"] if p["label"] == "p"]
    assert "|items" not in raw
    assert written(imported(tmp_path / "b", raw)) == text


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        ("{% switch name %}{% case 'a' %}A{% endswitch %}", "'{% switch %}'"),
        ("{{ name | replace(r/n+/g, '') }}", "a regular expression"),
        (r"{{ name | replace(r/\d/, '') }}", "a regular expression"),
        ("{{ words.list.map(up) }}", "'.map()', a method of JavaScript"),
        ("{{ name | nl2br }}", "the filter 'nl2br'"),
        ("{{ name | mine }}", "No filter named 'mine'"),
        ("{% include 'other.txt' %}", "'{% include %}'"),
        ("{% set n = 0 %}{% for w in words.list %}{% set n = n + 1 %}{% endfor %}{{ n }}", "'{% set n %}'"),
        ("{% set a, b = 1 %}", "several names"),
        ("{{ env.HOME or 'x' }}", "uses 'env'"),
        ("{{ name ? 'a' : 'b' }}", "is not valid (line 1)"),
    ],
)
def test_what_has_no_counterpart_costs_that_prompt_alone(tmp_path, prompt, reason):
    result = imported(tmp_path / "a", prompt)

    (entry,) = result.not_run
    assert (entry.kind, entry.name) == ("prompt", "p")
    assert reason in entry.reasons[0]
    assert [c.prompt.template for c in result.configurations] == ["Other {{ name }}"]


def test_assertions_and_variables_are_read_in_the_same_way(tmp_path):
    listing = "{% for k, v in order %}{{ k }}{% endfor %}"
    result = imported(tmp_path / "a", "Say {{ name }}", **{"assert": [{"type": "contains", "value": listing}]})
    (check,) = assertions_of(result.evaluation_set.examples[0])
    assert result.not_run == ()
    assert "(order|items if order is mapping else order or [])" in check.value
    assert listing in export_promptfoo(result.configurations, result.evaluation_set, result.judge, {}).text

    result = imported(tmp_path / "b", "Say {{ said }}", vars={**VARIABLES, "said": listing})
    assert written(result) == "Say itemcups"

    refused = [{"type": "contains", "value": "{{ name.slice(1) }}"}, {"type": "contains", "value": "b"}]
    result = imported(tmp_path / "c", "Say {{ name }}", **{"assert": refused})
    assert [(e.kind, "'.slice()'" in e.reasons[0]) for e in result.not_run] == [("test", True)]


def test_messages_are_read_in_the_same_way(tmp_path):
    talk = (
        '[{"role": "system", "content": "{% if five === 5 %}S{% endif %}"}, {"role": "user", "content": "{{ name }}"}]'
    )
    result = imported(tmp_path / "a", talk)
    (example,) = result.evaluation_set.examples
    assert build_messages(result.configurations[0].prompt, example.variables, "chat")[0].content == "S"


def test_a_template_of_our_own_stays_when_it_goes_back(tmp_path):
    result = imported(tmp_path / "a", "{{ name }}")
    own = Configuration(
        name="own", model=result.configurations[0].model, prompt={"template": "{{ five == 5 }} {{ words.list.length }}"}
    )
    text = export_promptfoo([own], result.evaluation_set, result.judge, {}).text
    assert yaml.safe_load(text)["prompts"][0]["raw"] == "{{ five == 5 }} {{ words.list.length }}"
