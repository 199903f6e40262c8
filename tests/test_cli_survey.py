"""The survey as its users meet it: the commands from end to end, and the form of JupyterLab."""

import csv
import io
import json
import subprocess
import sys
from functools import partial

import pytest
from command_kit import complains
from PIL import Image
from survey_kit import answer, save, write_preference_survey, write_style_survey

from course_lib import REPOSITORY
from course_lib.survey.exports import read_csv, read_csv_key
from course_lib.survey.form import survey_form
from course_lib.survey.items import SurveyError, key_path, read_key, read_page
from course_lib.survey.results import check_result


@pytest.fixture(scope="module")
def survey(tmp_path_factory, make_images):
    out = tmp_path_factory.mktemp("survey") / "survey.html"
    write_style_survey(out, make_images)
    return out


@pytest.fixture
def run(run, monkeypatch, tmp_path):
    """Run a command of the survey: ``run("build", ...) -> (exit code, stdout, stderr)``."""
    monkeypatch.chdir(tmp_path)
    return partial(run, "survey")


# --- build ---


def test_a_survey_is_built_simulated_and_scored(run, tmp_path, make_images):
    make_images(tmp_path / "photos", 3)
    make_images(tmp_path / "paintings", 4, seed=3)
    page = tmp_path / "new" / "survey.html"
    code, out, err = run(
        "build",
        "--content",
        tmp_path / "photos",
        "--style",
        tmp_path / "paintings",
        "--questions 3 --seed 5 --size 16 --style-size 32 --distractor nearest --attention",
        "--title Mine --device cpu",
        "-o",
        page,
    )
    assert (code, err) == (0, "")
    key = read_key(key_path(page))
    lines = out.splitlines()
    assert lines[0].startswith(f"{page}: survey {key.survey}, 3 questions, ")
    assert lines[1] == f"{key_path(page)}: the key; keep it to yourself"
    assert sorted(p.name for p in page.parent.iterdir()) == ["survey.html", "survey.key.json"]
    assert key.settings["seed"] == 5 and key.settings["distractor"] == "nearest"
    assert str(tmp_path) not in key_path(page).read_text()
    assert read_page(page).title == "Mine" and len(read_page(page).items) == 4

    made_up = tmp_path / "simulated.jsonl"
    code, out, err = run("simulate", key_path(page), "--people", 30, "--seed", 1, "-o", made_up)
    assert (code, err) == (0, "")
    assert "30 simulated participants, marked as such" in out
    record = tmp_path / "score.json"
    code, out, err = run("score", made_up, "--key", key_path(page), "-o", record)
    assert (code, err) == (0, "")
    results = json.loads(record.read_text())["results"]
    assert results["simulated"] is True
    assert f"30 people, 3 questions each: {results['successes']} of 90 right" in out


def test_a_comparison_is_built_and_scored(run, tmp_path, make_images):
    for seed, name in enumerate(("one", "two")):
        make_images(tmp_path / name, 5, seed=seed)
    page = tmp_path / "p.html"
    methods = [f"AdaIN={tmp_path / 'one'}", f"Gatys={tmp_path / 'two'}"]
    code, out, err = run("build", "--compare", *methods, "--questions", 4, "--size", 16, "-o", page)
    assert (code, err) == (0, "")
    assert str(tmp_path) not in key_path(page).read_text()
    key = read_key(key_path(page))
    paths = [
        save(answer(key, f"{k:016x}", lambda i, k=k: i < k), tmp_path / f"{k}.json")
        for k in range(5)
    ]
    code, out, err = run("score", *paths, "--key", key_path(page))
    assert (code, err) == (0, "")
    assert "AdaIN : Gatys" in out and "10 : 10" in out and "strengths: " in out
    assert "simulated" not in out.lower()


def test_every_table_over_simulated_people_says_so(run, survey, tmp_path, make_images):
    write_preference_survey(tmp_path / "p.html", make_images)
    for page in (survey, tmp_path / "p.html"):
        made_up = tmp_path / "simulated.jsonl"
        run("simulate", key_path(page), "--people", 12, "-o", made_up)
        _, out, _ = run("score", made_up, "--key", key_path(page))
        blocks = out.strip().split("\n\n")
        assert len(blocks) >= 6
        assert blocks[0].startswith("SIMULATED participants")
        for block in blocks[1:]:
            assert block.splitlines()[0].endswith("(simulated)"), block


def test_the_tables_name_everything(run, survey, tmp_path):
    key = read_key(key_path(survey))
    folder = tmp_path / "answers"
    folder.mkdir()
    for k in range(4):
        save(answer(key, f"{k:08x}00000000", lambda i, k=k: i <= k), folder / f"{k}.json")
    save("{", folder / "cut.json")
    picture = tmp_path / "intervals.png"
    code, out, _ = run(
        "score", folder, "--key", key_path(survey), "--half-width", 0.1, "--picture", picture
    )
    assert code == 0 and out.endswith(f"made {picture}\n")
    assert Image.open(picture).height > 200  # a row for each question
    assert "4 people, 5 questions each: 10 of 20 right, 50.0 %" in out
    for k in range(4):
        assert f"{k:08x}  {k + 1} of 5  2.0 s" in out
    for item in key.questions:
        assert item.labels[item.right] in out
    assert "Left out: 1" in out and f"{folder / 'cut.json'}: is not JSON" in out
    assert "interval of +-10 points" in out and "kappa" in out and "Position" in out


