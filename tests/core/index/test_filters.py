import pytest

from llmopt_core.errors import BadInput
from llmopt_core.index.filters import matching_documents

DOCUMENTS = {
    "a.txt": {"language": "en", "year": 2019},
    "b.txt": {"language": "zh", "year": 2021, "draft": True},
    "c.txt": {},
}


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ({"language": "en"}, "a"),
        ({"language": ["en", "zh"]}, "ab"),
        ({"language": {"$ne": "en"}}, "bc"),
        ({"language": {"$nin": ["en", "zh"]}}, "c"),
        ({"year": {"$gte": 2019, "$lt": 2021}}, "a"),
        ({"year": {"$gt": 2019}, "language": "zh"}, "b"),
        ({"document": {"$in": ["a.txt", "c.txt"]}}, "ac"),
        ({"$or": [{"year": 2019}, {"draft": True}]}, "ab"),
        ({"$and": [{"year": {"$lte": 2021}}, {"language": "zh"}]}, "b"),
        ({"year": {"$gt": "text"}}, ""),
        ({}, "abc"),
    ],
)
def test_filters_choose_documents(where, names):
    assert matching_documents(where, DOCUMENTS) == {f"{name}.txt" for name in names}


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ({"langauge": "en"}, "there is: document, draft, language, year"),
        ({"year": {"$more": 1}}, "$gte"),
        ({"year": {"$in": 2019}}, "needs a list"),
        ({"$or": {"year": 2019}}, "takes a list"),
        ({"$and": [{"nothing": 1}]}, "'nothing'"),
    ],
)
def test_a_wrong_filter_says_what_is_there(where, says):
    with pytest.raises(BadInput, match=says.replace("$", r"\$")):
        matching_documents(where, DOCUMENTS)
