"""Gold answers about texts: the public layouts open, a person's own pairs too, and what is bad is named."""

from __future__ import annotations

import io
import json
import os
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from likewise.errors import DataError, OptionError
from likewise.sources.gold import Label, Pair
from likewise.sources.gold_texts import (
    STS_YEARS,
    WIC_PARTS,
    Marked,
    read_answers,
    read_banking77,
    read_coarsewsd,
    read_cranfield,
    read_sts,
    read_stsb,
    read_subjectivity,
    read_text_pairs,
    read_trec,
    read_wic,
)

SHARED = Path(os.environ.get("LIKEWISE_DATA", Path(__file__).parents[3] / "shared" / "data"))
shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not here: set LIKEWISE_DATA")


def _tar(path: Path, files: dict[str, str]) -> Path:
    with tarfile.open(path, "w:xz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


def _zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


# --- a person's own pairs ---


ROWS = [("a cat, or two", "some cats", 4.5), ("#1 in town", 'he said "no"', 0.0), ("Ünïcode\u2028text", "x", 1)]


def _written(folder: Path, ending: str) -> Path:
    path = folder / f"pairs{ending}"
    if ending == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns = dict(zip(("sentence1", "sentence2", "score"), map(list, zip(*ROWS, strict=True)), strict=True))
        pq.write_table(pa.table(columns | {"more": [1, 2, 3]}), path)
    elif ending == ".jsonl":
        lines = [{"sentence2": b, "score": s, "sentence1": a, "more": None} for a, b, s in ROWS]
        path.write_text("\n".join(map(json.dumps, lines)) + "\n\n", encoding="utf-8")
    else:
        import csv

        with path.open("w", newline="", encoding="utf-8-sig") as file:
            writer = csv.writer(file, delimiter="\t" if ending == ".tsv" else ",")
            writer.writerows([("score", "sentence1", "sentence2"), *((s, a, b) for a, b, s in ROWS)])
    return path


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_own_pairs_in_any_table(tmp_path: Path, ending: str) -> None:
    assert read_text_pairs(_written(tmp_path, ending)) == [Pair(*row) for row in ROWS]


def test_columns_may_have_other_names(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("left;right;how alike\na;b;1\nc;d;2\n")
    assert read_text_pairs(path, first="left", second="right", score="how alike") == [("a", "b", 1), ("c", "d", 2)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sentence1,sentence2\na,b\n", "no column 'score': its columns are sentence1, sentence2"),
        ("sentence1,sentence2,scores\na,b,1\n", "did you mean scores?"),
        ("", "it is empty"),
        ("sentence1,sentence2,score\na,,1\n", "own.csv:2: sentence2 is empty"),
        ("sentence1,sentence2,score\na,b,1\n  ,b,1\n", "own.csv:3: sentence1 is empty"),
        ("sentence1,sentence2,score\na,b,high\n", "own.csv:2: score is 'high', not a number"),
        ("sentence1,sentence2,score\na,b,nan\n", "score is 'nan', not a number"),
        ("sentence1,sentence2,score\na,b,\n", "score is '', not a number"),
        ("sentence1,sentence2,score\na,b\n", "own.csv:2 has 2 fields, its header has 3"),
        ('sentence1,sentence2,score\n"a,b,1\n', "is not CSV"),
        ("sentence1,sentence2,score\na,b,1\n", "holds too few scored pairs, 1: two or more"),
        ("sentence1,sentence2,score\n", "holds too few scored pairs, 0"),
        ("sentence1,sentence2,score\na,b,3\nc,d,3\n", "all 2 pairs have the score 3"),
    ],
)
def test_bad_tables_are_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "own.csv"
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        read_text_pairs(path)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"sentence1": "a", "score": 1}, "own.jsonl:1 has no column 'sentence2'"),
        ({"sentence1": "a", "sentence2": None, "score": 1}, "own.jsonl:1: sentence2 is empty"),
        ({"sentence1": "a", "sentence2": 7, "score": 1}, "sentence2 is '7', not text"),
        ({"sentence1": "a", "sentence2": "b", "score": True}, "score is 'True', not a number"),
        ({"sentence1": "a", "sentence2": "b", "score": None}, "score is missing"),
        (["a", "b", 1], "own.jsonl:1 is a JSON list, not an object"),
    ],
)
def test_bad_lines_are_a_sentence(tmp_path: Path, line: Any, said: str) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text(json.dumps(line))
    with pytest.raises(DataError) as caught:
        read_text_pairs(path)
    assert said in str(caught.value)


