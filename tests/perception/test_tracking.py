from __future__ import annotations

import numpy as np
import pytest

from maxsight_core.contracts import Camera, EgoMotion, RawDetection
from maxsight_core.perception.tracking import MAX_LOST_S, Tracker

CAMERA = Camera(640, 480)


def box(cx, cy=0.5, w=0.1, h=0.3, score=0.9, class_id=1):
    return RawDetection(class_id, score, (cx, cy, w, h))


def run(frames, ego=None, fps=10.0):
    tracker, seen = Tracker(), []
    for i, detections in enumerate(frames):
        seen.append(tracker.update(detections, i / fps, ego, CAMERA))
    return seen


def test_two_people_who_cross_keep_their_numbers():
    frames = [[box(0.2 + 0.03 * i, cy=0.45), box(0.8 - 0.03 * i, cy=0.60, h=0.4)] for i in range(20)]
    seen = run(frames)
    first, last = seen[2], seen[-1]
    by_height = lambda tracks: {round(t.box[3], 1): t.track_id for t in tracks}  # noqa: E731
    assert by_height(first) == by_height(last)
    assert len({t.track_id for tracks in seen for t in tracks}) == 2


def test_a_thing_hidden_for_a_moment_is_the_same_and_after_longer_a_new_one():
    frames = [[box(0.3 + 0.01 * i)] for i in range(8)] + [[] for _ in range(5)] + [[box(0.3 + 0.01 * 13)]] * 2
    seen = run(frames)
    assert seen[-1][0].track_id == seen[3][0].track_id
    gone = int(MAX_LOST_S * 10) + 3
    seen = run([[box(0.3)]] * 5 + [[]] * gone + [[box(0.3)]] * 3)
    assert seen[-1][0].track_id != seen[3][0].track_id


def test_a_weak_box_continues_a_track_but_begins_none():
    seen = run([[box(0.5)], [box(0.5)], [box(0.51, score=0.2)], [box(0.51, score=0.2)]])
    assert len(seen[3]) == 1
    assert not any(run([[box(0.5, score=0.3)]] * 5))


def test_one_doubtful_box_is_not_reported_and_a_second_frame_confirms_it():
    seen = run([[box(0.5, score=0.5)], [box(0.5, score=0.5)]])
    assert [len(tracks) for tracks in seen] == [0, 1]


def test_the_camera_turning_fast_does_not_change_numbers():
    pan_px = -64.0  # content moves a tenth of the frame to the left in each frame, about one box width
    ego = EgoMotion(dx_px=pan_px, still=False, inlier_fraction=0.9, dt_s=0.1)
    frames = [[box(0.95 - 0.1 * i, w=0.08)] for i in range(8)]
    assert len({t.track_id for tracks in run(frames, ego) for t in tracks}) == 1


def test_a_single_wrong_name_is_outvoted():
    frames = [[box(0.5, class_id=3)] for _ in range(5)] + [[box(0.5, class_id=8)]] + [[box(0.5, class_id=3)]]
    assert {t.class_id for tracks in run(frames) for t in tracks} == {3}


@pytest.mark.parametrize("seed", range(3))
def test_jitter_is_smoothed_and_numbers_stay(seed):
    rng = np.random.default_rng(seed)
    frames = [[box(0.5 + rng.normal(0, 0.01), h=0.3 + rng.normal(0, 0.01))] for _ in range(40)]
    seen = run(frames)
    assert len({t.track_id for tracks in seen for t in tracks}) == 1
    raw = np.std([frame[0].box_cxcywh[0] for frame in frames[10:]])
    assert np.std([tracks[0].box[0] for tracks in seen[10:]]) < raw


def test_a_motion_measured_over_several_frames_is_applied_by_its_share():
    ego = EgoMotion(dx_px=-64.0, still=False, inlier_fraction=0.9, dt_s=0.2)  # over two frames of this feed
    frames = [[box(0.9 - 0.05 * i, w=0.04)] for i in range(10)]
    seen = run(frames, ego)
    assert len({t.track_id for tracks in seen for t in tracks}) == 1
    assert abs(seen[-1][0].mean[0, 1]) < 0.05  # the thing itself stands


def test_a_cut_and_a_gap_end_all_tracks():
    tracker = Tracker()
    first = [tracker.update([box(0.5)], i / 10, None, CAMERA) for i in range(3)][-1]
    after_cut = tracker.update([box(0.5)], 0.3, EgoMotion(cut=True, dt_s=0.1), CAMERA)
    after_gap = tracker.update([box(0.5)], 2.0, None, CAMERA)
    assert len({first[0].track_id, after_cut[0].track_id, after_gap[0].track_id}) == 3


def test_a_walker_at_five_frames_a_second_keeps_its_number():
    frames = [[box(0.1 + 0.07 * i, w=0.08, h=0.4)] for i in range(12)]
    assert len({t.track_id for tracks in run(frames, fps=5.0) for t in tracks}) == 1
