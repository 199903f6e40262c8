"""What runs on a CUDA GPU only: skipped elsewhere."""

import pytest
import torch

from course_lib.training.config import TrainingConfig
from course_lib.training.trainer import Trainer

cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")


@cuda
def test_a_recorded_step_is_the_step(make_images, tmp_path):
    make_images(tmp_path / "content", 5, size=(80, 72), seed=1)
    make_images(tmp_path / "style", 5, size=(72, 80), seed=2)
    config = TrainingConfig(
        (str(tmp_path / "content"),),
        (str(tmp_path / "style"),),
        "not saved",
        images=None,
        size=80,
        crop=64,
        batch=4,
        warmup_steps=2,
        device="cuda",
        precision="float32",
        average=0.9,
    )
    recorded, plain = (Trainer(config, progress=False) for _ in range(2))
    assert recorded.recorded is not None
    plain.recorded = None
    for _ in range(6):
        recorded.step()
        plain.step()
    assert recorded.recorded.graph is not None
    torch.testing.assert_close(recorded.sums, plain.sums, rtol=1e-3, atol=1e-3)
    for mine, its in zip(recorded.averaged.parameters(), plain.averaged.parameters(), strict=True):
        torch.testing.assert_close(mine, its, rtol=2e-2, atol=2e-4)