def test_bad_files_are_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no file"):
        read_text_pairs(tmp_path / "none.csv")
    with pytest.raises(DataError, match="is a folder"):
        read_text_pairs(tmp_path)
    (tmp_path / "a.csv").write_bytes(b"sentence1,sentence2,score\n\xff,b,1\n")
    with pytest.raises(DataError, match="a.csv:2 is not UTF-8 at byte 0"):
        read_text_pairs(tmp_path / "a.csv")
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match="not a whole Parquet file"):
        read_text_pairs(tmp_path / "a.parquet")
    (tmp_path / "a.jsonl").write_text('{"sentence1": ')
    with pytest.raises(DataError, match="a.jsonl:1 is not JSON"):
        read_text_pairs(tmp_path / "a.jsonl")


# --- the public sets, in small ---


def test_stsb(tmp_path: Path) -> None:
    rows = ['g\tf\ty\t1\t2.5\tA girl\'s "hair".\tA girl.', "g\tf\ty\t2\t0\tOne.\tTwo.\thttp://x\ty"]
    (tmp_path / "sts-test.csv").write_text("\n".join(rows) + "\n")
    assert read_stsb(tmp_path) == [('A girl\'s "hair".', "A girl.", 2.5), ("One.", "Two.", 0)]
    (tmp_path / "sts-dev.csv").write_text("g\tf\ty\t1\t2.5\tonly one\n")
    with pytest.raises(DataError, match=r"sts-dev.csv:1 has 6 fields"):
        read_stsb(tmp_path, "dev")
    with pytest.raises(DataError, match="there is no file"):
        read_stsb(tmp_path, "train")
    with pytest.raises(OptionError, match="train, dev, test"):
        read_stsb(tmp_path, "all")


def test_sts_years_leave_out_what_nobody_scored(tmp_path: Path) -> None:
    files = {
        "sts/2015/images.test.tsv": "1\ta\tb\n\tunscored\tpair\n4.5\tc\td\n",
        "sts/2015/belief.test.tsv": "1\ta\tb\n2\tc\td\n",
        "sts/2015/images.train.tsv": "1\tnot\tthis\n2\tnot\tthis\n",
        "sts/2016/bad.test.tsv": "1\ta\n",
    }
    archive = _tar(tmp_path / "sts.tar.xz", files)
    found = read_sts(archive, 2015)
    assert list(found) == ["belief", "images"]
    assert found["images"] == [("a", "b", 1), ("c", "d", 4.5)]
    with pytest.raises(DataError, match=r"2016/bad:1 has 2 fields"):
        read_sts(archive, 2016)
    with pytest.raises(DataError, match="has no 2014/NAME"):
        read_sts(archive, 2014)
    with pytest.raises(OptionError, match="2012, 2013"):
        read_sts(archive, 1999)
    (tmp_path / "broken.tar.xz").write_bytes(archive.read_bytes()[:40])
    with pytest.raises(DataError, match="fetch it again"):
        read_sts(tmp_path / "broken.tar.xz", 2015)
    with pytest.raises(DataError, match="there is no file"):
        read_sts(tmp_path / "none.tar.xz", 2015)


