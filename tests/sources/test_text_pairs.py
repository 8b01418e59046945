"""Pairs of texts: files and iterables in, (anchor, positive, …) or a sentence out."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from likewise.contracts import Source
from likewise.errors import DataError
from likewise.sources.text_pairs import open_pairs

PAIRS = [("how high?", "very high"), ("where?", "there, far"), ("why?", 'for "fun"')]


def items(source: Any) -> list[tuple[str, ...]]:
    return [texts for _, texts in source]


def jsonl(path: Path, names: tuple[str, str], more: Any = None) -> Path:
    lines = [dict(zip(names, pair, strict=True)) | (more(n) if more else {}) for n, pair in enumerate(PAIRS)]
    path.write_text("\n".join(map(json.dumps, lines)) + "\n")
    return path


@pytest.mark.parametrize("names", [("anchor", "positive"), ("question", "answer"), ("sentence1", "sentence2")])
def test_jsonl_by_the_usual_names(names: tuple[str, str], tmp_path: Path) -> None:
    source = open_pairs(jsonl(tmp_path / "a.jsonl", names))
    assert isinstance(source, Source)
    assert items(source) == PAIRS
    assert [key for key, _ in source] == ["a.jsonl:1", "a.jsonl:2", "a.jsonl:3"]
    assert source.digest == open_pairs(PAIRS).digest


def test_negatives_come_behind_and_may_be_missing(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", ("anchor", "positive"), lambda n: {"negative_1": f"no {n}"} if n else {})
    assert [len(texts) for texts in items(open_pairs(path))] == [2, 3, 3]


def test_csv_and_parquet_and_compressed(tmp_path: Path) -> None:
    import csv

    import pyarrow as pa
    import pyarrow.parquet as pq

    with (tmp_path / "a.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("positive", "anchor"), *((b, a) for a, b in PAIRS)])
    assert items(open_pairs(tmp_path / "a.csv")) == PAIRS
    pq.write_table(
        pa.table({"anchor": [a for a, _ in PAIRS], "positive": [b for _, b in PAIRS]}), tmp_path / "a.parquet"
    )
    assert items(open_pairs(tmp_path / "a.parquet")) == PAIRS
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(jsonl(tmp_path / "b.jsonl", ("q", "a")).read_bytes()))
    assert items(open_pairs(tmp_path / "b.jsonl.gz", column="q, a")) == PAIRS
    (tmp_path / "c.csv").write_bytes("anchor;positive\nmañana;café\n".encode("latin-1"))
    assert items(open_pairs(tmp_path / "c.csv", encoding="latin-1")) == [("mañana", "café")]


def test_memory() -> None:
    assert items(open_pairs(iter(PAIRS))) == PAIRS
    assert items(open_pairs([{"query": a, "positive": b} for a, b in PAIRS])) == PAIRS


def test_columns_of_memory_may_be_named() -> None:
    named = [{"q": a, "a": b, "wrong": "c"} for a, b in PAIRS]
    assert items(open_pairs(named, column="q,a")) == PAIRS
    assert items(open_pairs(named, column="q, a, wrong"))[0] == (*PAIRS[0], "c")
    with pytest.raises(DataError, match=r"item 1.* no column 'b'"):
        items(open_pairs(named, column="q,b"))


def test_half_a_character_is_a_sentence_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"anchor": "a", "positive": "b"}\n{"anchor": "a \\ud83d b", "positive": "c d"}\n')
    with pytest.raises(DataError, match=r"a\.jsonl:2 holds half a surrogate pair at 2"):
        items(open_pairs(path))
    with pytest.raises(DataError, match="item 1 holds half a surrogate pair"):
        items(open_pairs([("a", "\udfff")]))


BAD: dict[str, tuple[Any, str]] = {
    "a string": ([("a", "b"), "ab"], "item 2 is 'ab': a pair is two texts"),
    "one text": ([("a",)], "item 1 is .*: a pair is two texts"),
    "a number": ([("a", 3)], "item 1 has a side that is a int"),
    "nothing to iterate": (3, "a int came: give a path"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_pair(name: str) -> None:
    data, sentence = BAD[name]
    with pytest.raises(DataError, match=sentence):
        items(open_pairs(data))


def test_files_without_such_columns(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", ("left", "right"))
    with pytest.raises(DataError, match="no columns anchor and positive: its columns are left, right; name them with"):
        items(open_pairs(path))
    with pytest.raises(DataError, match="no column 'rigth': .* did you mean right"):
        items(open_pairs(path, column="left,rigth"))
    with pytest.raises(DataError, match="name both"):
        items(open_pairs(path, column="left"))
    with pytest.raises(DataError, match="does not exist"):
        open_pairs(tmp_path / "none.jsonl")
    with pytest.raises(DataError, match="is a folder"):
        open_pairs(tmp_path)
    (tmp_path / "b.jsonl").write_text('{"anchor": "a", "positive": "b"}\n{"anchor": "a", "positive": 3}\n')
    with pytest.raises(DataError, match="b.jsonl:2: positive is 3, not text"):
        items(open_pairs(tmp_path / "b.jsonl"))
    (tmp_path / "c.csv").write_text("anchor,positive\na,b\na\n")
    with pytest.raises(DataError, match="c.csv:3 has 1 fields, its header has 2"):
        items(open_pairs(tmp_path / "c.csv"))
