import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt_core.evaluation.metrics.text import exact_match, token_f1
from llmopt_core.evaluation.text import nearest_sentence, normalise, tokens


def squad(text: str) -> str:
    """The normalisation of the official SQuAD 1.1 script."""
    text = "".join(c for c in text.lower() if c not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


@given(st.text(alphabet=string.printable + "éüß–’“”€", max_size=60))
def test_text_without_cjk_is_normalised_as_squad_does(text):
    assert normalise(text) == squad(text)


@pytest.mark.parametrize(
    ("answer", "reference", "exact", "f1"),
    [
        ("The Eiffel Tower.", "eiffel tower", 1.0, 1.0),
        ("in 1889", "1889", 0.0, 2 / 3),
        ("Paris", "London", 0.0, 0.0),
        ("", "London", 0.0, 0.0),
        ("the", "a", 1.0, 1.0),
        ("北京市。", "北京", 0.0, 0.8),
        ("“北京”", "北京", 1.0, 1.0),
        ("在 1998年", "1998 年", 0.0, 0.8),
        ("cat cat dog", "cat", 0.0, 0.5),
    ],
)
def test_exact_match_and_f1(answer, reference, exact, f1):
    assert exact_match(answer, reference) == exact
    assert token_f1(answer, reference) == pytest.approx(f1)
    assert token_f1(reference, answer) == pytest.approx(f1)


def test_mixed_text_has_words_and_characters():
    assert tokens("AI在北京, 2024") == ["ai", "在", "北", "京", "2024"]


def test_nearest_sentence_shares_most_words():
    contexts = ["Cats sleep. Dogs bark loudly.", "Birds sing."]
    assert nearest_sentence("A dog barks", contexts) == "Dogs bark loudly."
    assert nearest_sentence("Fish swim", contexts) == ""
