"""data.class_weights reaches the loss, and says what it needs."""

import pytest
import torch
from support.training_samples import painted, write_coco

from training.loop.build import build_trainer
from training.loop.config import ConfigError, make_config
from training.loop.distributed import World


def body(root, **data):
    return {"tier": "T0", "grid": "fused", "input_size_px": 64, "classes": ["person", "car", "door"],
            "data": {"root": str(root), "validation_share": 0, "class_weights": True, **data},
            "schedule": {"epochs": 1}, "batch": {"size": 2}}


def built(config, tmp_path):
    return build_trainer(make_config(config), tmp_path / "run", torch.device("cpu"), World(0, 1, 0))


def test_a_rare_class_weighs_more(tmp_path):
    write_coco(tmp_path / "set", [("a.png", painted([(1, 0.2 * n, 0.5, 0.1, 0.3) for n in range(1, 5)])),
                                  ("b.png", painted([(2, 0.5, 0.5, 0.3, 0.3)]))])
    trainer = built(body(tmp_path, coco=[{"path": "set"}]), tmp_path)
    assert trainer.objective.stage_a.class_weights.tolist() == pytest.approx([1.0, 0.25, 1.0, 1.0])
    unweighted = body(tmp_path, coco=[{"path": "set"}], class_weights=False)
    assert built(unweighted, tmp_path).objective.stage_a.class_weights is None


def test_rendered_frames_alone_cannot_be_counted(tmp_path):
    with pytest.raises(ConfigError, match=r"data\.class_weights: .*name some, or turn it off"):
        built(body(tmp_path, rendered=[{"scenes": ["street"], "frames": 4, "first_seed": 1}]), tmp_path)
