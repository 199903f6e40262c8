"""Saving: whatever goes wrong, an older file stays whole and nothing half-written is left."""

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from course_lib import REPOSITORY, CourseError
from course_lib.system.files import check_place, relative_name, replacing, save_record


def test_a_new_file_appears_under_its_name_with_its_folders(tmp_path):
    path = tmp_path / "a" / "b" / "note.txt"
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def test_the_older_file_stands_until_the_end_of_the_block(tmp_path):
    path = tmp_path / "note.txt"
    path.write_text("older")
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "older"
    assert path.read_text() == "new"


def test_an_exception_keeps_the_older_file_and_leaves_no_other(tmp_path):
    path = tmp_path / "note.txt"
    path.write_text("older")
    with pytest.raises(ZeroDivisionError), replacing(path) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "older"
    assert list(tmp_path.iterdir()) == [path]


def test_a_rename_that_fails_keeps_the_older_file(tmp_path, monkeypatch):
    def refuse(source, target):
        raise PermissionError(13, "The file is in use", str(target))

    path = tmp_path / "note.txt"
    path.write_text("older")
    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(PermissionError), replacing(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "older"
    assert list(tmp_path.iterdir()) == [path]


def test_a_process_that_dies_in_the_block_keeps_the_older_file(tmp_path):
    path = tmp_path / "note.txt"
    path.write_text("older")
    code = (
        "import os, sys; from course_lib.system.files import replacing\n"
        "with replacing(sys.argv[1]) as temporary:\n"
        "    temporary.write_text('half'); os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], cwd=REPOSITORY, timeout=300)
    assert done.returncode == 9
    assert path.read_text() == "older"


def test_two_writers_do_not_share_a_temporary_file(tmp_path):
    path = tmp_path / "note.txt"
    with replacing(path) as first:
        first.write_text("first")
        with replacing(path) as second:
            second.write_text("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first"


def test_a_block_that_writes_nothing_is_an_error_and_keeps_the_older_file(tmp_path):
    path = tmp_path / "note.txt"
    path.write_text("older")
    with pytest.raises(FileNotFoundError), replacing(path):
        pass
    assert path.read_text() == "older"


def test_the_temporary_name_is_hidden_beside_the_file_and_keeps_the_extension(tmp_path):
    with replacing(tmp_path / "picture.jpg") as temporary:
        temporary.write_text("x")
        assert temporary.parent == tmp_path
        assert temporary.name.startswith(".")
        assert temporary.suffix == ".jpg"


def test_a_name_as_long_as_the_file_system_allows_can_be_written(tmp_path):
    path = tmp_path / ("n" * 251 + ".png")
    with replacing(path) as temporary:
        temporary.write_text("x")
    assert path.exists()


@pytest.fixture
def umask():
    before = os.umask(0o027)
    yield
    os.umask(before)


needs_modes = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")


@needs_modes
def test_a_new_file_honours_the_umask_whatever_the_writer_does(tmp_path, umask):
    path = tmp_path / "note.txt"
    with replacing(path) as temporary:
        temporary.touch(mode=0o600)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@needs_modes
@pytest.mark.parametrize("mode", [0o600, 0o664, 0o400])
def test_an_older_files_permissions_are_kept(tmp_path, mode):
    path = tmp_path / "grades.csv"
    path.write_text("older")
    path.chmod(mode)
    with replacing(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new" and stat.S_IMODE(path.stat().st_mode) == mode


def test_a_refused_chmod_is_no_error(tmp_path, monkeypatch):
    def refuse(self, mode):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refuse)
    with replacing(tmp_path / "note.txt") as temporary:
        temporary.write_text("x")
    assert (tmp_path / "note.txt").read_text() == "x"


@pytest.mark.parametrize("name", ["雪" * 83 + ".png", "ü" * 125, "🎨" * 60 + ".jpg"])
def test_long_names_of_many_bytes_can_be_written(tmp_path, name):
    with replacing(tmp_path / name) as temporary:
        temporary.write_text("x")
    assert (tmp_path / name).exists()


def test_a_folder_is_not_replaced(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError, match="give a file name"), replacing(tmp_path / "folder"):
        pytest.fail("the block must not start")
    assert (tmp_path / "folder").is_dir()


@pytest.mark.parametrize("below", ["out.txt", "deeper/out.txt"])
def test_a_file_in_the_place_of_a_folder_is_named(tmp_path, below):
    (tmp_path / "file").write_text("x")
    path = tmp_path / "file" / below
    with pytest.raises(NotADirectoryError, match="its folder should be") as caught, replacing(path):
        pytest.fail("the block must not start")
    assert caught.value.filename == str(path)
    assert (tmp_path / "file").read_text() == "x"


def test_a_record_holds_settings_results_and_their_origin(tmp_path):
    path = save_record(tmp_path / "runs" / "r.json", {"size": 16}, {"ratio": 0.5, "by": [1, 2]})
    record = json.loads(path.read_text())
    assert record["settings"] == {"size": 16}
    assert record["results"] == {"ratio": 0.5, "by": [1, 2]}
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", record["date"])
    assert record["python"] == sys.version.split()[0]
    assert record["torch"] == torch.__version__
    assert re.fullmatch(r".+, (1 thread|(?!1 )\d+ threads); [a-z0-9_, ]+", record["cpu"])
    assert path.read_text().endswith("}\n")


def test_a_record_that_json_cannot_hold_keeps_the_older_one(tmp_path):
    path = tmp_path / "r.json"
    path.write_text("older")
    with pytest.raises(TypeError):
        save_record(path, {"size": object()}, {})
    assert path.read_text() == "older"
    assert list(tmp_path.iterdir()) == [path]


def test_the_recorded_command_tells_nothing_about_the_machine(tmp_path, monkeypatch):
    inside, outside = REPOSITORY / "data" / "style", tmp_path / "secret" / "list.txt"
    program = str(REPOSITORY / "course_lib" / "__main__.py")
    arguments = ["quality", "--style", str(inside), "--only", str(outside), "-o", "out/q.json"]
    monkeypatch.setattr(sys, "argv", [program, *arguments])
    record = json.loads(save_record(tmp_path / "r.json", {}, {}).read_text())
    assert record["command"] == (
        f"python -m course_lib quality --style {Path('data/style')} --only list.txt -o out/q.json"
    )


def test_a_record_from_elsewhere_does_not_copy_that_command_line(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["ipykernel_launcher.py", "-f", "kernel-1.json"])
    record = json.loads(save_record(tmp_path / "r.json", {}, {}).read_text())
    assert record["command"] == "python -m course_lib ..."


def test_a_record_that_a_script_makes_names_the_script(tmp_path, monkeypatch):
    script = str(REPOSITORY / "tests" / "browser" / "web_speed.py")
    monkeypatch.setattr(sys, "argv", [script, "--record"])
    record = json.loads(save_record(tmp_path / "r.json", {}, {}).read_text())
    assert record["command"] == f"python {Path('tests/browser/web_speed.py')} --record"


@pytest.mark.parametrize("text", ["16", "--size", "out/a.png", "../a.png", ""])
def test_relative_names_stay_as_they_are(text):
    assert relative_name(text) == text


def test_a_place_is_checked_and_nothing_is_made(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    for kind in ("file", "folder", "either"):
        check_place(tmp_path / "new" / "deep.json", kind)
        with pytest.raises(CourseError, match="a file is where its folder should be"):
            check_place(tmp_path / "file" / "new.json", kind)
    check_place(tmp_path / "file")
    check_place(tmp_path / "file", "either")
    for kind in ("folder", "either"):
        check_place(tmp_path, kind)
    with pytest.raises(CourseError, match="is a folder; give a file name"):
        check_place(tmp_path)
    with pytest.raises(CourseError, match="file cannot be written"):
        check_place(tmp_path / "file", "folder")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(CourseError, match=f"permission denied in {tmp_path}$"):
        check_place(tmp_path / "new" / "deep.json")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
