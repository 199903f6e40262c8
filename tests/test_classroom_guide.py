"""The instructor's guide tells the truth: times, messages, commands, links to lessons' sections."""

import math
import re
import statistics

import pytest
import torch
from grading_kit import ASSIGNMENTS_DIR, text_of
from wrong_answers import a2_adain, a4_gatys, a5_benchmark, a6_survey, a7_cuda

from course_lib import DATA_DIR, REPOSITORY
from course_lib.adain import channel_statistics
from course_lib.classroom import bundle, generating, grading, lesson_times, readiness
from course_lib.cli import options
from course_lib.images import IMAGENET_MEAN, IMAGENET_STD
from course_lib.lessons.answers import CheckFailed
from course_lib.lessons.lesson01 import homework as homework01
from course_lib.lessons.lesson02 import homework as homework02
from course_lib.lessons.lesson03 import homework as homework03
from course_lib.lessons.lesson04 import homework as homework04
from course_lib.lessons.lesson05 import homework as homework05
from course_lib.lessons.lesson06 import homework as homework06
from course_lib.lessons.lesson07 import homework as homework07

GUIDE = ASSIGNMENTS_DIR / "INSTRUCTORS.md"
TEXT = GUIDE.read_text(encoding="utf-8")
LESSONS = {path.stem[:2]: path for path in (REPOSITORY / "notebooks").glob("*.ipynb")}


# --- common wrong answers ---

MEAN, STD = (torch.tensor(values)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_STD))
CAFFE = torch.tensor(homework01.CAFFE_MEAN)[:, None, None]


def masked_to_zero(features, mask):
    return channel_statistics(mask * features)


def printed_adain(content, style, mask):
    (mean, _), (its_mean, its_std) = a2_adain.masked(content, mask), channel_statistics(style)
    return (1 - mask) * content + mask * (its_std * (content - mean) / mean + its_mean)


def inside_only(means, stds, counts):
    share = (counts / counts.sum())[:, None]
    return (share * means).sum(0), (share * stds.square()).sum(0).sqrt()


def plain_number(layers, targets):
    found = ((channel_statistics(layers[name]), pair) for name, pair in targets.items())
    return sum(
        (a - b).square().mean().item()
        for ours, pair in found
        for a, b in zip(ours, pair, strict=True)
    )


def nothing_learns(encoder, decoder, optimizer, content, style, style_weight):
    from course_lib.training.objective import adain_losses

    with torch.no_grad():
        content_part, style_part = adain_losses(encoder, decoder, content, style)
        loss = content_part + style_weight * style_part
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def covariance(features, shift):
    return a4_gatys.shifted(features - features.mean((2, 3), keepdim=True), shift)


def one_loss_per_step(objective, image, steps):
    pixels, found = image.clone().requires_grad_(), []
    optimizer = torch.optim.LBFGS([pixels], lr=1)

    def closure():
        optimizer.zero_grad()
        loss = objective(pixels)
        loss.backward()
        return loss

    for _ in range(steps):
        found.append(optimizer.step(closure).item())
    return pixels.detach(), found


def extremes(plain, ours):
    middle = statistics.median(plain) / statistics.median(ours)
    return middle, min(plain) / max(ours), max(plain) / min(ours)


def one_side(successes, answers, chance):
    chances = [a6_survey.chance_of(k, answers, chance) for k in range(answers + 1)]
    return min(sum(chances[successes:]), sum(chances[: successes + 1]))


def answers_as_sample(right):
    flat = [answer for person in right for answer in person]
    p = sum(flat) / len(flat)
    half = 1.96 * math.sqrt(p * (1 - p) / len(flat))
    return p - half, p + half


