"""Style transfer from images to images, and styles kept as files."""

import math
import os
import stat

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from course_lib.adain import adain
from course_lib.decoder import FORMAT, Decoder, DecoderError, save_decoder
from course_lib.stylize import MAX_ALPHA, StyleStatistics, StyleTransfer
from course_lib.vgg import VGG19Encoder


@pytest.fixture(scope="module")
def transfer():
    """An untrained decoder whose last layer is strong enough to use, and overshoot, [0, 1]."""
    torch.manual_seed(0)
    decoder = Decoder()
    with torch.no_grad():
        decoder.conv1_1.weight.mul_(20)
    return StyleTransfer(VGG19Encoder(), decoder, "cpu", "float32")


def image(height=16, width=24, batch=1):
    base = torch.rand(batch, 3, 1, 1)
    return (base + 0.3 * torch.randn(batch, 3, height, width)).clamp(0, 1)


def padded(images):
    height, width = images.shape[-2:]
    room = [(0, 0), (0, 0), (0, -height % 8), (0, -width % 8)]
    return torch.from_numpy(np.pad(images.numpy(), room, mode="reflect"))


def moments(features):
    array = features.double().numpy()
    std = np.sqrt(array.var((2, 3), keepdims=True) + 1e-5)
    return array.mean((2, 3), keepdims=True), std


def paper(transfer, content, styles, weights=(1.0,), alpha=1.0):
    """Equations 8, 14 and 15 in float64 on encoded features; the decoder's image, cut to size."""
    with torch.no_grad():
        features = transfer.encoder.encode(padded(content))
        mean, std = moments(features)
        white = (features.double().numpy() - mean) / std
        mixed = 0.0
        for style, weight in zip(styles, weights, strict=True):
            style_mean, style_std = moments(transfer.encoder.encode(padded(style)))
            mixed = mixed + weight / sum(weights) * (style_std * white + style_mean)
        target = (1 - alpha) * features.double().numpy() + alpha * mixed
        pictures = transfer.decoder(torch.from_numpy(target).float()).clamp(0, 1)
    return pictures[..., : content.shape[2], : content.shape[3]]


def close(actual, wanted, tolerance=2e-3):
    assert actual.shape == wanted.shape
    assert (actual - wanted).abs().max() < tolerance


# stylize -----------------------------------------------------------------------------------------


def test_the_test_decoder_shows_differences(transfer):
    content = image(32, 32)
    results = [transfer.stylize(content, image(32, 32)) for _ in range(2)]
    assert (results[0] - results[1]).abs().mean() > 0.02
    assert any((r == 0).any() for r in results) and any((r == 1).any() for r in results)


@pytest.mark.parametrize("alpha", [1.0, 0.6, 0.0])
@pytest.mark.parametrize("size", [(16, 24), (19, 26)])
def test_stylize_equals_the_papers_equations(transfer, size, alpha):
    content, style = image(*size), image(21, 13)
    close(transfer.stylize(content, style, alpha), paper(transfer, content, [style], alpha=alpha))


@pytest.mark.parametrize("weights", [(1, 1, 1), (1, 3, 0), (0, 0, 2)])
def test_several_styles_equal_the_papers_weighted_sum(transfer, weights):
    content, styles = image(17, 20), [image(16, 16), image(9, 30), image(40, 24)]
    result = transfer.stylize(content, styles, 0.9, weights)
    close(result, paper(transfer, content, styles, weights, 0.9))


def test_styles_weigh_the_same_unless_told(transfer):
    content, styles = image(), [image(), image()]
    wanted = transfer.stylize(content, styles, weights=[4, 4])
    close(transfer.stylize(content, styles), wanted, 1e-6)


def test_alpha_0_is_the_reconstruction(transfer):
    content = image(19, 26)
    wanted = transfer.decode(transfer.encode(content))[..., :19, :26]
    assert torch.equal(transfer.stylize(content, image(), alpha=0), wanted)


def test_own_style_is_the_reconstruction(transfer):
    content = image(16, 24)
    close(transfer.stylize(content, content), transfer.stylize(content, content, alpha=0))


SIZES = [(n, n) for n in range(1, 41)]
SIZES += [(n, (n * 17) % 40 + 1) for n in range(1, 41)] + [(1, 40), (40, 1), (8, 9), (9, 8)]


@pytest.fixture(scope="module")
def some_style(transfer):
    torch.manual_seed(1)
    return transfer.encode_style(image(24, 24))


