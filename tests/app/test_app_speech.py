"""Speech made on the server: the real synthesiser where one is installed, and what is said when none is."""

from __future__ import annotations

import io
import shutil
import wave

import pytest
from app_support import token_of

from app.patient import speech

needs_espeak = pytest.mark.skipif(
    not (shutil.which("espeak-ng") or shutil.which("espeak")), reason="espeak-ng is not installed")


@pytest.fixture
def say(enter, live):
    browser = enter("patient.north")
    token = token_of(browser)
    return lambda **body: browser.post("/patient/speech", json=body, headers={"X-CSRFToken": token})


def seconds(wav: bytes) -> float:
    """Length of the sound; espeak-ng writes to a pipe, so the header's own length means nothing."""
    with wave.open(io.BytesIO(wav)) as sound:
        rate, width = sound.getframerate(), sound.getsampwidth()
    return (len(wav) - 44) / (rate * width)


@needs_espeak
def test_a_sentence_becomes_a_sound_and_faster_is_shorter(say):
    slow, fast = (say(text="Bicycle, left, three metres.", wpm=wpm) for wpm in (100, 400))
    assert slow.status_code == fast.status_code == 200 and slow.mimetype == "audio/wav"
    assert seconds(slow.data) > 1.5 * seconds(fast.data) > 0.3


@needs_espeak
@pytest.mark.parametrize("text", ["-f /etc/passwd", "--help", "$(id); `id`", "<speak>x</speak>", "Grüße, 北京"])
def test_words_are_never_options_or_commands(text, say):
    answer = say(text=text, wpm=200)
    assert answer.status_code == 200 and answer.data[:4] == b"RIFF" and seconds(answer.data) < 15


@pytest.mark.parametrize("body", [
    {}, {"text": "", "wpm": 180}, {"text": "   ", "wpm": 180}, {"text": "x" * 501, "wpm": 180},
    {"text": "x", "wpm": 79},
    {"text": "x", "wpm": 451}, {"text": "x", "wpm": "fast"}, {"text": "x", "wpm": True}, {"text": 5, "wpm": 180},
])
def test_text_and_rate_have_limits(body, say):
    answer = say(**body)
    assert answer.status_code == 400 and answer.json["error"]["message"]


def test_without_a_synthesiser_the_answer_says_what_to_install(say, monkeypatch):
    speech._spoken.cache_clear()
    monkeypatch.setattr("app.patient.speech.shutil.which", lambda _name: None)
    monkeypatch.setattr("app.patient.speech._PYTTSX3_PROGRAM", "raise SystemExit(1)")
    answer = say(text="nobody can say this", wpm=180)
    assert answer.status_code == 503 and answer.json["error"]["code"] == "speech_unavailable"
    assert "espeak-ng" in answer.json["error"]["message"]


def test_a_failure_is_not_remembered(say, monkeypatch):
    speech._spoken.cache_clear()
    monkeypatch.setattr("app.patient.speech._with_espeak", lambda *_args: b"")
    monkeypatch.setattr("app.patient.speech._with_pyttsx3", lambda *_args: b"")
    assert say(text="again", wpm=180).status_code == 503
    monkeypatch.setattr("app.patient.speech._with_espeak", lambda *_args: b"RIFFsound")
    monkeypatch.setattr("app.patient.speech._with_pyttsx3", lambda *_args: b"RIFFsound")
    assert say(text="again", wpm=180).status_code == 200


def test_a_synthesiser_that_hangs_is_given_up(say, monkeypatch):
    speech._spoken.cache_clear()
    monkeypatch.setattr("app.patient.speech.shutil.which", lambda _name: None)
    monkeypatch.setattr("app.patient.speech._PYTTSX3_PROGRAM", "import time; time.sleep(60)")
    monkeypatch.setattr("app.patient.speech.TIMEOUT_S", 0.3)
    assert say(text="too slow", wpm=180).status_code == 503


@needs_espeak
def test_pyttsx3_itself_makes_a_sound(monkeypatch):
    speech._spoken.cache_clear()
    monkeypatch.setattr("app.patient.speech.shutil.which", lambda _name: None)
    assert speech.synthesise("hello", 180)[:4] == b"RIFF"
