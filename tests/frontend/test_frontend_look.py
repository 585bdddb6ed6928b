"""The look page in a real browser: start, alerts, lost sight, files, keys. The scripted peer fails on cue."""

import io
import re
import shutil
import subprocess

import pytest
from PIL import Image
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
LONG_HAPTIC = {"location": "left", "pattern_ms": [1500], "intensity": 1.0}


def start_scene(page):
    page.locator("#source").select_option("scene:corridor?seed=1")
    page.locator("#start").click()
    expect(page.locator("#state")).to_contain_text("Seeing")


def wait_for(page, condition, seconds=6):
    for _ in range(int(seconds / 0.05)):
        if condition():
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"did not become true within {seconds} s")


def test_an_alert_is_felt_written_announced_and_spoken_by_the_server_without_a_browser_voice(open_page, scripted):
    page = open_page("/patient/look")
    start_scene(page)
    expect(page.locator("#things li[data-track='7']")).to_have_text(re.compile("Danger.*Bicycle, left, 2.5 metres"))
    scripted.give("9-0", "P1", "Bicycle, left, 2.5 metres.", 3.0, haptic=LONG_HAPTIC, earcon="soon")
    expect(page.locator("#haptic-left")).to_have_class(re.compile("is-on"))
    expect(page.locator("#said li[data-stage=P1][data-kind=approach]")).to_contain_text("Bicycle, left, 2.5 metres.")
    expect(page.locator("#live-polite")).to_have_text("Bicycle, left, 2.5 metres.")
    wait_for(page, lambda: scripted.of("delivery"))
    told = scripted.of("delivery")[0]
    assert (told["alert_id"], told["fate"], told["v"]) == ("9-0", "spoken", 1)
    assert 0 < told["latency_ms"] < 3000
    assert "Bicycle, left, 2.5 metres." in scripted.spoken
    assert page.evaluate("maxsight.stats.voice") == "server"
    frames = scripted.of("frame")
    assert frames[0]["magic"] == "ffd8ff" and (frames[0]["w"], frames[0]["h"]) == (160, 120)
    assert [f["seq"] for f in frames] == list(range(1, len(frames) + 1))


def test_vision_paused_is_shown_said_felt_and_reported_even_in_silence_and_so_is_its_end(open_page, scripted):
    page = open_page("/patient/look")
    start_scene(page)
    page.keyboard.press("s")
    scripted.silent = True
    expect(page.locator("#state")).to_have_text("Vision paused: no answer from the engine")
    wait_for(page, lambda: page.evaluate("maxsight.stats.speaking") == "Vision paused: no answer from the engine.")
    expect(page.locator("#live-assertive")).to_have_text("Vision paused: no answer from the engine.")
    expect(page.locator("#haptic-right")).to_have_class(re.compile("is-on"))
    expect(page.locator("#said li[data-kind=vision_paused]")).to_have_count(1)
    expect(page.locator("#things li")).to_have_count(0)
    expect(page.locator("#things-empty")).to_contain_text("Vision is paused")
    scripted.silent = False
    expect(page.locator("#state")).to_contain_text("Seeing")
    expect(page.locator("#said li[data-kind=vision_resumed]")).to_have_count(1)
    assert [n["kind"] for n in scripted.of("notice")] == ["vision_paused", "vision_resumed"]


def test_a_broken_connection_is_told_and_the_session_comes_back_by_itself(open_page, scripted):
    page = open_page("/patient/look")
    start_scene(page)
    first = len(scripted.of("session_start"))
    scripted.silent = True
    scripted.hang_up()
    scripted.silent = False
    wait_for(page, lambda: len(scripted.of("session_start")) > first)
    expect(page.locator("#state")).to_contain_text("Seeing")
    assert scripted.of("session_start")[-1]["source"] == "scene"


def test_a_refused_camera_says_what_to_do_and_another_source_can_be_chosen(open_page, scripted):
    page = open_page("/patient/look", permissions=[])
    page.locator("#source").select_option("webcam")
    page.locator("#start").click()
    expect(page.locator("#problem")).to_contain_text("The camera is not allowed")
    expect(page.locator("#problem")).to_contain_text("choose Allow")
    expect(page.locator("#state")).to_have_text("Not started")
    assert not scripted.of("session_start")
    start_scene(page)
    expect(page.locator("#problem")).to_be_hidden()


