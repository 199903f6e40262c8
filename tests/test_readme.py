"""The pages tell the truth: their numbers come from records, their links and commands exist."""

import json
import re
import statistics
from pathlib import Path

import pytest

from course_lib import DATA_DIR, REPOSITORY

PAGES = [REPOSITORY / folder / "README.md" for folder in ("", "course_lib", "data", "notebooks")]
TEXTS = [page.read_text(encoding="utf-8") for page in PAGES]
README = "\n".join(TEXTS)  # all of them: a number is held to its record wherever it stands


def results(name: str) -> dict:
    return json.loads((DATA_DIR / "runs" / name).read_text())["results"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_every_relative_link_leads_somewhere(page: Path):
    text = page.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    assert links
    for link in links:
        assert (page.parent / link.split("#")[0]).exists(), link


def test_both_tables_of_lessons_say_the_same():
    front, rooms = (
        re.findall(r"^\| \[(\d\d [^]]+)\]\(\S+\) \| (.*?) \| (\d+) \|", text, re.MULTILINE)
        for text in (TEXTS[0], TEXTS[3])
    )
    assert front == rooms and len(front) == 9


def test_the_first_page_is_short():
    front = TEXTS[0].splitlines()
    assert len(front) < 150
    assert any("data/hero.jpg" in line for line in front[:10])


def test_the_reading_list_has_about_2000_lines():
    section = TEXTS[1].split("## A reading list")[1]
    names = re.findall(r"^\| `([\w/]+\.py)` \| ", section, re.MULTILINE)
    lines = [len((REPOSITORY / "course_lib" / name).read_text().splitlines()) for name in names]
    assert len(names) > 8 and 1500 <= sum(lines) <= 2500


def test_every_make_target_named_exists():
    makefile = (REPOSITORY / "Makefile").read_text()
    for target in re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_command_named_exists():
    from course_lib.__main__ import build_parser

    commands = set(re.findall(r"python -m course_lib ([a-z][a-z-]+)", README))
    help_text = build_parser().format_help()
    assert len(commands) >= 5
    for command in commands:
        assert re.search(rf"\b{command}\b", help_text), command


def test_quality_is_the_recorded_one():
    small, large = results("decoder/quality.json"), results("decoder/quality_512.json")
    for name, key, form in (
        ("style ratio", "mean_style_ratio", ".2f"),
        ("content ratio", "mean_content_ratio", ".2f"),
        ("found by edges", "found_by_edges", ".0%"),
        ("found by relu4_1", "found_by_features", ".0%"),
    ):
        assert f"| {name} | {small[key]:{form}} | {large[key]:{form}} |" in README, name
    without = " | ".join(f"{r['mean_style_ratio_without_enlarged']:.2f}" for r in (small, large))
    assert f"| without enlarged paintings | {without} |" in README
    for kind in ("photographs", "paintings"):
        counts = (f"{r[kind]}, {len(r['enlarged_' + kind])}" for r in (small, large))
        assert f"| {kind}, of them enlarged | {' | '.join(counts)} |" in README
    assert f"{small['pairs']} at 256 pixels" in README and f"the {large['pairs']} at 512" in README
    race = small["overtaken"]
    assert f"Of {len(race['pairs'])} pairs at 256 pixels" in README
    assert f"after {race['median_evaluations']:.0f}\nevaluations in the median" in README
    race = large["overtaken"]
    assert (
        f"of {len(race['pairs'])} pairs at 512 pixels after {race['median_evaluations']:.0f};"
        in README
    )
    polished = results("polish_cpu.json")["medians"]
    for mark, words in (("0", "its style loss is {:.0f}\ntimes"), ("12", "polishing {:.1f} times")):
        assert words.format(polished[mark]["of_optimum"]["style"]) in README, mark


def test_speed_is_the_recorded_one():
    for size, row in results("stylize_cpu.json").items():
        assert f"| {size} |" in README
        assert f"{row['ratio']:.1f}x" in README
        assert f"{row['mean_difference_255']:.2f}" in README
        assert f"{row['largest_mean_difference_255']:.2f}" in README


def test_decoder_meets_its_bars():
    quality = results("decoder/quality.json")
    assert quality["mean_style_ratio"] <= 0.25
    assert quality["mean_content_ratio"] <= 0.65 or quality["mean_squared_content_ratio"] <= 0.65


def test_stylising_is_recorded_at_least_two_and_a_half_times_faster():
    row = results("stylize_cpu.json")["512"]
    assert row["ratio"] >= 2.5
    assert row["mean_difference_255"] <= 2


def test_training_speed_is_the_recorded_one():
    row = results("train_step_cpu.json")
    for key in ("plain_seconds", "ours_seconds"):
        assert f"{row[key]:.2f} s for" in README, key
    assert f"{row['ratio']:.1f}x" in README
    assert f"{row['ours_share_of_bfloat16_rate']:.0%} of the machine's" in README
    gaps = row["float32_agreement"]["largest_relative_difference"].values()
    assert max(gaps) <= 0.0002 and "agree within 0.02%" in README
    assert row["ratio"] >= 3


def test_the_reports_survey_is_the_recorded_analysis():
    record = results("survey_report.json")
    text = " ".join(README.split())
    assert (
        f"{record['successes']} of {record['answers']} right is {record['rate']:.1%}"[:-1] in text
    )
    for interval in (
        record["interval_if_independent"],
        record["most_equal"]["interval_over_people"],
        record["most_unequal"]["interval_over_people"],
    ):
        low, high = (100 * value for value in interval)
        assert f"{low:.1f} to {high:.1f} %" in text


def test_large_pictures_are_the_recorded_ones():
    record = results("tiling_cpu.json")
    peak, differences = record["peak_memory_bytes"], record["agreement"]
    text = " ".join(README.split())
    assert f"{record['seconds']:.0f} s and {peak / 1e9:.1f} GB at the peak" in text
    for precision, found in differences.items():
        assert re.search(rf"{found['largest']:.1e} in {precision}", text), precision
    assert peak < 4e9 and differences["float32"]["largest"] <= 1e-3


def test_the_scores_are_the_recorded_ones():
    record = results("evaluation_cpu.json")
    names = {
        "content copied": "*photograph copied*",
        "style copied": "*painting copied*",
        "noise": "*noise*",
    }
    for name, row in record["all_pairs"].items():
        seconds = record["seconds"].get(name, {}).get("median")
        numbers = [
            f"{row['statistics']:.2f}",
            f"{row['gram']:.2f}",
            f"{row['colours']:.2f}",
            f"{row['judge']:.0%}",
            f"{row['content']:.2f}",
            f"{row['edges']:.2f}",
            "" if seconds is None else f"{seconds:.2f}",
        ]
        assert f"| {names.get(name, name)} | {' | '.join(numbers)} |" in README, name
        assert f"{row['pairs']} pairs" in README


def test_the_playground_is_the_recorded_one():
    record, browser = results("playground_cpu.json"), results("playground_browser_cpu.json")
    text = " ".join(README.split())
    move = record["move_ms"]["alpha"]["median"]
    assert f"new picture after {move:.0f} ms" in text
    assert f"alone would take {record['floor_ms']:.0f} ms" in text
    for size in (512, 1024):
        larger = results(f"playground_cpu_{size}.json")["move_ms"]["alpha"]["median"]
        assert re.search(rf"\b{size} pixels (it is )?{larger:,.0f} ms", text)
    assert f"in the browser it is {browser['move_ms']['median']:.0f} ms" in text
    assert move <= 150 and browser["move_ms"]["median"] <= 150


def test_the_race_against_pastiche_is_the_recorded_one():
    record = results("gatys_vs_pastiche.json")
    text = " ".join(README.split())
    ours = max(record["ours"], key=lambda run: run["seconds"])
    assert f"pastiche's file after {record['time_ratio']:.0%} of its time" in text
    assert f"has {record['loss_ratio']:.0%} of that loss" in text
    assert f"({record['pastiche']['loss']:,.0f} against {ours['loss']:,.0f})" in text
    assert f"takes {ours['seconds'] / record['pastiche']['seconds']:.0%} of pastiche's" in text
    assert record["time_ratio"] <= 0.6 and record["loss_ratio"] < 1


def test_the_runtime_table_is_the_recorded_one():
    record = results("runtime_cpu.json")
    text = " ".join(README.split())
    adain, gatys = record["table"]
    assert f"{adain['report_seconds']} s (RTX 2080) | {adain['our_seconds']:.2f} s |" in text
    measured = record["gatys"]["evaluations_measured"][0]
    assert (
        f"{gatys['report_seconds']} s (another GPU) | {gatys['our_seconds']:.0f} s, extrapolated "
        f"from {measured} of {record['gatys']['evaluations_of_the_recipe']:,} evaluations" in text
    )
    ratios = [gatys[f"{who}_ratio_to_adain"] for who in ("report", "our")]
    assert "| ratio | {:.0f} | {:.0f} |".format(*ratios) in text
    process = record["process"]["seconds"]["median"]
    assert f"AdaIN takes {process:.1f} s" in text and process < 26.46
    runs = [(run, pair) for pair in record["equal_quality"] for run in pair["gatys"].values()]
    assert len(record["equal_quality"]) >= 5
    evaluations = statistics.median(run["evaluations"] for run, _ in runs)
    times = statistics.median(run["seconds"] / pair["adain_seconds"] for run, pair in runs)
    assert f"needs {evaluations:.0f} evaluations" in text
    assert f"AdaIN, {times:.0f} times AdaIN's time" in text


def test_the_recipe_study_is_the_recorded_one():
    for name in ("recipe_study_gpu.json", "recipe_study_longer_gpu.json"):
        for arm, row in results(name).items():
            scores = (f"{value:.2f}" for value in row["averaged"].values())
            assert f"| {arm} | {row['steps']} | {' | '.join(scores)} |" in README


def test_ten_pairs_against_pastiche_are_the_recorded_ones():
    found = results("gatys_vs_pastiche_pairs.json")
    assert len(found["pairs"]) == 10
    share = found["ranges"]["loss_ratio"]
    text = README.replace("\n", " ")
    words = f"has {share['lowest']:.0%} to {share['highest']:.0%} of the loss of pastiche's"
    assert f"our file {words}, {share['median']:.0%} in the median" in text
    own = found["ranges"]["own_ratio"]
    assert f"neither is ahead ({own['lowest']:.2f} to {own['highest']:.2f})" in text
