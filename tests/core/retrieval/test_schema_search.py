"""Which tables of a large schema a question gets."""

import numpy as np
import pytest

from llmopt_core.databases.schema import Column, ForeignKey, Schema, Table
from llmopt_core.models.scripted import HashEmbedder
from llmopt_core.retrieval.schema.links import find_links
from llmopt_core.retrieval.schema.search import SchemaSearch, spoken


def table(name, *columns, keys=(), description=""):
    return Table(name, tuple(Column(c) if isinstance(c, str) else c for c in columns), tuple(keys), description)


SINGER = table("singer", Column("singer_id", is_key=True), "name", "country")
CONCERT = table("concert", Column("concert_id", is_key=True), "title", "year")
BOTH = table(
    "appearance",
    "singer_id",
    "concert_id",
    keys=[ForeignKey(("singer_id",), "Singer", ()), ForeignKey(("concert_id",), "concert", ("concert_id",))],
)
OTHERS = [table(f"log_{i}", "entry", "moment") for i in range(40)]
SCHEMA = Schema((SINGER, *OTHERS[:20], BOTH, *OTHERS[20:], CONCERT))


def names(hits):
    return {hit.table for hit in hits}


@pytest.mark.parametrize("encode", [None, HashEmbedder().encode])
def test_tables_that_join_what_was_asked_for_come_along(encode):
    hits = SchemaSearch(SCHEMA, encode).search("Which singers had a concert in 2014?", 3)
    assert names(hits) == {"singer", "concert", "appearance"}
    assert {hit.table: hit.joins for hit in hits}["singer"] == ""


def test_the_reader_sees_what_a_table_joins():
    link = table("t7", "a", "b", keys=[ForeignKey(("a",), "singer", ()), ForeignKey(("b",), "concert", ())])
    hits = SchemaSearch(Schema((SINGER, *OTHERS, link, CONCERT))).search("How many singers?", 2)
    assert [(hit.table, hit.joins) for hit in hits] == [("singer", ""), ("t7", "singer")]


def test_a_small_schema_is_shown_whole():
    assert names(SchemaSearch(SCHEMA.only({"singer", "concert"})).search("Anything?", 12)) == {"singer", "concert"}


def test_values_and_descriptions_are_searched():
    cities = table("t1", Column("a", values=("Springfield", "Oslo")))
    fares = table("t2", "b", description="Prices of train tickets")
    search = SchemaSearch(Schema((*OTHERS, cities, fares)))
    assert search.search("Who lives in Oslo?", 1)[0].table == "t1"
    assert search.search("What do train tickets cost?", 1)[0].table == "t2"


def test_a_very_wide_table_keeps_its_keys_and_what_was_asked_for():
    wide = table("export", *[f"field{i}" for i in range(300)], "colour", Column("id", is_key=True))
    shown, _ = SchemaSearch(Schema((wide, *OTHERS))).cut("Which colour has the export?", 3, most_columns=5)
    (columns,) = ([column.name for column in t.columns] for t in shown.tables if t.name == "export")
    assert len(columns) == 5
    assert columns[-2:] == ["colour", "id"]


def test_declared_keys_are_nearer_than_names_alike():
    orders = table("orders", Column("order_id", is_key=True), "customer_id")
    customers = table("customers", Column("customer_id", is_key=True), "name")
    notes = table("notes", "name", "order_id")
    links = find_links(Schema((orders, customers, notes)))
    assert links["orders"] == {"customers": 1.5, "notes": 1.5}
    # `name` joins nothing.
    assert links["customers"] == {"orders": 1.5}
    assert find_links(SCHEMA)["appearance"] == {"singer": 1.0, "concert": 1.0}


def test_names_are_read_as_words():
    assert spoken("SingerInConcert") == "Singer In Concert"
    assert spoken("HTTPServer_log") == "HTTP Server log"


def test_the_text_of_each_table_is_embedded_once():
    embedder = HashEmbedder()
    search = SchemaSearch(SCHEMA, embedder.encode)
    first = search.search("How many singers?", 2)
    count = len(embedder.inputs)
    assert search.search("How many singers?", 2) == first
    assert len(embedder.inputs) == count + 1
    assert np.isfinite(search.scores("???")).all()
