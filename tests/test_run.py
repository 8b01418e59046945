"""The run folder: whole or absent, and every file that was touched is named."""

import json

import pytest

from likewise import run as run_module
from likewise.errors import IntegrityError, RunError, RunExists
from likewise.run import RunFolder, RunWriter


def write(path, value=1, **options):
    with RunWriter(path, **options) as writer:
        writer.write_json("report.json", {"value": value, "text": "é"})
        writer.write_lines("log.jsonl", [{"epoch": 1}, {"epoch": 2}])
        with writer.open("space/data.bin") as file:
            file.write(bytes(range(100)))
        writer.write("space/other.bin", lambda place: place.write_bytes(b"other"))
        writer.finish({"recipe": "word2vec", "note": "größer"})
    return path


def test_a_run_comes_back(tmp_path):
    folder = RunFolder(write(tmp_path / "deep" / "run"))
    assert folder.manifest["recipe"] == "word2vec"
    assert sorted(folder.files) == ["log.jsonl", "report.json", "space/data.bin", "space/other.bin"]
    assert folder.json("report.json") == {"value": 1, "text": "é"}
    assert folder.file("space/data.bin").read_bytes() == bytes(range(100))
    assert folder.verify() == []
    assert sorted(path.name for path in (tmp_path / "deep").iterdir()) == ["run"]


def test_an_existing_run_is_an_error_unless_it_is_to_be_replaced(tmp_path):
    write(tmp_path / "run")
    with pytest.raises(RunExists, match=r"run exists: choose another --out, or replace it with --overwrite"):
        write(tmp_path / "run", 2)
    write(tmp_path / "run", 2, overwrite=True)
    assert RunFolder(tmp_path / "run").json("report.json")["value"] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("make", [lambda path: path.mkdir(), lambda path: path.write_text("a file")])
def test_what_is_no_run_is_never_replaced(tmp_path, make):
    make(tmp_path / "thesis")
    with pytest.raises(RunExists, match="is not a run: --overwrite replaces runs only"):
        write(tmp_path / "thesis", overwrite=True)
    assert (tmp_path / "thesis").exists()


def test_replacing_without_an_atomic_exchange(tmp_path, monkeypatch):
    monkeypatch.setattr(run_module, "exchange", lambda one, other: False)
    write(tmp_path / "run")
    write(tmp_path / "run", 2, overwrite=True)
    assert RunFolder(tmp_path / "run").json("report.json")["value"] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    (tmp_path / "run").rename(tmp_path / ".run.replaced")  # cut off between the two renames
    assert RunFolder(tmp_path / "run").json("report.json")["value"] == 2


def test_a_failure_while_writing_leaves_the_old_run(tmp_path):
    write(tmp_path / "run")
    with pytest.raises(ZeroDivisionError), RunWriter(tmp_path / "run", overwrite=True) as writer:
        writer.write_json("report.json", {"value": 1 / 0})
    untouched = pytest.raises(RunError, match=r"could not write .*no space.*run that was there is untouched")
    with untouched, RunWriter(tmp_path / "run", overwrite=True):
        raise OSError(28, "no space left")
    with pytest.raises(ValueError, match="JSON compliant"), RunWriter(tmp_path / "run", overwrite=True) as writer:
        writer.write_json("report.json", {"value": float("nan")})
    with RunWriter(tmp_path / "run", overwrite=True):
        pass  # never finished
    assert RunFolder(tmp_path / "run").verify() == []
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_leftovers_of_a_killed_writer_are_cleared(tmp_path):
    (tmp_path / "run.partial").mkdir()
    (tmp_path / "run.partial" / "junk").write_text("junk")
    assert RunFolder(write(tmp_path / "run")).verify() == []
    assert not (tmp_path / "run.partial").exists()


def test_a_place_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot make the folder"):
        write(tmp_path / "file" / "run")