@pytest.mark.parametrize("height, width", SIZES)
def test_output_size_equals_input_size(transfer, some_style, height, width):
    result = transfer.stylize(torch.rand(1, 3, height, width), some_style)
    assert result.shape == (1, 3, height, width) and result.dtype == torch.float32
    assert result.isfinite().all() and result.min() >= 0 and result.max() <= 1


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (5, 64), (33, 8)])
def test_style_of_any_size(transfer, size):
    content, style = image(16, 16), image(*size)
    close(transfer.stylize(content, style), paper(transfer, content, [style]))


def test_batch_equals_one_by_one(transfer):
    content, style = image(19, 26, batch=3), image(24, 17, batch=3)
    single = [transfer.stylize(content[i : i + 1], style[i : i + 1], 0.8) for i in range(3)]
    close(transfer.stylize(content, style, 0.8), torch.cat(single))


def test_one_style_serves_a_batch(transfer):
    content, style = image(16, 16, batch=3), image()
    wanted = transfer.stylize(content, style.expand(3, -1, -1, -1))
    close(transfer.stylize(content, style), wanted)


def test_styles_of_a_batch_mix_with_a_single_one(transfer):
    content, batch, one = image(16, 16, batch=2), image(batch=2), image()
    result = transfer.stylize(content, [batch, transfer.encode_style(one)], weights=[1, 3])
    for i in range(2):
        wanted = paper(transfer, content[i : i + 1], [batch[i : i + 1], one], (1, 3))
        close(result[i : i + 1], wanted)


def test_statistics_equal_the_image(transfer):
    content, style = image(), image(20, 20)
    statistics = transfer.encode_style(style)
    close(transfer.stylize(content, statistics), transfer.stylize(content, style), 1e-6)
    mixed = StyleStatistics.average([statistics, transfer.encode_style(content)], [1, 3])
    wanted = transfer.stylize(content, [style, content], weights=[1, 3])
    close(transfer.stylize(content, mixed), wanted)


def test_single_images_without_a_batch_dimension(transfer):
    content, style = image(), image()
    assert torch.equal(transfer.stylize(content[0], style[0]), transfer.stylize(content, style))
    assert transfer.encode(content[0]).shape == (1, 512, 2, 3)


def test_inputs_are_not_changed(transfer):
    content, style = image(), image()
    before = content.clone(), style.clone()
    transfer.stylize(content, style, 0.5)
    assert torch.equal(content, before[0]) and torch.equal(style, before[1])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_images_of_other_float_types(transfer, dtype):
    content, style = image().to(dtype), image().to(dtype)
    wanted = transfer.stylize(content.float(), style.float())
    assert torch.equal(transfer.stylize(content, style), wanted)


def test_channels_last_images(transfer):
    content, style = image(batch=2), image(batch=2)
    last = [x.contiguous(memory_format=torch.channels_last) for x in (content, style)]
    close(transfer.stylize(*last), transfer.stylize(content, style))


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_is_close(precision):
    torch.manual_seed(0)
    decoder = Decoder()
    content, style = image(24, 24), image(24, 24)
    wanted = StyleTransfer(VGG19Encoder(), decoder, "cpu", "float32").stylize(content, style)
    half = StyleTransfer(VGG19Encoder(), decoder, "cpu", precision)
    result = half.stylize(content, style)
    assert half.encoder.features[0].weight.dtype == half.decoder.conv1_1.weight.dtype == half.dtype
    assert result.dtype == torch.float32
    assert half.encode_style(style).mean.dtype == torch.float32
    assert (result - wanted).abs().max() < 0.03


@pytest.mark.parametrize("alpha", [-0.01, 1.01, math.nan, math.inf, -math.inf])
def test_alpha_outside_0_to_1_is_refused(transfer, alpha):
    with pytest.raises(ValueError, match="alpha must be between 0 and 1"):
        transfer.stylize(image(), image(), alpha)


@pytest.mark.parametrize("alpha", [1.0, 1.4, MAX_ALPHA])
def test_exaggeration_goes_on_along_the_same_line(transfer, alpha):
    content, style = image(19, 26), image(21, 13)
    result = transfer.stylize(content, style, alpha, exaggerate=True)
    close(result, paper(transfer, content, [style], alpha=alpha), 5e-3)


@pytest.mark.parametrize("alpha", [-0.01, MAX_ALPHA + 0.01, math.nan, math.inf])
def test_exaggeration_has_a_range(transfer, alpha):
    with pytest.raises(ValueError, match="alpha must be between 0 and 2, got"):
        transfer.stylize(image(), image(), alpha, exaggerate=True)


