"""The decoder network and its checkpoint files."""

import json
import os
import stat
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from course_lib import CourseError
from course_lib.decoder import (
    FORMAT,
    Decoder,
    DecoderError,
    load_decoder,
    read_encoder,
    read_metadata,
    save_decoder,
)
from course_lib.vgg import VGG19Encoder

OTHER = SimpleNamespace(description="VGG-19 torchvision weights, raw activations, zeros padding")


@pytest.fixture(scope="module")
def decoder():
    torch.manual_seed(0)
    decoder = Decoder()
    for parameter in decoder.parameters():  # biases start at zero: let them count, too
        if parameter.dim() == 1:
            torch.nn.init.normal_(parameter, std=0.1)
    return decoder.eval().requires_grad_(False)


@pytest.fixture
def checkpoint(decoder, encoder, tmp_path):
    return save_decoder(decoder, tmp_path / "decoder.safetensors", encoder, {"steps": 7})


def refused(caught, path):
    message = str(caught.value)
    assert isinstance(caught.value, CourseError)
    assert str(path) in message and "\n" not in message.splitlines()[0]
    return message


# network -----------------------------------------------------------------------------------------


def by_hand(decoder, features):
    """The mirrored VGG-19 in float64: nine convolutions, upsampling after the 1st, 5th and 7th."""
    weights = [(k, v.double()) for k, v in decoder.state_dict().items()]
    x = features.double()
    for i in range(9):
        (name, weight), (_, bias) = weights[2 * i : 2 * i + 2]
        assert name.endswith("weight")
        if x.shape[2] > 1 and x.shape[3] > 1:
            x = F.pad(x, (1, 1, 1, 1), mode="reflect")
        else:  # a single row or column mirrors to itself
            rows = (1, 1) if x.shape[2] > 1 else (0, 0)
            columns = (1, 1) if x.shape[3] > 1 else (0, 0)
            x = F.pad(x, (*columns, *rows), mode="reflect")
            missing = (0, 0) if x.shape[3] > 1 else (1, 1)
            x = F.pad(x, (*missing, *((0, 0) if rows == (1, 1) else (1, 1))), mode="replicate")
        x = F.conv2d(x, weight, bias)
        if i < 8:
            x = x.clamp(min=0)
        if i in (0, 4, 6):
            x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    mean = torch.tensor([0.485, 0.456, 0.406], dtype=torch.float64)[:, None, None]
    std = torch.tensor([0.229, 0.224, 0.225], dtype=torch.float64)[:, None, None]
    return x * std + mean


@pytest.mark.parametrize("shape", [(1, 512, 3, 4), (2, 512, 5, 2), (1, 512, 1, 1), (1, 512, 1, 3)])
def test_decoder_equals_the_mirrored_network(decoder, shape):
    features = torch.rand(shape) * 2
    images = decoder(features)
    assert images.shape == (shape[0], 3, 8 * shape[2], 8 * shape[3])
    assert images.dtype == torch.float32
    torch.testing.assert_close(images.double(), by_hand(decoder, features), rtol=1e-4, atol=1e-4)


def test_decoder_mirrors_the_encoders_convolutions(decoder, encoder):
    own = [tuple(p.shape[:2]) for p in decoder.parameters() if p.dim() == 4]
    its = [tuple(p.shape[:2]) for p in encoder.parameters() if p.dim() == 4]
    assert own == [(i, o) for o, i in reversed(its)]
    assert sum(p.numel() for p in decoder.parameters()) == 3_505_219


def test_output_is_not_clamped(decoder):
    images = decoder(torch.rand(1, 512, 2, 2) * 100)
    assert images.min() < 0 and images.max() > 1


def test_input_features_are_not_changed(decoder):
    features = torch.randn(1, 512, 2, 2)
    before = features.clone()
    decoder(features)
    assert torch.equal(features, before)


def test_batch_equals_one_by_one(decoder):
    features = torch.rand(3, 512, 2, 3)
    single = torch.cat([decoder(f[None]) for f in features])
    torch.testing.assert_close(decoder(features), single, rtol=1e-4, atol=1e-4)