def test_the_webcam_is_released_on_stop(open_page, scripted):
    page = open_page("/patient/look", permissions=["camera"])
    page.locator("#source").select_option("webcam")
    page.locator("#start").click()
    expect(page.locator("#state")).to_contain_text("Seeing")
    track = page.evaluate_handle("document.getElementById('video').srcObject.getVideoTracks()[0]")
    page.locator("#stop").click()
    expect(page.locator("#state")).to_have_text("Stopped")
    assert track.evaluate("(track) => track.readyState") == "ended"
    assert scripted.of("session_stop") and scripted.of("session_start")[0]["source"] == "webcam"
    assert max(scripted.of("frame")[0][side] for side in "wh") <= 640


def test_a_camera_that_disappears_is_told_at_once(open_page, scripted):
    page = open_page("/patient/look", permissions=["camera"])
    page.locator("#start").click()
    expect(page.locator("#state")).to_contain_text("Seeing")
    # Every text the state had is kept: what it said first must not depend on when this test looks.
    page.evaluate("""() => { const state = document.getElementById('state');
                             window.states = [];
                             new MutationObserver(() => window.states.push(state.textContent))
                               .observe(state, { childList: true, characterData: true, subtree: true });
                             const track = document.getElementById('video').srcObject.getVideoTracks()[0];
                             track.stop(); track.dispatchEvent(new Event('ended')); }""")
    page.wait_for_function("window.states.length > 0", timeout=2000)
    assert page.evaluate("window.states[0]") == "Vision paused: camera lost"
    expect(page.locator("#said li[data-kind=vision_paused]")).to_have_count(1)
    assert "camera_lost" in [n["kind"] for n in scripted.of("notice")]
    expect(page.locator("#state")).to_contain_text("Seeing")  # it is opened again by itself


@pytest.mark.parametrize(("name", "kind", "content", "words"), [
    ("notes.txt", "text/plain", b"not a picture", "cannot be played"),
    ("broken.png", "image/png", b"\x89PNG broken", "picture cannot be opened"),
    ("empty.mp4", "video/mp4", b"", "file is empty"),
    ("broken.webm", "video/webm", b"\x1aE\xdf\xa3nothing", "cannot be played"),
])
def test_a_file_that_cannot_be_used_says_why_and_sends_nothing(open_page, scripted, name, kind, content, words):
    page = open_page("/patient/look")
    page.locator("#source").select_option("upload")
    expect(page.locator("#file-hint")).to_contain_text("stays in this browser")
    page.locator("#file").set_input_files({"name": name, "mimeType": kind, "buffer": content})
    page.locator("#start").click()
    expect(page.locator("#problem")).to_contain_text(words)
    assert not scripted.of("session_start")


def test_a_large_picture_is_sent_as_a_small_jpeg(open_page, scripted):
    page = open_page("/patient/look")
    picture = io.BytesIO()
    Image.new("RGB", (1600, 900), (90, 120, 60)).save(picture, "PNG")
    page.locator("#source").select_option("upload")
    page.locator("#file").set_input_files({"name": "street.png", "mimeType": "image/png", "buffer": picture.getvalue()})
    page.locator("#start").click()
    expect(page.locator("#state")).to_contain_text("Seeing")
    frame = scripted.of("frame")[0]
    assert (frame["w"], frame["h"], frame["magic"]) == (640, 360, "ffd8ff")
    start = scripted.of("session_start")[0]
    assert (start["source"], start["source_detail"]) == ("upload", "street.png")