def test_names_cannot_steer_the_terminal(run, survey, tmp_path):
    path = key_path(survey)
    record = json.loads(path.read_text())
    for item in record["items"]:
        item["labels"] = dict.fromkeys(item["labels"], "\x1b[2Jgone\n\r$x^")
    hostile = tmp_path / "hostile.key.json"
    hostile.write_text(json.dumps(record))
    result = save(answer(read_key(hostile)), tmp_path / "\x1b[2Ja.json")
    bad = save("x", tmp_path / "\x1b[2Jb.json")
    code, out, err = run("score", result, bad, "--key", hostile)
    assert code == 0 and "\x1b" not in out + err and r"\x1b[2Jgone" in out


# --- other commands ---


def test_a_form_export_is_scored(run, tmp_path):
    (tmp_path / "key.csv").write_text("question,right\nQ1,A\nQ2,B\n")
    rows = "".join(f"{k},A,{'B' if k % 2 else 'A'}\n" for k in range(10))
    (tmp_path / "form.csv").write_text("time,Q1,Q2\n" + rows)
    code, out, err = run("score", tmp_path / "form.csv", "--key", tmp_path / "key.csv")
    assert (code, err) == (0, "")
    assert "10 people, 2 questions each: 15 of 20 right, 75.0 %" in out
    assert "Position: not known from this kind of file" in out and "row 2" in out


def test_the_reports_totals_are_judged_and_recorded(run, tmp_path):
    record = tmp_path / "totals.json"
    code, out, err = run("totals", "-o", record)
    assert (code, err) == (0, "")
    numbers = json.loads(record.read_text())["results"]
    assert "250 of 325 right, 76.9 %: 65 people, 5 questions each" in out
    low, high = numbers["interval_if_independent"]
    assert f"{100 * low:.1f} to {100 * high:.1f} %" in out
    assert "above chance even if" in out
    assert "not surely above chance" in run("totals", "--right", 190)[1]


def test_coverage_is_measured(run, tmp_path):
    code, out, _ = run("coverage", "--surveys", 50, "--spreads", 0, 2, "-o", tmp_path / "c.json")
    assert code == 0 and out.count("simulated, spread of skill") == 2
    record = json.loads((tmp_path / "c.json").read_text())
    assert record["settings"]["simulated"] is True and set(record["results"]) == {"0", "2"}


def test_bad_usage_is_one_sentence(run, survey, tmp_path):
    key = key_path(survey)
    good = save(answer(read_key(key)), tmp_path / "a.json")
    page = tmp_path / "s.html"
    complains(run("build", "-o", page), "--content and --style", "--compare")
    complains(run("build", "--compare", "a", "b", "-o", page), "'a'", "NAME=DIR")
    complains(run("build", "--compare", "a=x", "a=y", "-o", page), "'a' is given twice")
    complains(run("build", "--compare", "a=x", "b=y", "--attention", "-o", page), "--attention")
    complains(run("build", "--compare", "a=x", "-o", page), "two methods")
    complains(run("build", "--compare", "a=nope", "b=y", "-o", page), "nope: no such folder")
    complains(run("score", good, "--key", tmp_path / "nope.json"), "nope.json: no such file")
    complains(run("score", good, "--key", survey), "is not a key")
    complains(run("score", survey, "--key", key), "no result can be used")
    complains(run("score", good, "--key", key, "--half-width", 0.7), "precision", "0.7")
    complains(run("score", good, "--key", key, "--level", 1), "level of confidence")
    complains(run("score", good, tmp_path / "x.csv", "--key", key), "x.csv", "alone")
    complains(run("simulate", key, "--rate", 1, "-o", tmp_path / "x"), "rate of success")
    complains(run("totals", "--right", 400), "cannot have 400")
    complains(run("totals", "--people", 1, "--right", 1), "at least two people")
    for action in ([], ["paint"], ["build", "--distractor", "near", "-o", page]):
        complains(run(*action), "--help")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.json"]


@pytest.mark.parametrize("action", ["build", "score", "simulate", "totals", "coverage"])
def test_help_of_every_action_imports_nothing_heavy(run, action):
    code, out, _ = run(action, "--help")
    assert code == 0 and f"course_lib survey {action}" in out and "None" not in out
    if action == "build":
        command = [sys.executable, "-X", "importtime", "-m", "course_lib", "survey", "build", "-h"]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0
        lines = [line for line in done.stderr.splitlines() if "|" in line]
        names = {line.rsplit("|", 1)[1].strip().split(".")[0] for line in lines}
        assert "argparse" in names and not names & {"torch", "numpy", "PIL", "ipywidgets"}


# --- the form of JupyterLab ---


