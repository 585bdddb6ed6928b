"""Text to speech on the server, for browsers without a voice.

espeak-ng where it is installed (it writes WAV to its output); otherwise pyttsx3, which drives the system's own
voice. Both run in a process of their own with a time limit: a synthesiser that hangs must not take a thread with it.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

MAX_CHARACTERS = 500
"""The longest description has about 300; at 180 words a minute this is half a minute of speech."""
MIN_WPM, MAX_WPM = 80, 450
TIMEOUT_S = 10.0
MAX_AT_ONCE = 4
WAIT_S = 3.0
"""How long a sentence may wait for its turn; the browser gives up after 4 s."""
CACHED_SENTENCES = 128

_turns = threading.BoundedSemaphore(MAX_AT_ONCE)

_PYTTSX3_PROGRAM = """
import sys, pyttsx3
engine = pyttsx3.init()
engine.setProperty("rate", int(sys.argv[1]))
engine.save_to_file(sys.stdin.read(), sys.argv[2])
engine.runAndWait()
"""


class SpeechUnavailableError(RuntimeError):
    """No synthesiser can speak here and now; the message says what to install or do."""


def synthesise(text: str, wpm: int) -> bytes:
    """``text`` as a WAV file.

    Args:
        text: at most MAX_CHARACTERS. wpm: words a minute, MIN_WPM..MAX_WPM.

    Raises:
        ValueError: text or rate out of range.
        SpeechUnavailableError: no synthesiser, or it failed or is too busy.
    """
    words = " ".join(text.split())
    if not 1 <= len(words) <= MAX_CHARACTERS:
        raise ValueError(f"text: expected 1 to {MAX_CHARACTERS} characters; got {len(words)}")
    if not MIN_WPM <= wpm <= MAX_WPM:
        raise ValueError(f"wpm: expected {MIN_WPM} to {MAX_WPM} words a minute; got {wpm}")
    return _spoken(words, wpm)


@functools.lru_cache(maxsize=CACHED_SENTENCES)
def _spoken(words: str, wpm: int) -> bytes:
    if not _turns.acquire(timeout=WAIT_S):
        raise SpeechUnavailableError("Too many sentences are being made into speech. Try again.")
    try:
        espeak = shutil.which("espeak-ng") or shutil.which("espeak")
        wav = _with_espeak(espeak, words, wpm) if espeak else _with_pyttsx3(words, wpm)
    except (subprocess.SubprocessError, OSError) as error:
        raise SpeechUnavailableError(
            f"The server's speech synthesiser failed ({type(error).__name__}). Install espeak-ng on the server."
        ) from None
    finally:
        _turns.release()
    if wav[:4] != b"RIFF":
        raise SpeechUnavailableError("The server's speech synthesiser gave no audio. Install espeak-ng on the server.")
    return wav


def _with_espeak(program: str, words: str, wpm: int) -> bytes:
    """The words go in through stdin, so that nothing in them can be read as an option."""
    done = subprocess.run(
        [program, "-s", str(wpm), "-v", "en", "-b", "1", "--stdin", "--stdout"], input=words.encode("utf-8"),
        capture_output=True, timeout=TIMEOUT_S, check=True,
    )
    return done.stdout


def _with_pyttsx3(words: str, wpm: int) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "speech.wav"
        subprocess.run(
            [sys.executable, "-c", _PYTTSX3_PROGRAM, str(wpm), str(target)], input=words.encode("utf-8"),
            capture_output=True, timeout=TIMEOUT_S, check=True,
        )
        return target.read_bytes() if target.exists() else b""