COMMON = {
    "A1.2": lambda: homework01.check_denormalize(lambda x: (x - MEAN) / STD),
    "A1.3": lambda: homework01.check_caffe(lambda x: 255 * x - CAFFE.flip(0)),
    "A1.4": lambda: homework01.check_receptive_field(
        lambda layers: (math.prod(k for k, _ in layers), math.prod(s for _, s in layers))
    ),
    "A1.5": lambda: homework01.check_activation_means(
        lambda maps: (
            torch.stack([x.mean((0, 2, 3)) for x in maps]).mean(0) + torch.eye(maps[0].shape[1])[1]
        )  # a channel that never fires gets 1
    ),
    "A2.2": lambda: homework02.check_masked_statistics(masked_to_zero),
    "A2.3": lambda: homework02.check_masked_adain(printed_adain),
    "A2.4": lambda: homework02.check_pooled(inside_only),
    "A3.3": lambda: homework03.check_losses(lambda a, b: (a - b).square().mean(), plain_number),
    "A3.4": lambda: homework03.check_step(nothing_learns),
    "A4.2": lambda: homework05.check_shifted_gram(covariance),
    "A4.4": lambda: homework05.check_minimise(one_loss_per_step),
    "A5.2": lambda: homework06.check_measure(a5_benchmark.varied(warm_ups=0)),
    "A5.3": lambda: homework06.check_speedup(extremes),
    "A6.3": lambda: homework07.check_p_value(one_side),
    "A6.4": lambda: homework07.check_people_interval(answers_as_sample),
    "A7.1": lambda: homework04.check_to_device(lambda x, d: x.to(d, torch.float32) / 255),
    "A7.2": lambda: homework04.check_mixed_losses(a7_cuda.converted_late),
    "A7.3": lambda: homework04.check_logged_run(a7_cuda.forgets("optimizer")),
}
ROWS = dict(re.findall(r'^\| (A\d\.\d) \| [^|]+ \| "([^"|]+)" \|', TEXT, re.MULTILINE))


def test_every_common_wrong_answer_is_tried_here():
    assert list(ROWS) == list(COMMON)


@pytest.mark.filterwarnings("ignore:std")  # of one position
@pytest.mark.parametrize("name", COMMON)
def test_a_common_wrong_answer_gets_the_message_of_the_guide(name):
    with pytest.raises(CheckFailed) as caught:
        COMMON[name]()
    assert ROWS[name] in str(caught.value)


# --- what it says about the course ---


def test_the_table_of_times_is_that_of_the_records():
    between = TEXT.split(lesson_times.BEGIN)[1].split(lesson_times.END)[0]
    assert between.strip() == (lesson_times.table() if lesson_times.read_times("cpu") else "")


def test_the_recorded_lessons_are_the_lessons():
    recorded = lesson_times.read_times("cpu")
    if not recorded:
        pytest.skip("no record yet: python -m course_lib lesson-times")
    assert sorted(recorded) == [path.stem for path in lesson_times.lessons()]
    assert max(recorded.values()) < 90  # "under a minute" on two cores, kernel's start included


def test_sections_named_exist():
    found = re.findall(r"[Ll]esson (\d\d), section (\d)", TEXT)
    assert len(found) >= 2
    for lesson, section in found:
        assert f'"## {section}. ' in LESSONS[lesson].read_text(encoding="utf-8"), (lesson, section)


def test_exercises_named_exist():
    for name, number in re.findall(r"\b(A\d), exercises? (\d)", TEXT + project()):
        (path,) = (ASSIGNMENTS_DIR / "source" / name).glob("*.ipynb")
        text = "".join(map(text_of, generating.json.loads(path.read_text())["cells"]))
        assert f"## Exercise {number}: " in text, (name, number)


def project():
    return (ASSIGNMENTS_DIR / "PROJECT.md").read_text(encoding="utf-8")


def test_the_projects_rubric_adds_up():
    stated = int(re.search(r"## Rubric \((\d+) points\)", project())[1])
    assert sum(map(int, re.findall(r"^\|.*\| (\d+) \|$", project(), re.MULTILINE))) == stated


