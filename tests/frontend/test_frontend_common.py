"""Words, figures, colours and geometry that every page shares."""

import pytest

from maxsight_core.contracts import Camera

pytestmark = pytest.mark.browser

TEXT_ON_SURFACE = [
    (ink, surface) for ink in ("ink", "ink-muted", "link", "danger") for surface in ("paper", "surface", "surface-2")
] + [("accent-ink", "accent"), ("accent-ink", "accent-hover"), ("ink", "accent-wash"), ("stage-ink", "stage")] + [
    ("badge-ink", name) for name in ("safe", "caution", "warning", "danger", "good", "ink-muted")
] + [("ink", f"{name}-wash") for name in ("safe", "caution", "warning", "danger", "good")] + [("danger", "danger-wash")]
LINES = [("line-strong", "paper"), ("line-strong", "surface"), ("accent", "paper"), ("focus", "focus-halo")]

COLOURS = """
const probe = document.createElement("div"); document.body.append(probe);
const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
const of = (name) => { probe.style.color = `var(--${name})`; canvas.fillStyle = getComputedStyle(probe).color;
  canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3); };
const found = Object.fromEntries(argument.map((name) => [name, of(name)])); probe.remove(); return found;
"""


def luminance(rgb):
    """Relative luminance, WCAG 2.2."""
    parts = [c / 255 for c in rgb]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a, b):
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark", "contrast"])
def test_text_has_seven_to_one_and_lines_three_to_one_in_every_theme(open_page, theme):
    page = open_page("/patient/")
    page.locator("[data-theme-switch]").select_option(theme)
    names = sorted({name for pair in TEXT_ON_SURFACE + LINES for name in pair})
    rgb = page.evaluate(f"(argument) => {{ {COLOURS} }}", names)
    weak = {pair: round(contrast(rgb[pair[0]], rgb[pair[1]]), 2) for pair in TEXT_ON_SURFACE
            if contrast(rgb[pair[0]], rgb[pair[1]]) < 7}
    weak |= {pair: round(contrast(rgb[pair[0]], rgb[pair[1]]), 2) for pair in LINES
             if contrast(rgb[pair[0]], rgb[pair[1]]) < 3}
    assert not weak


def test_urgency_colours_over_the_picture_have_seven_to_one_on_their_black_casing(in_module):
    colours = in_module("""
      const { URGENCY } = await import("/static/js/common/urgency.js");
      return Object.values(URGENCY).map(({ colour }) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16)));
    """)
    assert len(colours) == 4
    assert min(contrast(colour, (0, 0, 0)) for colour in colours) >= 7


def test_the_chosen_theme_is_there_before_the_first_paint_of_the_next_page(open_page):
    page = open_page("/patient/")
    page.locator("[data-theme-switch]").select_option("contrast")
    page.goto("/patient/look", wait_until="commit")
    page.wait_for_selector("body", state="attached")
    assert page.evaluate("document.documentElement.dataset.theme") == "contrast"


def test_the_bearing_scale_is_the_inverse_of_the_cameras_bearing(in_module):
    camera = Camera(640, 480)
    columns = [0.05, 0.3, 0.5, 0.8]
    back = in_module("""
      const { columnOfBearing } = await import("/static/js/common/overlay.js");
      return argument.map((bearing) => columnOfBearing(bearing));
    """, [camera.bearing_deg(x) for x in columns])
    assert back == pytest.approx(columns, abs=1e-9)


def test_distances_and_directions_are_said_as_the_alerts_say_them(in_module):
    assert in_module("""
      const { distance, direction, describeDetection } = await import("/static/js/common/format.js");
      return [distance(0.4), distance(2.6), distance(1), distance(7.6), distance(3, "feet"), distance(null),
        direction(-16), direction(15), direction(40), direction(-31, "clock"), direction(0, "clock"),
        describeDetection({ class: "traffic light", bearing_deg: 20, distance_m: null, zone: "far" })];
    """) == ["arm's length", "2.5 metres", "1 metre", "8 metres", "10 feet", None,
             "left", "ahead", "right", "11 o'clock", "12 o'clock", "Traffic light, right, far"]


def test_the_live_region_does_not_say_the_same_words_twice_in_a_row(in_module):
    assert in_module("""
      const { LiveRegion } = await import("/static/js/common/live_region.js");
      let now = 0; const [polite, assertive] = [document.createElement("div"), document.createElement("div")];
      const live = new LiveRegion(polite, assertive, () => now);
      const said = [live.say("Door."), live.say("Door.", { assertive: true })];
      now = 4000; said.push(live.say("Door.", { assertive: true }));
      return [said, polite.textContent, assertive.textContent];
    """) == [[True, False, True], "Door.", "Door."]


def test_path_guidance_that_is_unavailable_or_unknown_is_never_drawn_as_free(in_module):
    assert in_module("""
      const { readPath } = await import("/static/js/common/path_strip.js");
      const sectors = [null, 0, 3.5, 8].map((free_m) => ({ free_m, bearing_deg: 0, score: 1 }));
      return [readPath({ source: "unavailable", reason: "too dark" }), readPath(null),
        readPath({ source: "measured", value: { sectors, free_bearing_deg: null } }).sectors];
    """) == [None, None, ["unknown", "blocked", "partly", "free"]]


def test_vibration_patterns_light_the_named_side_and_go_out(in_module):
    assert in_module("""
      const { Haptics } = await import("/static/js/patient/haptics.js");
      const [left, right] = [document.createElement("i"), document.createElement("i")];
      const felt = [];
      const haptics = new Haptics({ left, right, vibrate: (pattern) => felt.push(pattern), steady: () => false });
      const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
      const lit = () => [left, right].map((band) => band.classList.contains("is-on"));
      haptics.play({ location: "left", pattern_ms: [60, 60, 60] }); await wait(25);
      const first = lit(); await wait(300);
      return [first, lit(), felt, haptics.play(null)];
    """) == [[True, False], [False, False], [[60, 60, 60]], False]
