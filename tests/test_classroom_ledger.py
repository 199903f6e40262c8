"""The ledger of a class, and its way to Canvas and Moodle and back."""

import csv
import shutil
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("nbgrader", reason="pip install -e .[grading]")

from command_kit import complains
from nbgrader.api import Gradebook
from nbgrader.plugins import CsvExportPlugin

from course_lib.classroom import learning_platforms as platforms
from course_lib.classroom.generating import ClassroomError, find_programs
from course_lib.classroom.ledger import Entry, read_entries, read_late_days

ADA, BEN, CEM = "Ada Lovelace_1234", "ben", "Cem Ö_77"


@pytest.fixture
def book(made, tmp_path):
    """A copy of the book for one test."""
    return Path(shutil.copy(made, tmp_path))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Ada handed in both, Ben the first, Cem none; Ada's figure of A1 is marked, her A2's not."""
    find_programs()
    path = tmp_path_factory.mktemp("book") / "gradebook.db"
    with Gradebook(f"sqlite:///{path}") as made:
        for name in ("A1", "A2"):
            made.add_assignment(name)
            made.add_notebook("book", name)
            for cell, most in (("check", 4), ("figure", 3)):
                made.add_grade_cell(cell, "book", name, max_score=most, cell_type="code")
        for student in (ADA, BEN, CEM):
            made.add_student(student)
        for name, student, check, figure in (
            ("A1", ADA, 4, 2.5),
            ("A2", ADA, 3, None),
            ("A1", BEN, 1, 0),
        ):
            made.add_submission(name, student)
            grade = made.find_grade("check", "book", name, student)
            grade.auto_score, grade.needs_manual_grade = check, False
            grade = made.find_grade("figure", "book", name, student)
            grade.manual_score, grade.needs_manual_grade = figure, figure is None
        made.db.commit()
    return path


def rows_of(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_ledger_is_what_nbgraders_export_says_and_has_one_denominator(book, tmp_path, run):
    code, out, err = run("ledger", tmp_path)
    assert code == 0, err
    rows = {row["student"]: row for row in rows_of(tmp_path / "ledger.csv")}
    assert list(rows) == sorted([ADA, BEN, CEM])
    assert {row["of"] for row in rows.values()} == {"14"}
    assert rows[ADA] | {"total": "9.5", "not yet marked, at most": "3"} == rows[ADA]
    assert rows[ADA]["A1 automatic"] == "4" and rows[ADA]["A1 by hand"] == "2.5"
    assert rows[BEN]["total"] == "1" and rows[CEM]["total"] == "0"
    assert "1 submissions have questions that nobody has marked" in out
    export = CsvExportPlugin()
    export.to = str(tmp_path / "nbgrader.csv")
    with Gradebook(f"sqlite:///{book}") as found:
        export.export(found)
    for row in rows_of(tmp_path / "nbgrader.csv"):
        assert float(row["score"]) == float(rows[row["student_id"]][row["assignment"]])
        assert float(row["max_score"]) == 7


def test_late_days_cost_a_share_of_what_was_reached(book, tmp_path, run):
    late = tmp_path / "late.csv"
    late.write_text(f"student,assignment,days\n{ADA},A1,1.2\n{BEN},A1,30\n")
    code, _, err = run("ledger", tmp_path, "--late", late, "--percent-per-day", 10)
    assert code == 0, err
    rows = {row["student"]: row for row in rows_of(tmp_path / "ledger.csv")}
    # 6.5 points, two days begun.
    assert (rows[ADA]["A1 penalty"], rows[ADA]["A1"], rows[ADA]["A1 late days"]) == (
        "1.3",
        "5.2",
        "1.2",
    )
    assert (rows[BEN]["A1 penalty"], rows[BEN]["A1"]) == ("1", "0")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("student,days\nben,1\n", "has no column 'assignment'"),
        ("student,assignment,days\nben,A1,soon\n", "line 2: 'soon' is no number of days"),
        ("student,assignment,days\nben,A1,-1\n", "'-1' is no number of days"),
        ("student,assignment,days\nben,A1,inf\n", "'inf' is no number of days"),
        ("student,assignment,days\nbob,A1,1\n", "the gradebook holds no bob with A1"),
    ],
)
def test_a_wrong_list_of_late_days_is_told_in_one_sentence(book, tmp_path, run, text, words):
    late = tmp_path / "late.csv"
    late.write_text(text)
    complains(run("ledger", tmp_path, "--late", late), words)
    assert not (tmp_path / "ledger.csv").exists()


def test_a_folder_without_a_book_and_a_wrong_percentage_are_told(tmp_path, run):
    complains(run("ledger", tmp_path), "grade submissions first")
    for wrong in ("-1", "101", "nan", "much"):
        code, _, err = run("ledger", tmp_path, "--percent-per-day", wrong)
        assert code == 2 and "--percent-per-day" in err
    with pytest.raises(ClassroomError, match="cannot be read as a table"):
        read_late_days(tmp_path)


CANVAS = """Student,ID,SIS Login ID,Section,A1 Features (501),A2 (502),Final
    Points Possible,,,,7,7,