def test_a_video_file_plays_and_its_frames_are_sent(open_page, scripted, tmp_path):
    if not shutil.which("ffmpeg"):
        pytest.skip("ffmpeg is not installed: no video can be made for this test")
    video = tmp_path / "walk.webm"
    subprocess.run(["ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=10:duration=2",
                    "-c:v", "libvpx", str(video)], check=True)
    page = open_page("/patient/look")
    page.locator("#source").select_option("upload")
    page.locator("#file").set_input_files(video)
    page.locator("#start").click()
    expect(page.locator("#state")).to_contain_text("Seeing")
    wait_for(page, lambda: len({frame["bytes"] for frame in scripted.of("frame")}) > 3)
    assert (scripted.of("frame")[0]["w"], scripted.of("frame")[0]["h"]) == (320, 240)


def test_everything_works_by_keys_and_keys_stay_out_of_typing(open_page, scripted):
    page = open_page("/patient/look")
    page.keyboard.press("d")
    expect(page.locator("#said li[data-kind=hint]")).to_contain_text("Press Space")
    page.locator("#source").select_option("scene:corridor?seed=1")
    page.locator("h1").click()
    page.keyboard.press("Space")
    expect(page.locator("#state")).to_contain_text("Seeing")
    page.keyboard.press("d")
    expect(page.locator("#said li[data-stage=P3]")).to_contain_text("Door, right, 6 metres.")
    page.keyboard.press("f")
    page.keyboard.type("exit sdrt")
    expect(page.locator("#find-what")).to_have_value("exit sdrt")
    page.keyboard.press("Enter")
    wait_for(page, lambda: len(scripted.of("request")) == 2)
    page.keyboard.press("t")
    wait_for(page, lambda: len(scripted.of("request")) == 3)
    asked = [(r["kind"], r.get("what")) for r in scripted.of("request")]
    assert asked == [("describe", None), ("find", "exit sdrt"), ("read", None)]
    page.keyboard.press("+")
    expect(page.locator("#rate-value")).to_have_text("200 words a minute")
    page.keyboard.press("s")
    expect(page.locator("#silence")).to_have_attribute("aria-pressed", "true")
    assert {"speech_wpm": 200} in [s["settings"] for s in scripted.of("settings")]
    wait_for(page, lambda: {"silenced": True} in [s["settings"] for s in scripted.of("settings")])
    page.keyboard.press("?")
    expect(page.locator("#help-dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Space")
    expect(page.locator("#state")).to_have_text("Stopped")
    wait_for(page, lambda: scripted.of("kept"))
    assert scripted.of("kept") == [{"csrf": "token", "speech_wpm": 200}]


def test_focus_moves_from_start_to_stop_so_that_a_second_press_stops(open_page):
    page = open_page("/patient/look")
    page.locator("#source").select_option("scene:corridor?seed=1")
    page.locator("#start").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#stop")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#start")).to_be_focused()


def test_a_server_that_refuses_the_session_says_why(open_page, scripted):
    scripted_words = "All places are taken. Try again in some minutes."
    page = open_page("/patient/look")
    scripted.refuse_start = {"code": "too_many_sessions", "message": scripted_words}
    page.locator("#source").select_option("scene:corridor?seed=1")
    page.locator("#start").click()
    expect(page.locator("#problem")).to_contain_text(scripted_words)
    expect(page.locator("#state")).to_have_text("Not started")


def test_without_any_voice_the_page_says_so_and_still_writes(open_page, scripted):
    scripted.has_voice = False
    page = open_page("/patient/look")
    start_scene(page)
    expect(page.locator("#problem")).to_contain_text("There is no voice")
    scripted.give("3-0", "P1", "Chair, left.", 3.0, haptic=LONG_HAPTIC)
    expect(page.locator("#said li[data-stage=P1]")).to_contain_text("Chair, left.")
    wait_for(page, lambda: scripted.of("delivery"))
    assert scripted.of("delivery")[0]["fate"] == "haptic_only"


def test_the_first_use_tour_can_be_skipped_and_does_not_come_back(open_page):
    page = open_page("/patient/look", tour_done=False)
    page.locator("#tour-next").click()
    expect(page.locator("#tour-progress")).to_have_text("Step 1 of 6")
    expect(page.locator("#said li[data-kind=tour]")).to_contain_text("Press Space")
    page.keyboard.press("Escape")
    expect(page.locator("#tour")).to_be_hidden()
    page.reload()
    expect(page.locator("#tour")).to_be_hidden()