def test_the_steps_make_the_picture(transfer):
    content, styles = image(19, 26), [image(), image(16, 16)]
    mixed = transfer.mix(styles, [1, 3])
    target = transfer.restyle(transfer.encode(content), mixed, 0.7)
    picture = transfer.decode(target, (19, 26))
    assert torch.equal(picture, transfer.stylize(content, styles, 0.7, [1, 3]))
    assert transfer.decode(target).shape == (1, 3, 24, 32)


@pytest.mark.parametrize("contents, styles", [(3, 2), (1, 2), (2, 3)])
def test_number_of_styles_must_fit(transfer, contents, styles):
    with pytest.raises(ValueError, match=f"{styles} style images do not fit {contents} content"):
        transfer.stylize(image(batch=contents), image(batch=styles))


@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (1, 4, 8, 8), (8, 8), (1, 3, 0, 8), (0, 3, 8, 8)])
def test_other_shapes_are_refused(transfer, shape):
    for content, style in ((torch.zeros(shape), image()), (image(), torch.zeros(shape))):
        with pytest.raises(ValueError, match=r"\(N, 3, H, W\)"):
            transfer.stylize(content, style)


def test_styles_and_weights_must_match(transfer):
    with pytest.raises(ValueError, match="at least one style"):
        transfer.stylize(image(), [])
    with pytest.raises(ValueError, match="2 styles need 2 weights, got 1"):
        transfer.stylize(image(), [image(), image()], weights=[1])
    with pytest.raises(ValueError, match="not negative"):
        transfer.stylize(image(), [image(), image()], weights=[1, -1])


def test_encode_and_decode(transfer):
    content = image(19, 26, batch=2)
    features = transfer.encode(content)
    assert features.shape == (2, 512, 3, 4)
    with torch.no_grad():
        close(features, transfer.encoder.encode(padded(content)))
    pictures = transfer.decode(adain(features * 3, features))
    assert pictures.shape == (2, 3, 24, 32) and pictures.min() >= 0 and pictures.max() <= 1


def test_models_are_frozen_and_in_evaluation_mode(transfer):
    assert not any(p.requires_grad for p in transfer.decoder.parameters())
    assert not transfer.decoder.training and not transfer.encoder.training
    assert not transfer.stylize(image().requires_grad_(), image()).requires_grad


# loading -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [{}, {"padding": "zeros"}, {"normalize_activations": False}, {"pooling": "avg"}],
    ids=["default", "zeros", "raw", "avg"],
)
def test_load_builds_the_encoder_that_the_checkpoint_names(tmp_path, options):
    encoder, decoder = VGG19Encoder(**options), Decoder()
    path = save_decoder(decoder, tmp_path / "d.safetensors", encoder, {}, torch.float32)
    loaded = StyleTransfer.load(path, "cpu", "float32")
    assert loaded.encoder.description == encoder.description
    content, style = image(), image()
    wanted = StyleTransfer(encoder, decoder, "cpu", "float32").stylize(content, style)
    assert torch.equal(loaded.stylize(content, style), wanted)


@pytest.mark.parametrize(
    "description",
    [
        "",
        "VGG-16",
        "VGG-19 keras weights, raw activations, zeros padding",
        "VGG-19 original weights, raw activations, circular padding",
        "VGG-19 torchvision weights, raw activations, zeros padding, v2",
    ],
)
def test_unknown_encoder_is_refused(tmp_path, description):
    metadata = {"format": FORMAT, "encoder": description} if description else {"format": FORMAT}
    save_file(Decoder().state_dict(), tmp_path / "d.safetensors", metadata)
    with pytest.raises(DecoderError) as caught:
        StyleTransfer.load(tmp_path / "d.safetensors", "cpu")
    assert "not known" in str(caught.value) and f"'{description}'" in str(caught.value)


def test_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(DecoderError, match="gone.safetensors"):
        StyleTransfer.load(tmp_path / "gone.safetensors")


