"""One credit, and the watchdog that never lets silence look like sight."""

import pytest

pytestmark = pytest.mark.browser

PACER = """
const { Pacer } = await import("/static/js/patient/pacer.js");
let now = 1000;
const pacer = new Pacer({ now: () => now });
"""


def test_no_second_frame_goes_before_the_first_is_answered(in_module):
    assert in_module(PACER + """
      const first = pacer.canSend();
      const seq = pacer.take(now);
      now += 500;
      const waiting = pacer.canSend();
      pacer.result(seq, 1);
      return [first, waiting, pacer.canSend()];
    """) == [True, False, True]


def test_a_drop_gives_the_credit_back_but_is_no_sight(in_module):
    assert in_module(PACER + """
      pacer.result(pacer.take(now), 1);
      const changes = [];
      for (let step = 0; step < 14; step += 1) {
        now += 100;
        if (pacer.canSend()) pacer.dropped(pacer.take(now), "engine_error", 1);
        changes.push(pacer.check());
      }
      return [changes.filter(Boolean), pacer.counters.droppedByReason, changes.indexOf("paused")];
    """) == [["paused"], {"engine_error": 14}, 10]


def test_vision_is_paused_once_and_back_only_after_two_steady_seconds(in_module):
    assert in_module(PACER + """
      pacer.result(pacer.take(now), 1);
      const told = [];
      const watch = (ms) => { now += ms; const change = pacer.check(); if (change) told.push(change); };
      const results = (count, gap) => {
        for (let n = 0; n < count; n += 1) { pacer.result(pacer.take(now), 1); watch(gap); }
      };
      watch(900); watch(200); watch(500);
      results(4, 1100);           // single late results are no sight
      const unsteady = [...told];
      results(19, 100);           // 1.8 s from the first of them
      const tooEarly = [...told];
      results(4, 100);
      return [unsteady, tooEarly, told];
    """) == [["paused"], ["paused"], ["paused", "resumed"]]


def test_a_late_answer_to_a_picture_from_before_the_pause_is_no_sign_that_pictures_come(in_module):
    assert in_module(PACER + """
      const old = pacer.take(now);
      now += 50; pacer.pause();                    // the camera was pulled out
      now += 50; const latencyMs = pacer.result(old, 1);
      const late = pacer.returning;
      now += 50; pacer.result(pacer.take(now), 1);
      return [latencyMs, late, pacer.returning];
    """) == [100, False, True]


def test_the_first_result_of_a_cold_engine_has_three_seconds(in_module):
    assert in_module(PACER + """
      pacer.take(now);
      now += 2900; const early = pacer.check();
      now += 200; return [early, pacer.check()];
    """) == [None, "paused"]


def test_a_reply_that_never_comes_does_not_stop_the_frames_for_ever(in_module):
    assert in_module(PACER + """
      pacer.take(now);
      now += 2900; const before = pacer.canSend();
      now += 200; return [before, pacer.canSend(), pacer.counters.unanswered];
    """) == [False, True, 1]


def test_results_of_an_earlier_session_are_not_counted(in_module):
    assert in_module(PACER + """
      const seq = pacer.take(now);
      pacer.begin();
      return [pacer.result(seq, 1), pacer.counters.results, pacer.take(now) > seq];
    """) == [None, 0, True]
