"""Text of every form: what comes out, and what is said when it is none."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from likewise.contracts import Source
from likewise.errors import DataError, InputError, OptionError
from likewise.sources.text import TextSource, open_text

TEXT = "The first line.\n\nDéjà vu, the third.\n"
PARAGRAPHS = [("t.txt:1", "The first line."), ("t.txt:3", "Déjà vu, the third.")]


def zstd(data: bytes) -> bytes:
    out = pa.BufferOutputStream()
    with pa.CompressedOutputStream(out, "zstd") as stream:
        stream.write(data)
    return out.getvalue().to_pybytes()


COMPRESSIONS = {"gz": gzip.compress, "xz": lzma.compress, "bz2": bz2.compress, "zst": zstd}


def written(folder: Path, data: str | bytes, name: str = "t.txt") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def all_of(source: TextSource) -> bytes:
    return b"".join(block for _, blocks in source.files() for block in blocks)


def test_a_file(tmp_path: Path) -> None:
    source = open_text(written(tmp_path, TEXT))
    assert isinstance(source, Source)
    assert (source.kind, source.restartable, source.size) == ("text", True, len(TEXT.encode()))
    assert list(source) == PARAGRAPHS == list(source)
    assert all_of(source) == TEXT.encode()
    assert source.digest == "sha256:" + hashlib.sha256(TEXT.encode()).hexdigest()
    assert source.done == source.size
    assert open_text(source) is source


def test_the_digest_is_the_same_however_it_is_read(tmp_path: Path) -> None:
    written(tmp_path, TEXT)
    written(tmp_path, '{"text": "a"}', "t.jsonl")
    for data, column in ((tmp_path / "t.txt", None), (tmp_path / "t.jsonl", "text"), (["a", "b"], None)):
        at_once, blocks, entries = (open_text(data, column=column) for _ in range(3))
        assert all_of(blocks)
        assert list(entries)
        assert at_once.digest == blocks.digest == entries.digest
    assert open_text([["a b", "c"]]).digest != open_text([["a", "b c"]]).digest


@pytest.mark.parametrize("kind", COMPRESSIONS)
def test_compressed_files_are_told_by_content(kind: str, tmp_path: Path) -> None:
    source = open_text(written(tmp_path, COMPRESSIONS[kind](TEXT.encode())))
    assert list(source) == PARAGRAPHS
    assert all_of(source) == TEXT.encode()
    assert source.done == source.size


@pytest.mark.parametrize("kind", COMPRESSIONS)
def test_a_cut_off_compressed_file(kind: str, tmp_path: Path) -> None:
    whole = COMPRESSIONS[kind](os.urandom(50_000).hex().encode())
    for length in (len(whole) // 2, len(whole) - 2, 7):
        path = written(tmp_path, whole[:length])
        with pytest.raises(InputError, match=rf"t.txt is a damaged or cut-off .{kind} file .*: fetch it again"):
            all_of(open_text(path))


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_marks_and_line_ends(mark: str, end: str, tmp_path: Path) -> None:
    path = written(tmp_path, mark + TEXT.replace("\n", end))
    assert list(open_text(path)) == PARAGRAPHS
    assert all_of(open_text(path)) == TEXT.replace("\n", end).encode()
    assert list(open_text(path, errors="replace")) == PARAGRAPHS


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-16-le", "cp1252"])
def test_encodings(encoding: str, tmp_path: Path) -> None:
    source = open_text(written(tmp_path, TEXT.encode(encoding)), encoding=encoding)
    assert list(source) == PARAGRAPHS
    assert all_of(source) == TEXT.encode()


def test_a_line_of_many_blocks(tmp_path: Path) -> None:
    line = "word and " * 700_000
    source = open_text(written(tmp_path, line + "\r\nmore"))
    assert [(key, len(text)) for key, text in source] == [("t.txt:1", len(line)), ("t.txt:2", 4)]


def test_bytes_that_are_not_of_the_encoding(tmp_path: Path) -> None:
    path = written(tmp_path, b"one\ntwo \xe9\nthree")
    ways = r"give --encoding \(for example latin-1\) or --errors replace"
    with pytest.raises(DataError, match=rf"t.txt is not UTF-8 at line 2, byte \d+: {ways}"):
        list(open_text(path))
    assert [text for _, text in open_text(path, errors="replace")] == ["one", "two \ufffd", "three"]
    assert [text for _, text in open_text(path, errors="ignore")] == ["one", "two ", "three"]
    assert [text for _, text in open_text(path, encoding="latin-1")] == ["one", "two é", "three"]
    with pytest.raises(
        DataError, match=r"t.txt is not utf-16 at line 1, byte \d+: give --encoding \(for example utf-8"
    ):
        all_of(open_text(written(tmp_path, b"\xff\xfea"), encoding="utf-16"))
    with pytest.raises(DataError, match=r"is not cp1252 at line 2, byte 3:"):
        all_of(open_text(written(tmp_path, b"a\nb\x81"), encoding="cp1252"))


def test_nul_bytes(tmp_path: Path) -> None:
    path = written(tmp_path, "one\ntwo\n".encode("utf-16-le"))
    with pytest.raises(DataError, match=r"t.txt holds a NUL byte at line 1.*give --encoding utf-16.*--errors replace"):
        list(open_text(path))
    with pytest.raises(DataError, match="holds a NUL byte at line 2"):
        all_of(open_text(written(tmp_path, b"a\nb\0"), encoding="latin-1"))
    assert [text for _, text in open_text(written(tmp_path, b"a\0b"), errors="replace")] == ["a\ufffdb"]


def test_options_that_do_not_exist(tmp_path: Path) -> None:
    path = written(tmp_path, TEXT)
    with pytest.raises(OptionError, match="there is no encoding 'utf-9'"):
        open_text(path, encoding="utf-9")
    with pytest.raises(OptionError, match="'loud': it is strict, replace or ignore"):
        open_text(path, errors="loud")


def test_an_empty_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"t.txt is empty \(0 bytes\)"):
        open_text(written(tmp_path, b""))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    written(tmp_path, TEXT, "corpus.txt")
    with pytest.raises(DataError, match=r"corpsu.txt does not exist: did you mean .*corpus.txt\?"):
        open_text(tmp_path / "corpsu.txt")
    with pytest.raises(DataError, match="zzz does not exist: give a file, a folder, or -"):
        open_text(tmp_path / "zzz")
    with pytest.raises(DataError, match="neither does the folder"):
        open_text(tmp_path / "no" / "zzz")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = written(tmp_path, TEXT)
    path.chmod(0)
    with pytest.raises(DataError, match="t.txt cannot be read: Permission denied"):
        list(open_text(path))


def test_a_folder(tmp_path: Path) -> None:
    for name in ("b.txt", "a/z.txt", "a/b/c.md"):
        written(tmp_path, f"text of {name}", name)
    written(tmp_path, gzip.compress(b"zipped"), "c.txt.gz")
    written(tmp_path, b"\x89PNG\r\n\x1a\n\0\0", "picture.png")
    written(tmp_path, b"\xff\xd8\xff\xe0 photo", "photo.jpg")
    written(tmp_path, b"", "empty.txt")
    written(tmp_path, "hidden", ".hidden.txt")
    written(tmp_path, "hidden", ".git/text.txt")
    source = open_text(tmp_path)
    assert list(source) == [
        ("a/b/c.md:1", "text of a/b/c.md"),
        ("a/z.txt:1", "text of a/z.txt"),
        ("b.txt:1", "text of b.txt"),
        ("c.txt.gz:1", "zipped"),
    ]
    assert source.notes == [f"2 of 7 files in {tmp_path} are not text and were passed over: photo.jpg, picture.png"]
    assert b"".join(source.blocks()).count(b"\n") == 4
    assert source.done == source.size


def test_a_folder_without_text(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no text: no files are in it"):
        open_text(tmp_path)
    written(tmp_path, b"\0\1", "a.bin")
    with pytest.raises(DataError, match=r"holds no text: files of other kinds \(1\)"):
        open_text(tmp_path)


def test_a_text_of_another_encoding_in_a_folder_is_not_passed_over(tmp_path: Path) -> None:
    written(tmp_path, "good", "a.txt")
    written(tmp_path, "né".encode("latin-1"), "b.txt")
    with pytest.raises(DataError, match=r"b.txt is not UTF-8 at line 1, byte 1"):
        list(open_text(tmp_path))
    assert len(list(open_text(tmp_path, encoding="latin-1"))) == 2


def test_what_wikiextractor_writes(tmp_path: Path) -> None:
    article = '<doc id="1" url="u" title="A">\nA\n\nText of <doc> A.\n\n</doc>\n'
    source = open_text(written(tmp_path, article * 30_000, "wiki_00"))
    paragraphs = list(source)
    assert paragraphs[:3] == [("wiki_00:2", "A"), ("wiki_00:4", "Text of <doc> A."), ("wiki_00:8", "A")]
    assert len(paragraphs) == 60_000
    assert b"</doc>" not in all_of(source)
    inside = written(tmp_path, '<doc id="1">\rtext <doc id="2">\r\n x </doc>\n</doc> \n', "inside")
    assert [text for _, text in open_text(inside)] == ['text <doc id="2">', " x </doc>"]
    other = written(tmp_path, "first\n</doc>\n", "other")
    assert len(list(open_text(other))) == 2


ROWS: list[dict[str, Any]] = [{"id": 1, "text": "one, two"}, {"id": 2, "text": None}, {"id": 3, "text": "trois é"}]
EXPECTED = ["one, two", "trois é"]


def jsonl() -> bytes:
    return "\n".join(json.dumps(row) for row in ROWS).encode()


def tsv() -> bytes:
    return "\n".join(f"{row['id']}\t{row['text'] or ''}" for row in [{"id": "id", "text": "text"}, *ROWS]).encode()


def parquet() -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "lines"),
    [
        ("t.jsonl", jsonl(), [1, 3]),
        ("t.data", jsonl(), [1, 3]),
        ("t.tsv", tsv(), [2, 4]),
        ("t.csv", b'id;text\r\n1;"one, two"\r\n2;\r\n3;trois \xc3\xa9\r\n', [2, 4]),
        ("t.parquet", parquet(), [1, 3]),
        ("t.jsonl.gz", gzip.compress(jsonl(), mtime=0), [1, 3]),
        ("t.parquet.zst", zstd(parquet()), [1, 3]),
    ],
)
def test_a_column(name: str, data: bytes, lines: list[int], tmp_path: Path) -> None:
    path = written(tmp_path, data, name)
    source = open_text(path, column="text")
    assert list(source) == [(f"{name}:{line}", text) for line, text in zip(lines, EXPECTED, strict=True)]
    assert all_of(source).decode() == "one, two\ntrois é\n"
    with pytest.raises(DataError, match=rf"{name} has no column 'texd': its columns are id, text; did you mean text\?"):
        list(open_text(path, column="texd"))
    if name != "t.data":
        assert list(open_text(tmp_path, column="text")) == list(source)
        with pytest.raises(DataError, match=rf"{name} is a \w+ file: name the column .* its columns are id, text"):
            list(open_text(path))


def test_a_csv_cell_may_have_lines(tmp_path: Path) -> None:
    path = written(tmp_path, 'text,id\n"two\nlines",1\nmore,2\n', "t.csv")
    assert list(open_text(path, column="text")) == [("t.csv:3", "two\nlines"), ("t.csv:4", "more")]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("t.jsonl", '{"text": "a"}\n{"text": \n', r"t.jsonl:2 is not JSON \(.*\): each line is one object"),
        ("t.jsonl", '{"text": "a"}\n[1]\n', r"t.jsonl:2 is a JSON list, not an object"),
        ("t.jsonl", '{"text": "a"}\n{"text": 5}\n', r"t.jsonl:2: text is 5, not text"),
        ("t.jsonl", "\n\n", r"t.jsonl has no columns: it is empty"),
        ("t.csv", "id,text\n1,a\n2,b,c\n", r"t.csv:3 has 3 fields, its header has 2: mend that line"),
        ("t.csv", 'id,text\n1,a\n2,"b\n', r"t.csv:3 is not CSV \(.*\): mend that line"),
        ("t.parquet", "PAR1 and no more", r"t.parquet is not a whole Parquet file"),
        ("t.csv", b"id,text\n1,a\n2,\xff\n", r"t.csv is not UTF-8 at line 3, byte \d"),
    ],
)
def test_a_table_that_is_broken(name: str, data: str | bytes, message: str, tmp_path: Path) -> None:
    path = written(tmp_path, data, name)
    with pytest.raises(DataError, match=message):
        list(open_text(path, column="text"))


def test_a_column_that_is_not_text(tmp_path: Path) -> None:
    path = written(tmp_path, parquet(), "t.parquet")
    with pytest.raises(DataError, match="id is int64, not text: name a column of text"):
        list(open_text(path, column="id"))


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_standard_input(compress: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BufferedReader(io.BytesIO(compress(TEXT.encode()))))  # type: ignore[arg-type]
    monkeypatch.setattr("sys.stdin", stream)
    source = open_text("-")
    assert (source.restartable, source.size, source.name) == (False, None, "standard input")
    with pytest.raises(DataError, match="has not been read: its digest"):
        _ = source.digest
    assert all_of(source) == TEXT.encode()
    assert source.digest == "sha256:" + hashlib.sha256(TEXT.encode()).hexdigest()
    with pytest.raises(DataError, match="standard input can be read only once"):
        list(source)


def test_iterables() -> None:
    texts = open_text(["one\ntwo", "drei ü"])
    assert list(texts) == [("item 1", "one\ntwo"), ("item 2", "drei ü")]
    assert all_of(texts) == "one\ntwo\ndrei ü\n".encode()
    words = open_text([["a b", "c"], ("d",)])
    assert words.cut_already
    assert list(words) == [("item 1", ["a b", "c"]), ("item 2", ["d"])]
    once = open_text(text for text in ["a", "b"])
    assert not once.restartable
    assert list(once) == [("item 1", "a"), ("item 2", "b")]
    with pytest.raises(DataError, match="memory can be read only once"):
        list(once)


class Own:
    kind, digest, restartable, name = "text", "sha256:0", True, "my own"

    def __iter__(self) -> Any:
        return iter([("a", "one text"), ("b", "another")])


def test_a_source_of_somebodys_own() -> None:
    source = open_text(Own())
    assert (source.name, [text for _, text in source]) == ("my own", ["one text", "another"])
    assert all_of(source) == b"one text\nanother\n"
    pictures = Own()
    pictures.kind = "image"
    with pytest.raises(DataError, match="a source of kind image came"):
        open_text(pictures)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "an empty iterable came"),
        ([1], "item 1 is a int: an item is a text, or a list of words"),
        (["a", ["b"]], "item 2 is a list, not a text as the first one was"),
        ([["a"], "b"], "item 2 is a str, not a list of words as the first one was"),
        (7, "a int came: give a path"),
        (b"bytes", "a bytes came: give a path"),
        ({"a": 1}, "a dict came: give a path"),
        (["fine", "\ud800"], "item 2 holds half a surrogate pair at 0"),
    ],
)
def test_what_is_no_text(data: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        list(open_text(data))


def test_lists_of_words_have_no_blocks() -> None:
    with pytest.raises(DataError, match="memory holds lists of words"):
        list(open_text([["a"]]).blocks())