def test_no_block_is_longer_than_90_minutes():
    blocks = TEXT.split("## Schedules")[1].split("\n## ")[0]
    minutes = [int(number) for number in re.findall(r"(\d+) minutes", blocks)]
    assert len(minutes) >= 4 and max(minutes) <= 90


def test_commands_and_targets_named_exist():
    from course_lib.__main__ import build_parser

    help_text = build_parser().format_help()
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    for command in re.findall(r"python -m course_lib ([a-z][a-z-]+)", TEXT):
        assert re.search(rf"^  {command}\b", help_text, re.MULTILINE), command
    for target in re.findall(r"(?:^|`)make ([a-z-]+)", TEXT, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


# --- the commands ---


@pytest.mark.parametrize("key", ["limits", "defaults"])
def test_limits_in_the_guide_are_those_of_the_command(key, monkeypatch, tmp_path, run):
    from course_lib.classroom.kernel_guard import MOST_CHARACTERS

    seen = []
    monkeypatch.setattr(grading, "grade_all", lambda *given: seen.append(given) or iter(()))
    run("grade", "A1", tmp_path)
    if key == "limits":
        assert f"cut after {MOST_CHARACTERS:,} characters" in TEXT
    else:
        assert seen[0][-2:] == (120, 900)
        assert "after 120 s" in TEXT and "900 s in all" in TEXT


def test_grade_prints_a_line_per_student_and_notes(monkeypatch, tmp_path, run):
    good = grading.Grade("ann", {"a": 2.0, "b": None}, {"a": 3.0, "b": 5.0}, ("a: hm",))
    monkeypatch.setattr(grading, "grade_all", lambda *given: iter([good]))
    code, out, _ = run("grade", "A1", tmp_path)
    assert code == 0
    assert out.startswith("ann: 2 of 8 points, up to 5 more by hand\n    a: hm\n")
    bad = grading.Grade("bob", failed="the kernel died")
    monkeypatch.setattr(grading, "grade_all", lambda *given: iter([good, bad]))
    code, out, _ = run("grade", "A1", tmp_path)
    assert code == 1 and "bob: NOT GRADED: the kernel died" in out


def test_grade_complains_in_one_line(tmp_path, run):
    (tmp_path / "ann" / "A2").mkdir(parents=True)
    for arguments, words in (
        (("A9", tmp_path), "there is no assignment A9"),
        (("A1", tmp_path), "no submissions of A1; each belongs into STUDENT/A1/"),
        (("A1", tmp_path, "--seconds", "0"), "--seconds"),
    ):
        code, out, err = run("grade", *arguments, "--out", tmp_path / "out")
        assert code == 2 and out == "" and words in err and "Traceback" not in err
        assert not (tmp_path / "out").exists()


def test_without_nbgrader_the_command_says_what_to_install(monkeypatch, run):
    monkeypatch.setitem(__import__("sys").modules, "nbgrader.apps", None)
    code, _, err = run("assignments")
    assert code == 2 and "nbgrader is not installed; run 'pip install" in err


def test_bundle_writes_where_it_is_told(tmp_path, run):
    code, out, _ = run("bundle", "--out", tmp_path / "x.zip")
    assert code == 0 and (tmp_path / "x.zip").is_file() and "files" in out


SHORT = """{"cells": [{"cell_type": "code", "id": "a", "metadata": {}, "outputs": [],
"execution_count": null, "source": "%s"}], "metadata": {"kernelspec": {"name": "python3",
"display_name": "Python 3", "language": "python"}}, "nbformat": 4, "nbformat_minor": 5}"""


def test_lesson_times_are_recorded_and_written_into_the_guide(tmp_path, monkeypatch, run):
    lesson, guide = tmp_path / "07_short.ipynb", tmp_path / "guide.md"
    lesson.write_text(SHORT % "1 + 1")
    guide.write_text(f"before\n{lesson_times.BEGIN}\nold\n{lesson_times.END}\nafter\n")
    monkeypatch.setattr(lesson_times, "lessons", lambda only: [lesson])
    monkeypatch.setattr(lesson_times, "GUIDE", guide)
    monkeypatch.setattr(lesson_times, "DATA_DIR", tmp_path)
    (tmp_path / "runs").mkdir()
    monkeypatch.setattr(options, "DATA_DIR", tmp_path)
    code, out, err = run("lesson-times", "--record")
    assert code == 0, err
    (kind,) = (path.stem.rpartition("_")[2] for path in (tmp_path / "runs").glob("*.json"))
    assert 0 < lesson_times.read_times(kind)["07_short"] < 600
    assert guide.read_text().startswith("before\n") and guide.read_text().endswith("\nafter\n")
    assert "| 07_short | " in guide.read_text() and "old" not in guide.read_text()


def test_a_lesson_that_fails_is_named_and_nothing_is_recorded(tmp_path, monkeypatch, run):
    lesson = tmp_path / "07_broken.ipynb"
    lesson.write_text(SHORT % "1 / 0")
    monkeypatch.setattr(lesson_times, "lessons", lambda only: [lesson])
    monkeypatch.chdir(tmp_path)
    code, _, err = run("lesson-times")
    assert code == 2 and "07_broken.ipynb does not run: ZeroDivisionError" in err
    assert [path.name for path in tmp_path.iterdir()] == [lesson.name]


def test_a_trial_names_its_lessons_and_makes_no_record(tmp_path, monkeypatch, run):
    code, out, err = run("lesson-times", "--only", "99_unknown")
    assert code == 2 and out == "" and "there is no lesson 99_unknown; the lessons are 00" in err
    name = "02_adain_statistics"
    assert [p.stem for p in lesson_times.lessons([name])] == [name]
    monkeypatch.setattr(lesson_times, "time_lessons", lambda paths: [(p.stem, 1.25) for p in paths])
    code, out, _ = run("lesson-times", "--only", "00_start_here", "-o", tmp_path / "times.json")
    assert code == 0 and out.startswith("00_start_here: 1.2 s\nmade ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["times.json", "times.png"]
    code, _, err = run("lesson-times", "--only", "00_start_here", "--record")
    assert code == 2 and "a record is of all lessons" in err


def test_readiness_sees_what_is_wrong(monkeypatch, tmp_path):
    def stale(folder):
        path = folder / "A1" / "A1_features.ipynb"
        path.parent.mkdir()
        path.write_text("{}")
        return [path]

    monkeypatch.setattr(generating, "make_releases", stale)
    found = readiness.check_releases()
    assert not found.ok and found.found == "stale: A1_features.ipynb"

    real = bundle.bundle_files()
    leak = {"notebooks/assignments/source/A1/A1_features.ipynb": GUIDE}
    monkeypatch.setattr(bundle, "bundle_files", lambda: real | leak)
    found = readiness.check_bundle()
    assert not found.ok and "source/A1" in found.found

    monkeypatch.setattr(readiness, "DISK_NEEDED", 10**9)
    assert not readiness.check_disk().ok


def test_a_check_that_breaks_is_a_failure_and_the_others_go_on(monkeypatch):
    monkeypatch.setattr(readiness, "run_checks", lambda: iter(()))
    for name in ("nbgrader", "releases", "bundle", "disk", "port"):
        check = readiness.Check(name, True, "fine")
        monkeypatch.setattr(readiness, f"check_{name}", lambda check=check: check)
    monkeypatch.setattr(readiness, "check_grading", lambda: 1 / 0)
    found = list(readiness.run_readiness())
    assert [check.ok for check in found] == [True, True, False, True, True, True]
    assert "ZeroDivisionError" in found[2].found


def test_no_record_is_made_of_a_gpu_that_was_not_there():
    assert (DATA_DIR / "runs" / "lesson_times_cuda.json").is_file() or "No GPU was at hand" in TEXT