def test_channels_last_gives_the_same(decoder):
    features = torch.rand(2, 512, 2, 3)
    last = features.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(decoder(last), decoder(features), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_features_and_autocast_give_float32_images(decoder, dtype):
    features = torch.rand(1, 512, 2, 3)
    wanted = decoder(features)
    with torch.autocast("cpu", dtype):
        cast = decoder(features)
    for images in (cast, decoder(features.to(dtype))):
        assert images.dtype == torch.float32
        assert (images - wanted).norm() / wanted.norm() < 0.05


def test_float64_stays_float64():
    decoder = Decoder().double()
    features = torch.rand(1, 512, 2, 2, dtype=torch.float64)
    images = decoder(features)
    assert images.dtype == torch.float64
    torch.testing.assert_close(images, by_hand(decoder, features))


def test_initial_signal_survives_nine_layers():
    images = Decoder()(torch.randn(2, 512, 8, 8).relu())
    for channel in images.unbind(1):  # PyTorch's own initialisation leaves 0.00003
        assert 0.005 < channel.std() < 0.5
    assert images.mean().item() == pytest.approx(0.45, abs=0.25)


def test_initialisation_follows_the_seed():
    def weights(seed):
        torch.manual_seed(seed)
        return torch.cat([p.flatten() for p in Decoder().parameters()])

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


def test_every_layer_gets_a_gradient():
    decoder = Decoder()
    decoder(torch.rand(1, 512, 2, 2)).square().mean().backward()
    for name, parameter in decoder.named_parameters():
        assert parameter.grad.isfinite().all() and parameter.grad.abs().sum() > 0, name


# checkpoints -------------------------------------------------------------------------------------


def test_round_trip_in_half_precision(decoder, encoder, checkpoint):
    loaded = load_decoder(checkpoint, encoder)
    assert not loaded.training
    for name, value in loaded.state_dict().items():
        assert value.dtype == torch.float32 and value.device.type == "cpu"
        assert torch.equal(value, decoder.state_dict()[name].half().float()), name
    features = torch.rand(1, 512, 2, 2)
    torch.testing.assert_close(loaded(features), decoder(features), rtol=0, atol=0.02)


def test_file_is_half_precision_and_about_7_megabytes(checkpoint):
    assert {value.dtype for value in load_file(checkpoint).values()} == {torch.float16}
    assert checkpoint.stat().st_size == pytest.approx(7_010_438, rel=0.01)


def test_round_trip_in_full_precision_is_exact(decoder, encoder, tmp_path):
    path = save_decoder(decoder, tmp_path / "d.safetensors", encoder, {}, torch.float32)
    loaded = load_decoder(path, encoder)
    features = torch.rand(1, 512, 2, 2)
    assert torch.equal(loaded(features), decoder(features))


def test_channels_last_decoder_is_saved_right(decoder, encoder, tmp_path):
    last = Decoder()
    last.load_state_dict(decoder.state_dict())
    last.to(memory_format=torch.channels_last)
    path = save_decoder(last, tmp_path / "d.safetensors", encoder, {}, torch.float32)
    for name, value in load_decoder(path).state_dict().items():
        assert torch.equal(value, decoder.state_dict()[name]), name


def test_loaded_decoder_can_be_trained_further(checkpoint):
    loaded = load_decoder(checkpoint)
    assert all(p.requires_grad for p in loaded.parameters())
    loaded(torch.rand(1, 512, 1, 1)).sum().backward()
    assert all(p.grad is not None for p in loaded.parameters())


def test_metadata(decoder, encoder, tmp_path):
    notes = {"steps": 12, "recipe": {"batch": 8, "crop": [1, 2]}, "data": "CC0 é", "none": None}
    path = save_decoder(decoder, tmp_path / "d.safetensors", encoder, notes)
    metadata = read_metadata(path)
    assert metadata["format"] == FORMAT and metadata["layer"] == "relu4_1"
    assert metadata["encoder_source"] == "original" and metadata["padding"] == "reflect"
    assert metadata["normalized"] == "true" and metadata["pooling"] == "max"
    assert metadata["data"] == "CC0 é"
    assert json.loads(metadata["steps"]) == 12 and json.loads(metadata["none"]) is None
    assert json.loads(metadata["recipe"]) == notes["recipe"]


def test_folders_are_made_and_text_paths_work(decoder, encoder, tmp_path):
    path = save_decoder(decoder, str(tmp_path / "a" / "b" / "d.safetensors"), encoder, {})
    assert read_encoder(str(path)) == encoder.description
    assert os.listdir(path.parent) == ["d.safetensors"]


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_others_may_read_the_checkpoint(checkpoint):
    assert stat.S_IMODE(checkpoint.stat().st_mode) & 0o444 == 0o444


def test_failed_save_keeps_the_old_checkpoint(decoder, encoder, checkpoint, monkeypatch):
    before = checkpoint.read_bytes()

    def fail(tensors, path, metadata):
        path.write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr("course_lib.decoder.save_file", fail)
    with pytest.raises(OSError):
        save_decoder(Decoder(), checkpoint, encoder, {})
    assert checkpoint.read_bytes() == before
    assert os.listdir(checkpoint.parent) == [checkpoint.name]


def test_wrong_encoder_is_refused_and_both_are_named(checkpoint, encoder):
    for other in (OTHER, VGG19Encoder(last="relu1_1", padding="zeros")):
        with pytest.raises(DecoderError) as caught:
            load_decoder(checkpoint, other)
        message = refused(caught, checkpoint)
        assert str(encoder.description) in message and str(other.description) in message


def test_missing_file(tmp_path):
    for function in (read_metadata, load_decoder):
        with pytest.raises(DecoderError) as caught:
            function(tmp_path / "gone.safetensors")
        assert "no such decoder" in refused(caught, tmp_path / "gone.safetensors")
        with pytest.raises(DecoderError):
            function(tmp_path)


@pytest.mark.parametrize("damage", ["truncated", "text", "empty", "header"])
def test_damaged_file(checkpoint, damage):
    data = checkpoint.read_bytes()
    checkpoint.write_bytes(
        {
            "truncated": data[: len(data) // 2],
            "text": b"not safetensors, but long enough to be read as a header",
            "empty": b"",
            "header": b"\xff" * 16 + data[16:],
        }[damage]
    )
    for function in (read_metadata, load_decoder):
        with pytest.raises(DecoderError) as caught:
            function(checkpoint)
        assert "damaged" in refused(caught, checkpoint)


def test_other_safetensors_files_are_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    for metadata in (None, {"format": "pt"}):
        save_file({"weight": torch.zeros(2)}, path, metadata)
        with pytest.raises(DecoderError) as caught:
            load_decoder(path)
        assert "not a decoder checkpoint" in refused(caught, path)


def metadata_of(encoder):
    """As checkpoints had it before the encoder was stored in fields."""
    return {"format": FORMAT, "encoder": str(encoder.description), "layer": "relu4_1"}


def test_a_checkpoint_in_the_older_format_loads(decoder, encoder, tmp_path):
    path = tmp_path / "d.safetensors"
    save_file(decoder.state_dict(), path, metadata_of(encoder))
    loaded = load_decoder(path, encoder)
    assert torch.equal(loaded.conv3_1.weight, decoder.conv3_1.weight)
    assert read_encoder(path) == encoder.description
    with pytest.raises(DecoderError, match="zeros padding"):
        load_decoder(path, VGG19Encoder(last="relu1_1", padding="zeros"))


@pytest.mark.parametrize("change", ["foreign", "missing", "shape"])
def test_other_layers_are_refused(decoder, encoder, tmp_path, change):
    state = {name: value.clone() for name, value in decoder.state_dict().items()}
    if change == "foreign":
        state["conv9_9.weight"] = torch.zeros(2)
        culprit = "conv9_9.weight"
    elif change == "missing":
        del state["conv3_2.bias"]
        culprit = "conv3_2.bias"
    else:
        state["conv3_1.weight"] = torch.zeros(128, 128, 3, 3)
        culprit = "conv3_1.weight"
    save_file(state, tmp_path / "d.safetensors", metadata_of(encoder))
    with pytest.raises(DecoderError) as caught:
        load_decoder(tmp_path / "d.safetensors", encoder)
    message = refused(caught, tmp_path / "d.safetensors")
    assert "other layers" in message and culprit in message


def test_checkpoint_that_names_no_encoder(decoder, encoder, tmp_path):
    save_file(decoder.state_dict(), tmp_path / "d.safetensors", {"format": FORMAT})
    with pytest.raises(DecoderError) as caught:
        load_decoder(tmp_path / "d.safetensors", encoder)
    assert "not known" in refused(caught, tmp_path / "d.safetensors")
