"""A run's files: written whole or not at all, read without running code, and only continued as the run they are of."""

import errno
import pickle

import pytest
import torch

from training.loop import state as kept
from training.loop.nan_guard import NonFiniteLossError, check_gradient, check_losses


def test_a_state_comes_back_as_it_was(tmp_path):
    path = tmp_path / "last.pt"
    kept.save_state(path, {"network": {"w": torch.arange(3.0)}, "epoch": 4, "config": {"seed": 1}})
    found = kept.load_state(path)
    assert found["epoch"] == 4 and torch.equal(found["network"]["w"], torch.arange(3.0))


def test_a_full_disk_leaves_the_state_of_before(tmp_path, monkeypatch):
    path = tmp_path / "last.pt"
    kept.save_state(path, {"epoch": 1})

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(kept.os, "fsync", full)
    with pytest.raises(kept.StateError, match=r"could not be written .*No space left.*of before is untouched"):
        kept.save_state(path, {"epoch": 2})
    assert kept.load_state(path)["epoch"] == 1
    assert [file.name for file in tmp_path.iterdir()] == ["last.pt"]


def test_too_little_room_is_told_before_the_run(tmp_path):
    with pytest.raises(kept.StateError, match=r"MiB are free and a run of this size needs \d+ MiB"):
        kept.require_space(tmp_path, 2**60)
    kept.require_space(tmp_path, 1000)


class Evil:
    def __reduce__(self):
        return (print, ("run",))


@pytest.mark.parametrize("content", [b"", b"not a state", pickle.dumps(Evil())])
def test_a_damaged_file_or_one_with_code_is_refused(tmp_path, content, capsys):
    path = tmp_path / "last.pt"
    path.write_bytes(content)
    with pytest.raises(kept.StateError, match="no readable state"):
        kept.load_state(path)
    assert "run" not in capsys.readouterr().out


def test_no_state_says_how_to_start(tmp_path):
    with pytest.raises(kept.StateError, match="no state to resume from"):
        kept.load_state(tmp_path / "last.pt")


def test_another_run_is_named_setting_by_setting_and_keeping_may_differ():
    before = {"tier": "T0", "seed": 1, "run": {"threads": 1}, "data": {"workers": 1, "coco": ["a"]}}
    kept.require_same_run(before, {**before, "run": {"threads": 2}, "data": {"workers": 4, "coco": ["a"]}})
    with pytest.raises(kept.StateError) as caught:
        kept.require_same_run(before, {**before, "tier": "T2", "data": {"workers": 1, "coco": ["b"]}})
    assert "tier: was 'T0', now 'T2'" in str(caught.value) and "data.coco" in str(caught.value)


def test_a_loss_that_is_no_number_is_named_with_the_pictures():
    losses = {"boxes": torch.tensor(1.0), "urgency": torch.tensor(float("nan"))}
    with pytest.raises(NonFiniteLossError, match=r"step 12: urgency = nan\. Pictures of this batch: a\.jpg, b\.jpg"):
        check_losses(losses, 12, ["a.jpg", "b.jpg"])
    check_losses({"boxes": torch.tensor(1.0)}, 12, [])
    with pytest.raises(NonFiniteLossError, match="gradient's norm is inf"):
        check_gradient(torch.tensor(float("inf")), 3)
