"""What is spoken, cut, dropped as stale, and handed to the next voice."""

import pytest

pytestmark = pytest.mark.browser

SPEECH = """
const { Speech } = await import("/static/js/patient/speech.js");
let now = 0;
const fates = [], said = [];
class Voice {
  constructor(name, fails = false) { Object.assign(this, { name, fails }); }
  speak(text, { onStart }) {
    let finish;
    const done = new Promise((resolve) => { finish = resolve; });
    if (this.fails) setTimeout(() => finish("failed"));
    else { this.start = () => { said.push(`${this.name}: ${text}`); onStart(); };
      if (!this.slow) setTimeout(this.start); }
    this.finish = () => finish("ended");
    return { done, cancel: () => finish("cancelled") };
  }
}
const tick = () => new Promise((resolve) => setTimeout(resolve, 5));
const make = (...voices) => new Speech({ voices, now: () => now,
  onFate: (item, fate, reason, latency) => fates.push([item.id, fate, reason, latency]) });
const item = (id, stage, expiresAt, more = {}) => ({ id, text: id, stage, tCap: now, expiresAt,
  interrupts: false, ...more });
"""


def test_a_stop_warning_cuts_other_speech_and_both_fates_are_told(in_module):
    assert in_module(SPEECH + """
      const voice = new Voice("v"); const speech = make(voice);
      speech.say(item("door", "P2", 3000)); await tick();
      now = 400; speech.say(item("bicycle", "P0", 900, { interrupts: true })); await tick();
      now = 700; voice.finish(); await tick();
      return [said, fates];
    """) == [["v: door", "v: bicycle"],
             [["door", "interrupted", "by bicycle", 0], ["bicycle", "spoken", "", 0]]]


def test_words_that_waited_too_long_are_never_spoken(in_module):
    assert in_module(SPEECH + """
      const voice = new Voice("v"); const speech = make(voice);
      speech.say(item("stop", "P0", 500)); await tick();
      speech.say(item("chair", "P1", 1000)); speech.say(item("felt", "P1", 1000, { felt: true }));
      now = 1500; voice.finish(); await tick();
      return [said, fates.map((fate) => fate.slice(0, 3))];
    """) == [["v: stop"], [["stop", "spoken", ""], ["chair", "expired", "expired_in_queue"],
                           ["felt", "haptic_only", "expired_in_queue"]]]


def test_a_voice_that_is_ready_too_late_says_nothing(in_module):
    assert in_module(SPEECH + """
      const voice = new Voice("v"); voice.slow = true;
      const speech = make(voice);
      speech.say(item("stop", "P0", 500));
      now = 600; const before = said.length; voice.start(); await tick();
      return [fates.map((fate) => fate.slice(0, 3)), speech.current];
    """) == [[["stop", "expired", "voice_too_slow"]], None]


def test_a_soon_warning_cuts_context_but_not_a_stop_warning(in_module):
    assert in_module(SPEECH + """
      const voice = new Voice("v"); const speech = make(voice);
      speech.say(item("sign", "P2", 3000)); await tick();
      speech.say(item("chair", "P1", 1000)); await tick();
      speech.say(item("stop", "P0", 500, { interrupts: true })); await tick();
      speech.say(item("table", "P1", 1000)); await tick();
      return [said, fates.map((fate) => fate.slice(0, 3))];
    """) == [["v: sign", "v: chair", "v: stop"],
             [["sign", "interrupted", "by chair"], ["chair", "interrupted", "by stop"]]]


def test_a_stop_warning_that_has_just_begun_is_not_cut_by_another(in_module):
    assert in_module(SPEECH + """
      const speech = make(new Voice("v"));
      speech.say(item("first", "P0", 500, { interrupts: true })); await tick();
      now = 200; speech.say(item("second", "P0", 700, { interrupts: true })); await tick();
      return said;
    """) == ["v: first"]


def test_when_the_browsers_voice_fails_the_servers_voice_says_the_same_words(in_module):
    assert in_module(SPEECH + """
      const server = new Voice("server"); const speech = make(new Voice("browser", true), server);
      speech.say(item("door", "P2", 3000)); await tick(); await tick();
      server.finish(); await tick();
      speech.say(item("chair", "P2", 3000)); await tick();
      return [said, speech.voiceName];
    """) == [["server: door", "server: chair"], "server"]


def test_the_last_voice_is_tried_again_after_a_failure(in_module):
    assert in_module(SPEECH + """
      const voice = new Voice("server", true); const speech = make(voice);
      speech.say(item("door", "P2", 3000)); await tick(); await tick();
      voice.fails = false;
      speech.say(item("chair", "P2", 3000)); await tick();
      return [said, fates.map((fate) => fate.slice(0, 3))];
    """) == [["server: chair"], [["door", "expired", "voice_failed"]]]


def test_silence_cuts_at_once_and_only_lost_vision_is_spoken_then(in_module):
    assert in_module(SPEECH + """
      const voice = new Voice("v"); const speech = make(voice);
      speech.say(item("door", "P2", 3000)); await tick();
      speech.setSilenced(true);
      speech.say(item("chair", "P1", 1000, { felt: true })); await tick();
      speech.system("Vision paused.", { urgent: true, silentToo: true }); await tick();
      return [said, fates.map((fate) => fate.slice(0, 3))];
    """) == [["v: door", "v: Vision paused."],
             [["door", "interrupted", "by silence"], ["chair", "haptic_only", "silenced"]]]


def test_long_answers_are_spoken_in_whole_sentences_that_the_server_accepts(in_module):
    text = "A corridor. " + "There is a door on the right and a chair on the left. " * 9 + "word " * 140
    chunks = in_module("""
      const { ServerVoice } = await import("/static/js/patient/voices.js");
      return ServerVoice.chunks(argument);
    """, text)
    assert " ".join(chunks).split() == text.split()
    assert max(map(len, chunks)) <= 240
    assert chunks[0].startswith("A corridor.") and chunks[0].endswith("left.")
