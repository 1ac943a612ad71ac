import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt_core.index.bm25 import Bm25, analyse


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("The Normans' ships were sailing", ["norman", "ship", "sail"]),
        ("I don't know what it is", ["know"]),
        ("1,000 agreed, 3.5 percent", ["1000", "agree", "3.5", "percent"]),
        ("studies studied studying", ["studi", "studi", "studi"]),
        ("hopping and hoping", ["hop", "hope"]),
        ("Café ＡＢＣ straße", ["cafe", "abc", "strasse"]),
        ("hive-mind_set", ["hive", "mind", "set"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("", []),
        ("\x00 🙂 —", []),
    ],
)
def test_words_are_folded_stemmed_and_stop_words_left_out(text, terms):
    assert analyse(text) == terms


def test_chinese_gives_characters_and_pairs_also_between_latin_words():
    assert analyse("ABC公司2020年") == ["abc", "公", "司", "公司", "2020", "年"]


@given(st.text())
def test_any_text_can_be_analysed(text):
    assert all(term and not term.isspace() for term in analyse(text))


def test_chinese_is_found_by_the_words_it_shares():
    texts = ["诺曼人的名字来自诺曼底。", "莱茵河发源于瑞士。", "蜜蜂跳舞。"]
    found = Bm25.of(texts).search("莱茵河从哪里开始？", 3)
    assert found[0][0] == 1
    assert 2 not in [position for position, _ in found]


def test_only_texts_that_share_a_word_are_found_and_ties_keep_their_order():
    found = Bm25.of(["bees dance", "rivers flow", "bees dance"]).search("dancing bee", 5)
    assert [position for position, _ in found] == [0, 2]
    assert found[0][1] == found[1][1] > 0


@pytest.mark.parametrize("question", ["", "the of and", "unknownword"])
def test_a_question_without_known_words_finds_nothing(question):
    assert Bm25.of(["bees dance", "rivers flow"]).search(question, 5) == []


@pytest.mark.parametrize("texts", [["", " "], ["the", "of"]])
def test_texts_without_words_can_be_indexed(texts, tmp_path):
    Bm25.of(texts).save(tmp_path / "words")
    assert Bm25.load(tmp_path / "words").search("anything", 2) == []


def test_saved_and_loaded_it_finds_the_same(tmp_path):
    words = Bm25.of(["bees dance", "rivers flow to the sea", "诺曼人"])
    words.save(tmp_path / "words")
    again = Bm25.load(tmp_path / "words")
    for question in ("flowing rivers", "诺曼", "bee"):
        assert again.search(question, 3) == words.search(question, 3) != []