def test_every_touched_file_is_named(tmp_path):
    folder = write(tmp_path / "run")
    (folder / "space/data.bin").write_bytes(b"x")
    (folder / "log.jsonl").unlink()
    (folder / "foreign.txt").write_text("hello")
    problems = RunFolder(folder).verify()
    assert len(problems) == 3
    assert any("space/data.bin was altered" in problem for problem in problems)
    assert any("log.jsonl is missing" in problem for problem in problems)
    assert any("foreign.txt does not belong to this run" in problem for problem in problems)
    with pytest.raises(IntegrityError, match=r"data.bin was altered.*likewise verify"):
        RunFolder(folder).file("space/data.bin")
    with pytest.raises(IntegrityError, match="does not belong to this run"):
        RunFolder(folder).file("foreign.txt")


def test_every_byte_of_the_manifest_counts(tmp_path):
    manifest = write(tmp_path / "run") / "run.json"
    data = manifest.read_bytes()
    for at in range(len(data)):
        for other in (data[at] ^ 1, ord("\n") if data[at] == ord(" ") else ord(" ")):
            manifest.write_bytes(data[:at] + bytes([other]) + data[at + 1 :])
            with pytest.raises(RunError, match=r"run\.json"):
                RunFolder(tmp_path / "run")
    manifest.write_bytes(data)
    assert RunFolder(tmp_path / "run").verify() == []


def test_what_is_no_run_says_so(tmp_path):
    with pytest.raises(RunError, match="there is no run and no file of vectors at"):
        RunFolder(tmp_path / "none")
    with pytest.raises(RunError, match=r"is not a run: it has no run.json"):
        RunFolder(tmp_path)
    (tmp_path / "run.partial").mkdir()
    with pytest.raises(RunError, match="unfinished"):
        RunFolder(tmp_path / "run.partial")


def forged(path, **changes):
    """Write a manifest with a digest that fits, as somebody with bad intentions would."""
    manifest = json.loads((path / "run.json").read_bytes()) | changes
    manifest.pop("digest")
    manifest["digest"] = run_module.digest_of_json(manifest)
    (path / "run.json").write_bytes(run_module._pretty(manifest))


@pytest.mark.parametrize("name", ["/etc/passwd", "../outside", "space/../../outside"])
def test_a_manifest_cannot_name_files_outside(tmp_path, name):
    path = write(tmp_path / "run")
    forged(path, files={name: "sha256:0"})
    with pytest.raises(IntegrityError, match="outside of its own folder"):
        RunFolder(path)


def test_a_newer_format_is_said(tmp_path):
    path = write(tmp_path / "run")
    forged(path, format=99)
    with pytest.raises(RunError, match="use a newer likewise"):
        RunFolder(path)
    (path / "run.json").write_text("[1]")
    with pytest.raises(IntegrityError, match="not the manifest"):
        RunFolder(path)


def test_two_writers_of_one_run_do_not_meet(tmp_path):
    with RunWriter(tmp_path / "run") as writer:
        with pytest.raises(RunExists, match="is being written by another process"), RunWriter(tmp_path / "run"):
            pass
        writer.write_json("report.json", {"value": 1})
        writer.finish({})
    assert RunFolder(tmp_path / "run").verify() == []


def test_a_folder_of_the_users_own_is_never_cleared_away(tmp_path):
    write(tmp_path / "run")
    (tmp_path / "run").rename(tmp_path / "run.old")  # somebody's own copy
    with pytest.raises(RunError, match="there is no run"):
        RunFolder(tmp_path / "run")
    write(tmp_path / "run")
    write(tmp_path / "run", 2, overwrite=True)
    assert RunFolder(tmp_path / "run.old").json("report.json")["value"] == 1


def test_what_came_meanwhile_is_not_replaced(tmp_path):
    with RunWriter(tmp_path / "run") as writer:
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "thesis.txt").write_text("mine")
        writer.finish({})
    assert writer.path.name == "run-unfinished-1"
    assert RunFolder(writer.path).verify() == []
    assert (tmp_path / "run" / "thesis.txt").read_text() == "mine"


def test_a_foreign_link_is_named(tmp_path):
    folder = write(tmp_path / "run")
    (folder / "elsewhere").symlink_to(tmp_path)
    assert ["elsewhere does not belong" in problem for problem in RunFolder(folder).verify()] == [True]
