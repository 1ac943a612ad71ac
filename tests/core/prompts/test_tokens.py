"""What a prompt takes."""

import pytest

from llmopt_core.models.tokenizers import tokenizer
from llmopt_core.prompts.spec import FewShotSpec, PromptSpec
from llmopt_core.prompts.tokens import count_messages, family_of, preview
from llmopt_core.types import Message, ToolCall


def words(text):
    return len(text.split())


@pytest.mark.parametrize(
    ("model", "name", "exact"),
    [
        ("gpt-4o-mini", "o200k_base", True),
        ("gpt-4.1-mini", "o200k_base", True),
        ("gpt-5.2", "o200k_base", True),
        ("gpt-10", "o200k_base", True),
        ("o3-mini", "o200k_base", True),
        ("ft:gpt-4o-mini:org::id", "o200k_base", True),
        ("openai/gpt-oss-120b", "o200k_base", True),
        ("gpt-4", "cl100k_base", True),
        ("gpt-4-turbo", "cl100k_base", True),
        ("gpt-3.5-turbo", "cl100k_base", True),
        ("gpt-35-turbo", "cl100k_base", True),
        ("llama3:8b", "o200k_base", False),
        ("", "o200k_base", False),
    ],
)
def test_families(model, name, exact):
    family = family_of(model)
    assert (family.tokenizer, family.exact) == (name, exact)


def test_the_built_in_model_has_its_own():
    assert family_of("gpt-4o", builtin=True).tokenizer == "builtin-chat"


def test_the_cookbooks_example_counts_as_published():
    # The example of "How to count tokens with tiktoken", whose six messages take 124 tokens by gpt-4o's own count.
    # Two of its system messages carry a name, which takes one token more each, and is left out here.
    texts = [
        (
            "system",
            "You are a helpful, pattern-following assistant that translates corporate jargon into plain English.",
        ),
        ("user", "This late pivot means we don't have time to boil the ocean for the client deliverable."),
    ]
    family = family_of("gpt-4o")
    counted = tokenizer(family.tokenizer)
    messages = [Message(role, text) for role, text in texts]
    assert count_messages(messages, "chat", family, counted.count) == sum(counted.count(t) for _, t in texts) + 8 + 3


def test_a_completion_counts_its_text_alone():
    family = family_of("", builtin=True)
    assert count_messages([Message("user", "a b c")], "completion", family, words) == 3


def test_a_preview_shows_what_is_sent_and_what_each_example_costs():
    shots = FewShotSpec(examples=({"question": "one two", "answer": "x"}, {"question": "one", "answer": "y z"}))
    prompt = PromptSpec(system="be brief", template="Q: {{ question }}", few_shot=shots)
    result = preview(prompt, {"question": "why"}, "chat", family_of("gpt-4o"), words, usd_per_million=2.5)
    assert [m.content for m in result.messages] == ["be brief", "Q: one two", "x", "Q: one", "y z", "Q: why"]
    assert result.tokens == 2 + 3 + 1 + 2 + 2 + 2 + 6 * 4 + 3
    assert result.few_shot == (("Q: one two", "x", 12), ("Q: one", "y z", 12))
    assert result.cost_usd == pytest.approx(result.tokens * 2.5e-6)
    assert preview(prompt, {"question": "why"}, "completion", family_of("x"), words).cost_usd is None


def test_the_difference_an_example_makes_is_what_it_is_said_to_cost():
    family, count = family_of("gpt-4o"), tokenizer("o200k_base").count
    shots = tuple({"question": f"What is {n} plus {n}?", "answer": str(2 * n)} for n in range(3))

    def seen(k):
        few_shot = FewShotSpec(examples=shots, select="first", k=k)
        return preview(PromptSpec(few_shot=few_shot), {"question": "?"}, "chat", family, count)

    assert seen(3).tokens - seen(0).tokens == sum(tokens for _, _, tokens in seen(3).few_shot)


def test_calls_of_tools_are_counted() -> None:
    family, called = family_of("gpt-4o"), Message("assistant", "So be it.", (ToolCall("a", "clock", '{"at": 1}'),))
    plain = count_messages([Message("assistant", "So be it.")], "chat", family, words)
    assert count_messages([called], "chat", family, words) == plain + len(["clock", '{"at":', "1}"])
