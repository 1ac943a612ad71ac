"""One set of scripts and words: each stage that counts characters as words counts the same ones."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt_core.answering.citations import content_words, coverage
from llmopt_core.documents.span_tracking import SpanTracker
from llmopt_core.evaluation.text import tokens
from llmopt_core.finetuning.data.similarity import Overlap
from llmopt_core.index.analysis import analyse
from llmopt_core.text.scripts import has_cjk, is_east_asian
from llmopt_core.text.word_diff import word_diff
from llmopt_core.text.words import fold, fold_to_words, shorten, words

# Of each block: kana, extension A, the usual ones, compatibility, extensions B and H.
CHARACTERS = "かカ\u3400\u4e00\u9fff\uf900\U00020000\U00031350"


@pytest.mark.parametrize("character", CHARACTERS)
def test_every_stage_takes_a_chinese_or_japanese_character_for_a_word(character):
    pair = character * 2
    plain = unicodedata.normalize("NFKC", character)
    assert has_cjk(character)
    assert is_east_asian(character)
    assert words(pair) == [plain, plain] == content_words(pair)
    assert tokens(pair) == [character, character]
    assert analyse(pair) == [plain, plain, plain * 2]
    assert word_diff(pair, character) == [("equal", character), ("delete", character)]
    assert SpanTracker(f"甲{pair}乙", f"丙{pair}丁").track(1, 3).span == (1, 3)


def test_a_word_of_another_script_ends_where_a_character_begins():
    assert words("AI在北京2024年 card_arrival _so_") == ["ai", "在", "北", "京", "2024", "年", "card_arrival", "so"]
    assert coverage("_Paris_", "In Paris.") == 1.0
    assert Overlap(["AI在北京的研究"]).find("他说AI在北京的研究") is not None


@pytest.mark.parametrize("text", ["한국어", "서울"])
def test_korean_is_compared_by_the_syllable_and_graded_by_the_word(text):
    assert words(text) == list(text)
    assert tokens(text) == [text]
    assert not has_cjk(text)
    assert is_east_asian(text)


@pytest.mark.parametrize("text", ["🙂", "ﷺ", "ﻻ", "ﬁ", "𝐀", "Ａ", "ꓐ", "―", "a", ""])
def test_emoji_joined_arabic_and_other_late_characters_are_not_east_asian(text):
    assert not is_east_asian(text)


@pytest.mark.parametrize("text", ["ｶﾅ", "々", "ㄅ", "ㅏ", "㐀"])
def test_rarer_characters_of_east_asia_are(text):
    assert is_east_asian(text)


def test_folding_makes_one_form_of_case_width_and_spaces():
    assert fold("  ＡＢＣ  Straße\n1 ") == "abc strasse 1"
    assert fold_to_words("¿Who, _me_?") == "who me"


@given(st.text(max_size=100))
def test_folding_twice_changes_nothing_about_the_words(text):
    assert words(" ".join(words(text))) == words(text)


def test_shorten_keeps_one_line():
    assert shorten("a\nb", 10) == "a b"
    assert shorten("x" * 20, 10) == "x" * 9 + "…"