def test_device_that_is_not_there(encoder, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(ValueError, match="is not there"):
        StyleTransfer(encoder, Decoder(), "cuda:0")


# style statistics --------------------------------------------------------------------------------


def test_style_statistics_are_the_relu4_1_moments(transfer):
    style = image(21, 13)
    statistics = transfer.encode_style(style)
    mean, std = moments(transfer.encoder.encode(padded(style)))
    assert statistics.mean.shape == statistics.std.shape == (1, 512, 1, 1)
    assert statistics.mean.dtype == statistics.std.dtype == torch.float32
    assert np.abs(statistics.mean.numpy() - mean).max() < 1e-4
    assert np.abs(statistics.std.numpy() - std).max() < 1e-4
    assert statistics.encoder == transfer.encoder.description


def test_encode_style_takes_one_image(transfer):
    with pytest.raises(ValueError, match="got a batch of 2"):
        transfer.encode_style(image(batch=2))


def test_saved_statistics_read_back_exactly(transfer, tmp_path):
    statistics = transfer.encode_style(image())
    path = statistics.save(tmp_path / "new" / "style.safetensors")
    loaded = StyleStatistics.load(str(path))
    assert torch.equal(loaded.mean, statistics.mean) and torch.equal(loaded.std, statistics.std)
    assert loaded.encoder == statistics.encoder
    assert 4096 <= path.stat().st_size < 5000
    assert os.listdir(path.parent) == ["style.safetensors"]
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) & 0o444 == 0o444
    content = image()
    assert torch.equal(transfer.stylize(content, loaded), transfer.stylize(content, statistics))


def test_failed_save_keeps_the_old_file(transfer, tmp_path, monkeypatch):
    path = transfer.encode_style(image()).save(tmp_path / "style.safetensors")
    before = path.read_bytes()

    def fail(tensors, path, metadata):
        raise OSError("No space left on device")

    monkeypatch.setattr("course_lib.stylize.save_file", fail)
    with pytest.raises(OSError):
        transfer.encode_style(image()).save(path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["style.safetensors"]


@pytest.mark.parametrize("content", ["missing", "text", "other", "no encoder", "truncated"])
def test_files_without_statistics_are_refused(some_style, tmp_path, content):
    path = tmp_path / "style.safetensors"
    if content == "text":
        path.write_bytes(b"not safetensors")
    elif content == "other":
        save_file({"weight": torch.zeros(1)}, path, {"encoder": "x"})
    elif content == "no encoder":
        save_file({"mean": some_style.mean, "std": some_style.std}, path)
    elif content == "truncated":
        some_style.save(path)
        path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ValueError) as caught:
        StyleStatistics.load(path)
    assert str(path) in str(caught.value)


def test_statistics_in_the_older_format_load(some_style, tmp_path):
    path, tensors = tmp_path / "s.safetensors", {"mean": some_style.mean, "std": some_style.std}
    save_file(tensors, path, {"encoder": str(some_style.encoder)})
    loaded = StyleStatistics.load(path)
    assert loaded.encoder == some_style.encoder and torch.equal(loaded.std, some_style.std)


def synthetic(mean, std, encoder="A"):
    return StyleStatistics(
        torch.full((1, 512, 1, 1), mean), torch.full((1, 512, 1, 1), std), encoder
    )


def test_average_of_statistics():
    styles = [synthetic(1.0, 2.0), synthetic(5.0, 8.0)]
    for weights, mean, std in ((None, 3, 5), ([3, 1], 2, 3.5), ([0, 7], 5, 8)):
        mixed = StyleStatistics.average(styles, weights)
        assert torch.allclose(mixed.mean, torch.tensor(float(mean)))
        assert torch.allclose(mixed.std, torch.tensor(float(std)))
        assert mixed.encoder == "A"


def test_average_needs_one_encoder_and_good_weights():
    with pytest.raises(ValueError, match="different encoders") as caught:
        StyleStatistics.average([synthetic(1.0, 1.0, "A"), synthetic(1.0, 1.0, "B")])
    assert "'A'" in str(caught.value) and "'B'" in str(caught.value)
    with pytest.raises(ValueError, match="at least one style"):
        StyleStatistics.average([])
    with pytest.raises(ValueError, match="1 styles need 1 weights"):
        StyleStatistics.average([synthetic(1.0, 1.0)], [1, 2])


def test_statistics_of_another_encoder_are_refused(transfer):
    with pytest.raises(ValueError) as caught:
        transfer.stylize(image(), synthetic(0.0, 1.0, "VGG-16"))
    assert "'VGG-16'" in str(caught.value)
    assert str(transfer.encoder.description) in str(caught.value)


@pytest.mark.parametrize("shapes", [((512,), (512,)), ((1, 512, 1, 1), (1, 256, 1, 1))])
def test_statistics_file_with_odd_shapes_is_refused(tmp_path, shapes):
    path = tmp_path / "odd.safetensors"
    tensors = {name: torch.ones(shape) for name, shape in zip(("mean", "std"), shapes, strict=True)}
    save_file(tensors, path, {"encoder": "any"})
    with pytest.raises(ValueError, match="does not hold style statistics"):
        StyleStatistics.load(path)