def test_banking77(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text('text,category\n"Where, is\nit?",lost\nHow?,how\n')
    (tmp_path / "test.csv").write_text("text,category\nWhere?,lost\n")
    found = read_banking77(tmp_path)
    assert found.train == [Label("Where, is\nit?", "lost"), Label("How?", "how")]
    assert found.test == [("Where?", "lost")]


def test_trec_is_latin_1(tmp_path: Path) -> None:
    files = {"qc/train.txt": b"ENTY:cremat What sister\xf0city ?\nHUM:ind Who ?\n", "qc/test.txt": b"HUM:gr Who ?\n"}
    archive = _zip(tmp_path / "qc.zip", files)
    assert read_trec(archive).train == [("What sisterðcity ?", "ENTY"), ("Who ?", "HUM")]
    assert read_trec(archive, fine=True).test == [("Who ?", "HUM:gr")]
    with pytest.raises(DataError, match=r"train.txt:1: COARSE:fine QUESTION"):
        read_trec(_zip(tmp_path / "bad.zip", files | {"qc/train.txt": b"no label\n"}))
    with pytest.raises(DataError, match="has no qc/train.txt"):
        read_trec(_zip(tmp_path / "other.zip", {"a": b""}))
    (tmp_path / "broken.zip").write_bytes(b"no zip")
    with pytest.raises(DataError, match="fetch it again"):
        read_trec(tmp_path / "broken.zip")


def test_subjectivity_tests_on_every_fifth(tmp_path: Path) -> None:
    names = [f"subjectivity/{label}.tok.gt9.5000" for label in ("plot", "quote")]
    files = {name: "".join(f"{name[13]} héros {i} . \n" for i in range(10)).encode() for name in names}
    found = read_subjectivity(_zip(tmp_path / "subj.zip", files))
    assert [len(found.train), len(found.test)] == [16, 4]
    assert found.test[0] == ("p héros 4 .", "plot")
    assert not {text for text, _ in found.train} & {text for text, _ in found.test}


def test_wic(tmp_path: Path) -> None:
    (tmp_path / "dev.data.txt").write_text("board\tN\t2-1\tRoom and board .\tHe boards it .\n")
    (tmp_path / "dev.gold.txt").write_text("F\n")
    (use,) = read_wic(tmp_path, "dev")
    assert (use.word, use.first.word, use.second.word, use.same) == ("board", "board", "boards", False)
    assert use.first == Marked("Room and board .", 9, 14)
    for data, gold, said in (
        ("board\tN\t2-9\tRoom and board .\tHe boards it .\n", "F\n", "there is no word 9 in a text of 4"),
        ("board\tN\t2\tRoom\tHe\n", "F\n", "WORD KIND I-J TEXT TEXT"),
        ("board\tN\t0-0\tboard\tboard\n", "yes\n", "dev.gold.txt:1: T or F"),
        ("board\tN\t0-0\tboard\tboard\n", "", "dev.gold.txt:1: T or F"),
    ):
        (tmp_path / "dev.data.txt").write_text(data)
        (tmp_path / "dev.gold.txt").write_text(gold)
        with pytest.raises(DataError, match=said):
            read_wic(tmp_path, "dev")


def test_coarsewsd(tmp_path: Path) -> None:
    files = {
        "C/bank/classes_map.txt": '{"0": "finance", "1": "river"}',
        "C/bank/train.data.txt": "1\tthe bank lends\n0\tbank of a river\n",
        "C/bank/train.gold.txt": "0\n1\n",
        "C/bank/test.data.txt": "4\ta bank and a club\n",  # a few places off, as one line of the set is
        "C/bank/test.gold.txt": "1\n",
    }
    found = read_coarsewsd(_tar(tmp_path / "a.tar.xz", files))["bank"]
    assert found.train == [(Marked("the bank lends", 4, 8), "finance"), (Marked("bank of a river", 0, 4), "river")]
    assert found.test == [(Marked("a bank and a club", 2, 6), "river")]
    for name, text, said in (
        ("test.data.txt", "1\tno such word\n", "'bank' does not stand in"),
        ("test.data.txt", "one\tthe bank\n", "PLACE, a tab and a text"),
        ("test.gold.txt", "7\n", "has no answer in"),
    ):
        with pytest.raises(DataError, match=said):
            read_coarsewsd(_tar(tmp_path / "b.tar.xz", files | {f"C/bank/{name}": text}))
    del files["C/bank/test.gold.txt"]
    with pytest.raises(DataError, match="has no bank/test.gold.txt"):
        read_coarsewsd(_tar(tmp_path / "c.tar.xz", files))
    with pytest.raises(DataError, match="WORD/classes_map.txt"):
        read_coarsewsd(_tar(tmp_path / "d.tar.xz", {"x": ""}))


def test_cranfield_turns_grades_round_and_names_sources(tmp_path: Path) -> None:
    (tmp_path / "cran.all.1400").write_text(
        ".I 1\n.T\nwings\n.A\nx\n.B\n\n.W\nwings in\na slipstream .\n.I 2\n.T\nonly a title .\n.W\n.I 3\n.W\nc\n"
    )
    (tmp_path / "cran.qry").write_bytes(b".I 001\r\n.W\r\nwhat\r\nlaws .\r\n.I 004\r\n.W\r\nslabs .\r\n")
    (tmp_path / "cranqrel").write_text("1 1 1 \n1 2 4\n1 3 -1\n2 3 2\n")
    found = read_cranfield(tmp_path)
    assert found.documents == {"1": "wings in a slipstream .", "2": "only a title .", "3": "c"}
    assert found.queries == {"1": "what laws .", "2": "slabs ."}
    assert found.judgements == {"1": {"1": 4, "2": 1}, "2": {"3": 3}}
    assert found.sources == {"1": "3"}
    (tmp_path / "cranqrel").write_text("9 1 1\n")
    with pytest.raises(DataError, match=r"cranqrel:1: QUERY DOCUMENT GRADE"):
        read_cranfield(tmp_path)
    (tmp_path / "cran.qry").write_text("no mark\n")
    with pytest.raises(DataError, match="are needed first"):
        read_cranfield(tmp_path)


# --- the public sets, as they are ---


@shared
def test_the_shared_sets_have_the_sizes_that_their_authors_name() -> None:
    sentences, words = SHARED / "sentences", SHARED / "words"
    assert [len(read_stsb(sentences / "stsb", part)) for part in ("train", "dev", "test")] == [5749, 1500, 1379]
    years = [sum(map(len, read_sts(sentences / "sts12-16.tar.xz", year).values())) for year in STS_YEARS]
    assert years == [2358, 1500, 3750, 3000, 1186]  # 2012 without MSRvid, 2013 without SMT
    for found, sizes in (
        (read_banking77(sentences / "banking77"), (10_003, 3_080, 77)),
        (read_trec(sentences / "trec_qc.zip"), (5_452, 500, 6)),
        (read_trec(sentences / "trec_qc.zip", fine=True), (5_452, 500, 50)),
        (read_subjectivity(sentences / "subjectivity.zip"), (8_000, 2_000, 2)),
    ):
        assert (len(found.train), len(found.test), len({label for _, label in found.train})) == sizes
        assert {label for _, label in found.test} <= {label for _, label in found.train}
    uses = [read_wic(words / "wic", part) for part in WIC_PARTS]
    assert [(len(part), sum(use.same for use in part)) for part in uses] == [(5428, 2714), (638, 319), (1400, 700)]
    senses = read_coarsewsd(words / "coarsewsd20_a.tar.xz")
    assert (len(senses), len(senses["bank"].train), len(senses["bank"].test)) == (10, 1107, 455)
    assert {place.word for part in senses.values() for place, _ in (*part.train, *part.test)} == set(senses)


@shared
def test_the_shared_collection_has_one_source_for_each_question() -> None:
    found = read_cranfield(SHARED / "retrieval" / "cranfield")
    assert (len(found.documents), len(found.queries), len(found.sources)) == (1400, 225, 225)
    grades = [grade for judged in found.judgements.values() for grade in judged.values()]
    assert [grades.count(grade) for grade in (4, 3, 2, 1)] == [128, 387, 734, 363]
    assert all(found.sources[query] not in judged for query, judged in found.judgements.items())
    assert all(found.judgements.values())


def beir(folder: Path, **changed: str) -> Path:
    """Write a small folder in the layout of BEIR, with some of its files changed."""
    files = {
        "corpus.jsonl": '{"_id": "d1", "title": "Banks", "text": "lend money"}\n{"_id": "d2", "text": "a river"}\n',
        "queries.jsonl": '{"_id": "q1", "text": "who lends?"}\n{"_id": "q2", "text": "not judged"}\n',
        "qrels/test.tsv": "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t0\n",
    } | changed
    (folder / "qrels").mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def test_answers_in_the_layout_of_beir(tmp_path: Path) -> None:
    found = read_answers(beir(tmp_path))
    assert found.documents == {"d1": "Banks lend money", "d2": "a river"}
    assert found.queries == {"q1": "who lends?"}
    assert found.judgements == {"q1": {"d1": 2, "d2": 0}}
    (tmp_path / "qrels/test.tsv").unlink()
    (tmp_path / "qrels.tsv").write_text("q2\td2\t1\n")  # no line of names
    assert read_answers(tmp_path).judgements == {"q2": {"d2": 1}}


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("corpus.jsonl", '{"_id": "d1", "text": "a"}\n{"_id": "d1", "text": "b"}\n', "jsonl:2: _id 'd1' came before"),
        ("corpus.jsonl", '{"_id": "d1"}\n', "jsonl:1 has no _id and text that are strings"),
        ("corpus.jsonl", "d1\ta\n", "corpus.jsonl:1 is no JSON"),
        ("corpus.jsonl", "\n", "corpus.jsonl is empty"),
        ("queries.jsonl", '["q1", "a"]\n', "queries.jsonl:1 has no _id and text"),
        ("qrels/test.tsv", "q1\td3\t1\n", "test.tsv:1: there is no document 'd3'"),
        ("qrels/test.tsv", "q3\td1\t1\n", "test.tsv:1: there is no query 'q3'"),
        ("qrels/test.tsv", "q1 d1 1\n", "QUERY DOCUMENT GRADE with tabs"),
        ("qrels/test.tsv", "q1\td1\t1\nq1\td2\tyes\n", "test.tsv:2: grade is 'yes', not a number"),
        ("qrels/test.tsv", "q1\td1\t0\n", "names no document that answers a query"),
    ],
)
def test_answers_that_cannot_be_used(tmp_path: Path, name: str, text: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        read_answers(beir(tmp_path, **{name: text}))


def test_a_folder_that_holds_no_answers(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is no folder"):
        read_answers(tmp_path / "none")
    with pytest.raises(DataError, match=r"there is no file .*corpus.jsonl"):
        read_answers(tmp_path)
