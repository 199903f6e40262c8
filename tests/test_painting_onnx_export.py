"""The exported network: the same pictures as PyTorch for any size and alpha."""

import importlib.util

import pytest
import torch
from command_kit import complains

from course_lib import DATA_DIR
from course_lib.images import load_image
from course_lib.painting import onnx_export
from course_lib.painting.onnx_export import (
    SMALLEST,
    TOLERANCE,
    ExportError,
    export_network,
    run_exported,
)
from course_lib.stylize import StyleTransfer
from course_lib.system import optional_packages
from course_lib.vgg import VGG19Encoder

pytest.importorskip("onnxscript", reason="pip install -e .[export]")
onnxruntime = pytest.importorskip("onnxruntime", reason="pip install -e .[export]")


@pytest.fixture(scope="module")
def transfer():
    return StyleTransfer.load(device="cpu", precision="float32")


@pytest.fixture(scope="module")
def network(transfer, tmp_path_factory):
    return export_network(transfer, tmp_path_factory.mktemp("onnx") / "network.onnx")


@pytest.fixture(scope="module")
def pictures():
    photo = load_image(DATA_DIR / "content" / "cat.jpg", 80)
    return photo, load_image(DATA_DIR / "style" / "impasto_night.jpg", 64)


def test_any_size_and_alpha_gives_pytorchs_picture(transfer, network, pictures):
    session = onnxruntime.InferenceSession(str(network), providers=["CPUExecutionProvider"])
    photo, style = pictures
    sizes = [
        (64, 72, 40, 48, 1.0),
        (61, 50, 33, 59, 0.4),
        (SMALLEST, 77, SMALLEST, 17, 1.0),
        (16, 16, 64, 64, 0.0),
    ]
    for height, width, style_height, style_width, alpha in sizes:
        content = photo[..., :height, :width].contiguous()
        painting = style[..., :style_height, :style_width].contiguous()
        feeds = {"content": content.numpy(), "style": painting.numpy()}
        feeds["alpha"] = torch.tensor(alpha).numpy()
        made = torch.from_numpy(session.run(None, feeds)[0])
        expected = transfer.stylize(content, painting, alpha)
        assert made.shape == expected.shape
        assert (made - expected).abs().max() < TOLERANCE
    batch = torch.cat([photo[..., :40, :40], photo[..., 20:60, 20:60]])
    made = run_exported(network, content=batch, style=style, alpha=1.0)[0]
    assert (made - transfer.stylize(batch, style)).abs().max() < TOLERANCE


def test_the_two_halves_in_half_precision_paint_the_same_picture(transfer, pictures, tmp_path):
    photo, style = (picture[..., :40, :48].contiguous() for picture in pictures)
    paths = {
        kind: export_network(transfer, tmp_path / f"{kind}.onnx", kind, half=True)
        for kind in ("encoder", "decoder")
    }
    assert all(path.stat().st_size < 7_500_000 for path in paths.values())
    (features,) = run_exported(paths["encoder"], image=photo)
    target = transfer.restyle(features, transfer.mix(style))
    (picture,) = run_exported(paths["decoder"], features=target)
    assert (picture - transfer.stylize(photo, style)).abs().max() < 0.02


def test_alpha_matters(network, pictures):
    photo, style = pictures
    content = photo[..., :40, :40].contiguous()
    none, full = (run_exported(network, content=content, style=style, alpha=a)[0] for a in (0, 1))
    assert (none - full).abs().mean() > 0.02


def test_other_paddings_and_poolings_are_exported_as_they_are(transfer, pictures, tmp_path):
    photo, style = pictures
    encoder = VGG19Encoder(padding="zeros", pooling="avg")
    other = StyleTransfer(encoder, transfer.decoder, "cpu", "float32")
    path = export_network(other, tmp_path / "other.onnx", "style")
    mean, _ = run_exported(path, style=style)
    expected = other.encode_style(style).mean
    torch.testing.assert_close(mean, expected, rtol=1e-3, atol=1e-4)
    assert (mean - transfer.encode_style(style).mean).abs().max() > 0.01


def test_the_file_says_what_it_is(network, transfer):
    model = pytest.importorskip("onnx").load(network)
    assert str(transfer.encoder.description) in model.doc_string
    assert [value.name for value in model.graph.input] == ["content", "style", "alpha"]
    assert [value.name for value in model.graph.output] == ["stylised"]
    for value in (model.graph.input[0], model.graph.output[0]):
        sides = value.type.tensor_type.shape.dim
        assert [side.dim_param or side.dim_value for side in sides] == [
            "batch",
            3,
            "height",
            "width",
        ]
    assert model.opset_import[0].version == onnx_export.OPSET


def test_only_float32_and_known_kinds_are_exported(transfer, tmp_path, monkeypatch):
    with pytest.raises(ExportError, match="unknown kind"):
        export_network(transfer, tmp_path / "x.onnx", "everything")
    monkeypatch.setattr(transfer, "dtype", torch.bfloat16)
    with pytest.raises(ExportError, match="only float32"):
        export_network(transfer, tmp_path / "x.onnx")
    assert list(tmp_path.iterdir()) == []


def test_the_command_checks_two_files_that_do_the_work_of_one(
    run, transfer, pictures, tmp_path, monkeypatch
):
    out = tmp_path / "new" / "net.onnx"
    code, printed, err = run("export", "-o", out, "--split", "--check")
    assert (code, err) == (0, "")
    lines = printed.splitlines()
    assert lines[:2] == [str(tmp_path / "new" / "net_style.onnx"), str(out)]
    assert lines[2].startswith("ONNX Runtime and PyTorch differ by at most ")
    photo, style = pictures
    mean, std = run_exported(lines[0], style=style)
    expected = transfer.encode_style(style)
    torch.testing.assert_close(mean, expected.mean, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(std, expected.std, rtol=1e-3, atol=1e-4)
    content = photo[..., :45, :52].contiguous()
    made = run_exported(out, content=content, style_mean=mean, style_std=std, alpha=1.0)[0]
    assert (made - transfer.stylize(content, style)).abs().max() < TOLERANCE

    monkeypatch.setattr(onnx_export, "export_network", lambda transfer, path, *_: path)  # as before
    monkeypatch.setattr(StyleTransfer, "stylize", lambda transfer, content, *_: content)
    code, printed, _ = run("export", "-o", out, "--split", "--check")
    assert code == 1 and printed.splitlines()[-1].endswith("FAILED")


@pytest.mark.parametrize("missing", ["onnxscript", "onnxruntime"])
def test_a_missing_package_is_one_sentence(run, tmp_path, monkeypatch, missing):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        optional_packages.importlib.util,
        "find_spec",
        lambda name: None if name == missing else find_spec(name) or find_spec("json"),
    )
    monkeypatch.setattr(optional_packages.importlib, "import_module", lambda name: None)
    out = tmp_path / "net.onnx"
    result = run("export", "-o", out, "--check")
    complains(result, f"needs the package {missing}: run 'pip install {missing}'")
    assert not out.exists()


def test_a_place_that_cannot_be_written_is_an_error(run, tmp_path):
    complains(run("export", "-o", tmp_path), str(tmp_path))