"Lovelace, Ada",1234,alove,S1,,9,x
"Ben",9,BEN,S1,,,y
"Other, One",10,other,S1,1,2,z
"""


def test_canvas_gets_its_own_table_back_with_totals_and_nothing_else(book, tmp_path, run):
    exported = tmp_path / "export.csv"
    exported.write_text("\ufeff" + CANVAS, encoding="utf-8")
    code, out, err = run("ledger", tmp_path, "--canvas", exported)
    assert code == 0, err
    rows = {row["Student"]: row for row in rows_of(tmp_path / "canvas.csv")}
    assert list(rows) == ["    Points Possible", "Lovelace, Ada", "Ben", "Other, One"]
    assert (rows["Lovelace, Ada"]["A1 Features (501)"], rows["Lovelace, Ada"]["A2 (502)"]) == (
        "6.5",
        "3",
    )
    assert rows["Ben"]["A1 Features (501)"] == "1" and rows["Ben"]["Final"] == "y"
    assert rows["Other, One"]["A2 (502)"] == "2"
    assert f"{CEM} is in no row" in out
    exported.write_text(CANVAS.replace("A2 (502)", "A20 (502)"))
    complains(run("ledger", tmp_path, "--canvas", exported), "no column that begins with A2")


MOODLE = """Identifier,Full name,Status,Grade,Maximum Grade,Feedback comments
Participant 1234,Ada Lovelace,Submitted,-,7.00,
Participant 77,Cem Ö,No submission,-,7.00,
"""


def test_moodle_gets_its_worksheet_back_with_totals(book, tmp_path, run):
    worksheet = tmp_path / "worksheet.csv"
    worksheet.write_text(MOODLE, encoding="utf-8")
    code, out, err = run("ledger", tmp_path, "--moodle", "A1", worksheet)
    assert code == 0, err
    rows = rows_of(tmp_path / "moodle_A1.csv")
    assert [row["Grade"] for row in rows] == ["6.5", "0"]
    assert [row["Maximum Grade"] for row in rows] == ["7.00", "7.00"]
    assert "ben is in no row" in out
    complains(run("ledger", tmp_path, "--moodle", "A9", worksheet), "no assignment A9")


# --- zips ---


def zipped(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def test_moodles_zip_is_unpacked_by_student(tmp_path, run):
    archive = zipped(
        tmp_path / "a.zip",
        {
            f"{ADA}_assignsubmission_file_/A2_adain.ipynb": "ada",
            f"{ADA}_assignsubmission_file_/notes.pdf": "no notebook",
            f"{CEM}_assignsubmission_file_A2_adain.ipynb": "cem",
            "../../evil_5_assignsubmission_file_/../../x.ipynb": "outside",
        },
    )
    code, out, err = run("collect", "A2", archive, "-o", tmp_path / "in")
    assert code == 0, err
    found = {
        p.relative_to(tmp_path / "in").as_posix(): p.read_text() for p in tmp_path.rglob("*.ipynb")
    }
    assert found == {f"{ADA}/A2/A2_adain.ipynb": "ada", f"{CEM}/A2/A2_adain.ipynb": "cem"}
    assert "2 students' notebooks of A2" in out and "notes.pdf" in out and "left out" in out


def test_canvas_zip_keeps_the_last_attempt_and_tells_who_was_late(tmp_path, run):
    archive = zipped(
        tmp_path / "a.zip",
        {
            "lovelaceada_1234_5678_A2_adain.ipynb": "first",
            "lovelaceada_1234_5690_A2_adain-10.ipynb": "last",
            "lovelaceada_1234_5679_A2_adain-2.ipynb": "second",
            "benb_LATE_9_5691_A2_adain.ipynb": "ben",
        },
    )
    code, out, err = run("collect", "A2", archive, "-o", tmp_path / "in")
    assert code == 0, err
    found = {
        p.relative_to(tmp_path / "in").as_posix(): p.read_text() for p in tmp_path.rglob("*.ipynb")
    }
    assert found == {
        "lovelaceada_1234/A2/A2_adain.ipynb": "last",
        "benb_9/A2/A2_adain.ipynb": "ben",
    }
    assert "late: benb_9" in out


def test_no_zip_and_a_zip_of_something_else_are_told(tmp_path, run):
    (tmp_path / "no.zip").write_text("text")
    complains(
        run("collect", "A2", tmp_path / "no.zip", "-o", tmp_path / "in"), "cannot be unpacked"
    )
    other = zipped(tmp_path / "other.zip", {"A2_adain.ipynb": "x"})
    complains(run("collect", "A2", other, "-o", tmp_path / "in"), "holds no notebooks as Canvas")


def test_feedback_goes_back_under_moodles_own_names(tmp_path):
    for student in (ADA, BEN):
        page = tmp_path / "feedback" / student / "A2" / "A2_adain.html"
        page.parent.mkdir(parents=True)
        page.write_text(student)
    assert platforms.zip_feedback(tmp_path / "feedback", "A2", tmp_path / "x.zip") == 2
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        assert archive.namelist() == [
            f"{name}_assignsubmission_file_/A2_adain.html" for name in (ADA, BEN)
        ]
    assert platforms.zip_feedback(tmp_path / "feedback", "A1", tmp_path / "y.zip") == 0
    assert not (tmp_path / "y.zip").exists()


def test_a_row_in_which_nobody_or_two_match_is_left_to_a_person(tmp_path):
    entries = [Entry("ada", "A2", 1, 0, 0, 0, 0, 7)]
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("Identifier,Username,Grade\n1,ada,-\n2,Ada,-\n")
    assert platforms.fill_moodle(sheet, entries, "A2", tmp_path / "out.csv") == ["ada"]
    assert [row["Grade"] for row in rows_of(tmp_path / "out.csv")] == ["-", "-"]


def test_a_book_is_only_read(book):
    before = book.read_bytes()
    assert len(read_entries(book)) == 6
    assert book.read_bytes() == before
