"""A run's configuration: the description's defaults, and every wrong key named before hours are wasted."""

from pathlib import Path

import pytest

from training.loop.config import ConfigError, load_config, make_config

BODY = {"classes": ["person", "door"], "data": {"coco": [{"path": "somewhere"}]}}


def test_a_tier_brings_the_descriptions_hyperparameters():
    t0, t5 = make_config(BODY), make_config({**BODY, "tier": "T5_TEMPORAL"})
    assert (t0.learning_rate, t0.batch_size, t0.optimiser.weight_decay) == (1.5e-3, 16, 0.05)
    assert (t5.tier, t5.learning_rate, t5.batch_size, t5.warmup_epochs) == ("T5", 7.5e-5, 4, 20)
    assert t0.optimiser.clip_norm == 1.0 and t0.schedule.min_learning_rate == 1e-6


def test_values_go_over_values_and_only_where_they_are_given(tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text("classes: [person]\nschedule: {epochs: 3, min_learning_rate: 1.0e-5}\ndata: {coco: [{path: a}]}\n")
    config = load_config(file, ["schedule.epochs=7", "optimiser.learning_rate=0.01"])
    assert (config.schedule.epochs, config.schedule.min_learning_rate, config.learning_rate) == (7, 1e-5, 0.01)


@pytest.mark.parametrize(("changes", "words"), [
    ({"learning_rat": 1}, "learning_rat: unknown key"),
    ({"schedule": {"epoch": 1}}, "schedule.epoch: unknown key"),
    ({"tier": "T9"}, "tier: tier: expected one of T0_BASELINE_CNN"),
    ({"grid": "square"}, "grid: expected one of fused, pyramid"),
    ({"input_size_px": 225}, "expected a multiple of 32"),
    ({"grid": "pyramid", "input_size_px": 64}, "at least 96 px; got 64"),
    ({"classes": ["persn"]}, "person"),
    ({"classes": ["person", "person"]}, "every class once"),
    ({"optimiser": {"clip_norm": 0}}, "optimiser.clip_norm"),
    ({"loss_weights": {"boxes": -1}}, "weights of 0 or more"),
    ({"data": {}}, "at least one source"),
])
def test_what_is_wrong_is_named_with_its_key(changes, words):
    with pytest.raises(ConfigError, match="problem") as caught:
        make_config({**BODY, **changes})
    assert words in str(caught.value)


def test_all_problems_are_told_at_once():
    with pytest.raises(ConfigError) as caught:
        make_config({**BODY, "grid": "square", "seed": -1, "color": 1})
    assert all(word in str(caught.value) for word in ("3 problems", "grid", "seed", "color"))


def test_a_file_that_is_missing_or_no_yaml_says_so(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "none.yaml")
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [1\n")
    with pytest.raises(ConfigError, match="no valid YAML"):
        load_config(broken)
    with pytest.raises(ConfigError, match=r"section\.key=value"):
        broken.write_text("classes: [person]\n")
        load_config(broken, ["epochs"])


@pytest.mark.parametrize("file", sorted(Path("training/configs").glob("*.yaml")), ids=lambda file: file.stem)
def test_every_configuration_that_comes_along_is_valid(file):
    assert load_config(file).classes
