"""One alert on its way to the person: felt, heard, written once, and its fate reported."""

import pytest

pytestmark = pytest.mark.browser

DELIVERY = """
const { Delivery } = await import("/static/js/patient/delivery.js");
let now = 10_000, speaker = "maxsight";
const log = [];
const speech = { silenced: false, system: () => {}, say: (item) => log.push(["say", item.text, item.felt ?? null]) };
const delivery = new Delivery({ speech, speaker: () => speaker, now: () => now,
  haptics: { play: (haptic) => { if (haptic) log.push(["feel", haptic.location]); return Boolean(haptic); } },
  earcon: (name) => log.push(["sound", name]),
  said: { add: (item) => log.push(["write", item.text]) },
  live: { say: (text, { assertive } = {}) => log.push(["announce", assertive ? "assertive" : "polite"]) },
  report: (body) => log.push(["report", body.alert_id, body.fate, body.reason ?? "", body.latency_ms ?? null]) });
const alert = (more = {}) => ({ id: "1-0", stage: "P0", kind: "approach", text: "Stop.", fate: "spoken", reason: "",
  time_s: 9.9, expires_s: 10.4, haptic: { location: "left", pattern_ms: [80] }, earcon: "stop",
  interrupts: true, ...more });
"""


def test_a_stop_warning_is_felt_before_it_is_heard_and_announced_assertively(in_module):
    assert in_module(DELIVERY + "delivery.give(alert(), 9_900); return log;") == [
        ["feel", "left"], ["sound", "stop"], ["write", "Stop."], ["announce", "assertive"], ["say", "Stop.", True]]


@pytest.mark.parametrize(("more", "captured_ms", "age_ms"), [
    ("{ stage: 'P1', expires_s: 10.9 }", 8_900, 1100),
    ("{}", 7_000, 3000),  # a stop too old to be true any more
])
def test_an_alert_that_arrives_stale_is_neither_felt_nor_written(in_module, more, captured_ms, age_ms):
    assert in_module(DELIVERY + f"delivery.give(alert({more}), {captured_ms}); return log;") == [
        ["report", "1-0", "expired", "stale_on_arrival", age_ms]]


def test_a_stop_that_a_slow_link_delivered_late_is_felt_and_heard_but_not_spoken(in_module):
    assert in_module(DELIVERY + "delivery.give(alert(), 9_400); return log;") == [
        ["feel", "left"], ["sound", "stop"], ["write", "Stop."], ["announce", "assertive"],
        ["report", "1-0", "haptic_only", "stale_on_arrival", 600]]


def test_the_same_alert_is_given_once(in_module):
    assert in_module(DELIVERY + """
      delivery.give(alert(), 9_900); const once = log.length; delivery.give(alert(), 9_900); return log.length === once;
    """) is True


def test_masked_and_suppressed_decisions_are_never_given(in_module):
    assert in_module(DELIVERY + """
      delivery.give(alert({ fate: "masked" }), 9_900); delivery.give(alert({ fate: "suppressed" }), 9_900); return log;
    """) == []


def test_lost_vision_that_the_page_told_itself_is_not_told_a_second_time(in_module):
    assert in_module(DELIVERY + """
      delivery.give(alert({ kind: "perception", reason: "browser: the browser said so itself" }), 9_900); return log;
    """) == []


def test_lost_vision_noticed_by_page_and_engine_at_once_is_told_once_whoever_was_first(in_module):
    assert in_module(DELIVERY + """
      const lost = { kind: "perception", text: "Vision paused. Picture late.", reason: "perception: x",
        haptic: null, earcon: null };
      delivery.tell("Vision paused: no answer.", { kind: "vision_paused", urgent: true });
      delivery.give(alert({ ...lost, id: "a" }), 9_900);
      now += 4000;
      delivery.give(alert({ ...lost, id: "b", time_s: 13.9, expires_s: 24 }), 13_900);
      delivery.tell("Vision paused: no answer.", { kind: "vision_paused", urgent: true });
      return log.filter(([what]) => what === "write" || what === "report");
    """) == [["write", "Vision paused: no answer."], ["report", "a", "spoken", "said_by_page", 100],
             ["write", "Vision paused. Picture late."]]


def test_with_a_screen_reader_the_page_keeps_its_own_voice_quiet(in_module):
    assert in_module(DELIVERY + """
      speaker = "screen_reader"; delivery.give(alert(), 9_900);
      delivery.tell("Vision paused.", { urgent: true }); return log;
    """) == [["feel", "left"], ["sound", "stop"], ["write", "Stop."], ["announce", "assertive"],
             ["report", "1-0", "spoken", "screen_reader", 100], ["write", "Vision paused."], ["announce", "assertive"]]


def test_a_repetition_is_reported_without_a_latency(in_module):
    assert in_module(DELIVERY + """
      delivery.give(alert(), 9_900); log.length = 0; delivery.repeat();
      delivery.fate({ id: "1-0", reason: "repeated" }, "spoken", "repeated", 5000); return log;
    """) == [["announce", "polite"], ["say", "Stop.", False], ["report", "1-0", "spoken", "repeated", None]]


def test_a_haptic_only_decision_is_not_spoken(in_module):
    assert in_module(DELIVERY + """
      speech.silenced = true; delivery.give(alert({ fate: "haptic_only" }), 9_900); return log;
    """) == [["feel", "left"], ["sound", "stop"], ["write", "Stop."], ["announce", "assertive"],
             ["report", "1-0", "haptic_only", "", 100]]


def test_in_silence_only_a_stop_keeps_its_sound(in_module):
    assert in_module(DELIVERY + """
      speech.silenced = true;
      delivery.give(alert({ stage: "P1", fate: "haptic_only", earcon: "soon", expires_s: 10.9 }), 9_900);
      return log.filter(([what]) => what === "sound");
    """) == []
