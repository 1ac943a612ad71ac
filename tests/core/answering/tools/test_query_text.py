"""The query in what a model wrote."""

import pytest

from llmopt_core.answering.tools.sql.query_text import find_query


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Sure!\n```sql\nSELECT 1;\n```\nThat is it.", "SELECT 1"),
        ("```sql\nSELECT 1\n```\nBetter:\n```sql\nSELECT 2\n```", "SELECT 2"),
        ("```sql\nSELECT name FROM singer", "SELECT name FROM singer"),
        ("Columns: a\nTables: b\nSQL: SELECT a FROM b WHERE c = 'x;y' ; and more", "SELECT a FROM b WHERE c = 'x;y'"),
        ("SELECT a -- not; here\nFROM b; DROP TABLE b", "SELECT a -- not; here\nFROM b"),
        ("SELECT a FROM b\n\nThis query lists all a.", "SELECT a FROM b"),
        ("To select the rows:\nWITH x AS (SELECT 1) SELECT * FROM x", "WITH x AS (SELECT 1) SELECT * FROM x"),
        ("With these columns I cannot answer.", ""),
        ('SELECT "a;b" FROM [c;d]', 'SELECT "a;b" FROM [c;d]'),
        ("", ""),
        ("I do not know.", ""),
    ],
)
def test_the_query_is_taken_out(text, query):
    assert find_query(text) == query
