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
        ("```mysql\nSELECT 1\n```", "SELECT 1"),
        ("~~~sql\nSELECT 1\n~~~", "SELECT 1"),
        ("```sql SELECT 1```", "SELECT 1"),
        ("The SQL is:\r\n```sql\r\nSELECT 1\r\n```\r\nDone.", "SELECT 1"),
        ("It is `SELECT name FROM t` and it works.", "SELECT name FROM t"),
        ('{"sql": "SELECT name FROM t WHERE a = \\"x\\""}', 'SELECT name FROM t WHERE a = "x"'),
        ('```json\n{"reasoning": "I select rows from t", "query": "SELECT a\\nFROM t;"}\n```', "SELECT a\nFROM t"),
        ("<think>First SELECT x FROM y;</think>\nSELECT 1", "SELECT 1"),
        ("<think>SELECT x FROM y", ""),
        ("```sql\nSELECT 2\n```\n```python\nrun('SELECT 1')\n```", "SELECT 2"),
        ("```python\nrun('SELECT 1')\n```\n```sql\nSELECT 2\n```", "SELECT 2"),
        ("```sql\nSELECT 1\n```\nIt gives:\n```\n| SELECT |\n| 1 |\n```", "SELECT 1"),
        ("(SELECT 1) UNION (SELECT 2)", "(SELECT 1) UNION (SELECT 2)"),
        ("VALUES (1), (2)", "VALUES (1), (2)"),
        # The guard refuses it and says why, which a repair can use.
        ("```sql\nDROP TABLE t\n```", "DROP TABLE t"),
        ("INSERT INTO t VALUES (1)", ""),
        ("SELECT a\n\nFROM t\n\nWHERE b = 1", "SELECT a\n\nFROM t\n\nWHERE b = 1"),
        ("WITH a AS (SELECT 1)\n\nSELECT * FROM a\n\nSELECT 2", "WITH a AS (SELECT 1)\n\nSELECT * FROM a"),
        ("SELECT name FROM t\n\n/* Question: x */\nSELECT 2", "SELECT name FROM t"),
        ("SELECT a FROM t\n\nFrom this table all a are taken.", "SELECT a FROM t"),
        ("SELECT a FROM t\nThis lists all a.", "SELECT a FROM t"),
        ("Here it is: SELECT a FROM t. It lists all a.", "SELECT a FROM t"),
        # A fault at the end is the database's to tell.
        ("SELECT a FROM t\nWHERE", "SELECT a FROM t\nWHERE"),
        ("SQLQuery: SELECT 1\nSQLResult: 5\nAnswer: 5", "SELECT 1"),
        ("[SQL]\nSELECT 1\n[/SQL]", "SELECT 1"),
        ("<sql>SELECT 1</sql>", "SELECT 1"),
        ("SELECT 1 <|im_end|>", "SELECT 1"),
        ("最终SQL：SELECT 名字 FROM 歌手；", "SELECT 名字 FROM 歌手"),
        ("", ""),
        ("I do not know.", ""),
    ],
)
def test_the_query_is_taken_out(text, query):
    assert find_query(text) == query