def test_the_form_saves_what_the_page_would(survey, tmp_path):
    key = read_key(key_path(survey))
    form = survey_form(survey, tmp_path / "work")
    assert "Practice" in form.heading.value
    assert [button.description for button in form.buttons] == ["Painting 1", "Painting 2"]
    assert "will be saved in work/" in form.heading.value
    form.next_button.click()  # nothing is chosen yet
    form.buttons[0].click()
    form.next_button.click()
    for k in range(5):
        assert f"Question {k + 1} of 5" in form.heading.value
        assert all('<img src="data:image/jpeg' in picture.value for picture in form.pictures)
        assert form.next_button.disabled and form.next_button.description == (
            "Finish" if k == 4 else "Next"
        )
        form.since -= 10  # ten seconds have passed
        form.buttons[1 - k % 2].click()
        form.buttons[k % 2].click()  # another choice
        marked = [button.description.startswith("\u2713") for button in form.buttons]
        assert marked == [k % 2 == 0, k % 2 == 1]
        form.next_button.click()
        form.next_button.click()  # a double click answers one question
    assert f"work/{form.saved.name}" in form.heading.value
    assert "Thank you" in form.heading.value and form.saved.parent == tmp_path / "work"
    result = check_result(json.loads(form.saved.read_text()), key)
    assert [a["position"] for a in result["answers"]] == [1, 2, 1, 2, 1]
    assert all(10_000 <= a["milliseconds"] < 60_000 for a in result["answers"])
    before = form.saved.read_bytes()
    form.buttons[0].click()  # too late
    form.next_button.click()
    assert form.saved.read_bytes() == before


def test_the_form_shows_the_pictures_of_the_choice(survey, tmp_path):
    form = survey_form(survey, tmp_path)
    form.choose(1)
    form.go_on()
    item, swapped, _ = form.steps[form.place]
    shown = item["options"][::-1] if swapped else item["options"]
    for k, option in enumerate(shown, 1):
        assert f'src="{option["picture"]}" alt="Painting {k}"' in form.pictures[k].value
    form.choose(2)
    form.go_on()
    assert form.answers[0][:3] == (item["id"], shown[1]["id"], 2)


def test_readers_without_a_kernel_see_the_first_picture(survey, tmp_path):
    form = survey_form(survey, tmp_path)
    data = form._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    picture = form.steps[0][0]["picture"]
    said = "The picture of the form's first question"
    assert f'<img src="{picture}" alt="{said}"' in data["text/html"]


def test_the_form_of_a_comparison_shows_two_pictures(tmp_path, make_images):
    write_preference_survey(tmp_path / "p.html", make_images)
    form = survey_form(tmp_path / "p.html", tmp_path)
    assert form.steps[0][0]["options"][0]["picture"] in form._repr_mimebundle_()["text/html"]
    assert form.pictures[0] not in form.row.children and len(form.row.children) == 2
    assert [button.description for button in form.buttons] == ["Picture 1", "Picture 2"]


def test_the_form_refuses_other_files_and_runs_no_text(tmp_path, survey):
    with pytest.raises(SurveyError, match="no such file"):
        survey_form(tmp_path / "nope.html")
    hostile = survey.read_text().replace("Which painting", "\\u003cimg src=x onerror=alert(1)>")
    (tmp_path / "x.html").write_text(hostile)
    form = survey_form(tmp_path / "x.html", tmp_path)
    assert "&lt;img src=x" in form.heading.value and "<img" not in form.heading.value
    for old, new in (('"options"', '"opt"'), ("data:image/jpeg;", "http://elsewhere/")):
        (tmp_path / "y.html").write_text(survey.read_text().replace(old, new))
        with pytest.raises(SurveyError, match="cannot be shown"):
            survey_form(tmp_path / "y.html", tmp_path)


QUESTIONS = ["Which style, in the end?", "Size; or colour?"]
EXPORT = [["Time", *QUESTIONS], *(line.split() for line in ("1 Monet red", "2 Klimt blue"))]


def quoted(rows, delimiter):
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter).writerows(rows)
    return file.getvalue()


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("first", ["", "sep={}\r\n"])
def test_exports_of_spreadsheets_are_read(tmp_path, delimiter, encoding, first):
    path, key = tmp_path / "export.csv", tmp_path / "key.csv"
    first = first.format(delimiter)
    path.write_bytes((first + quoted(EXPORT, delimiter)).encode(encoding))
    rows = [["question", "right"], [QUESTIONS[0], "Monet"], [QUESTIONS[1], "red"]]
    key.write_bytes((first + quoted(rows, delimiter)).encode(encoding))
    answers = read_csv(path, read_csv_key(key))
    assert answers.first_chosen.tolist() == [[True, True], [False, False]]


def test_commas_in_unquoted_titles_do_not_mislead(tmp_path):
    rows = ["Time;Which style, in the end, a, b, c?;x", "1;Monet;y", "2;Klimt;z"]
    (tmp_path / "export.csv").write_text("\n".join(rows))
    (tmp_path / "key.csv").write_text("question;right\nWhich style, in the end, a, b, c?;Monet\n")
    answers = read_csv(tmp_path / "export.csv", read_csv_key(tmp_path / "key.csv"))
    assert answers.first_chosen.tolist() == [[True], [False]]
