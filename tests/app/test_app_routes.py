"""Every page against every role, generated from the app's own address book, and what pages and JSON hold."""

from __future__ import annotations

import pytest
from app_engine_double import decision
from app_support import PASSWORD, Socket, token_of

from app.errors import PAGES
from app.extensions import db
from app.records.sessions import Session

ROLES = ("patient", "clinician", "developer")
ANYBODY = {"static", "accounts.front_door", "accounts.login", "health.healthz", "health.readyz"}
LOGGED_IN = {"accounts.logout"}
"""Addresses that need no role; every other one must name its roles with role_required."""

EXPECTED = {
    "patient.": {"patient", "developer"}, "clinician.": {"clinician"}, "dev.": {"developer"},
}


def rules(app):
    return sorted(app.url_map.iter_rules(), key=lambda rule: rule.endpoint)


def test_every_address_has_a_rule(app):
    for rule in rules(app):
        if rule.endpoint in ANYBODY | LOGGED_IN:
            continue
        allowed = getattr(app.view_functions[rule.endpoint], "allowed_roles", None)
        assert allowed is not None, f"{rule.rule} has no role_required"
        prefix = rule.endpoint.split(".")[0] + "."
        assert set(allowed) == EXPECTED[prefix], rule.rule


@pytest.mark.parametrize("role", [*ROLES, None])
def test_each_role_gets_its_addresses_and_no_others(role, app, live, enter):
    browser = app.test_client() if role is None else enter(f"{role}.north")
    token = token_of(browser)
    for rule in rules(app):
        if rule.endpoint in ANYBODY | LOGGED_IN:
            continue
        address = rule.rule.replace("<session_id>", "none").replace("<patient_id>", "none")
        for method in rule.methods & {"GET", "POST"}:
            answer = browser.open(address, method=method, headers={"X-CSRFToken": token, "Accept": "text/html"}, json=(
                {} if method == "POST" else None))
            allowed = role in app.view_functions[rule.endpoint].allowed_roles
            if role is None:
                assert answer.status_code in (302, 401), (method, address)
            elif allowed:
                assert answer.status_code not in (302, 401, 403, 405, 500), (method, address, answer.status_code)
            else:
                assert answer.status_code == 403, (method, address)


@pytest.mark.parametrize(("role", "address"), [
    ("patient", "/patient/"), ("patient", "/patient/look"), ("patient", "/patient/settings"),
    ("clinician", "/clinician/"), ("developer", "/dev/"), ("developer", "/patient/look"),
])
def test_pages_are_whole_and_carry_the_token_and_no_inline_script(role, address, enter, live):
    import re

    answer = enter(f"{role}.north").get(address)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200 and "<title>" in page and 'name="csrf-token"' in page
    for script in re.findall(r"<script\b[^>]*>", page):
        assert "src=" in script or "application/json" in script, script
    assert "style=" not in page and not re.search(r"\son\w+=", page)


def test_the_look_page_brings_what_it_needs(enter, live):
    import json
    import re

    page = enter("patient.north").get("/patient/look").get_data(as_text=True)
    boot = json.loads(re.search(r'id="boot"[^>]*>(.*?)</script>', page, re.S).group(1))
    assert boot["user"]["name"] == "patient.north" and len(boot["conditions"]) == 13
    assert boot["limits"] == {"max_bytes": 600_000, "max_side_px": 1280, "credit": 1}
    assert boot["urls"]["speech"] == "/patient/speech" and boot["scenes"][0]["spec"].startswith("scene:")
    assert boot["preferences"]["verbosity"] == "normal"


def test_the_preferences_are_kept(enter, live):
    browser = enter("patient.north")
    token = token_of(browser)
    changes = {"speech_wpm": 240, "theme": "contrast"}
    answer = browser.post("/patient/settings", json=changes, headers={"X-CSRFToken": token})
    assert answer.json["settings"]["speech_wpm"] == 240
    again = enter("patient.north").get("/patient/settings", headers={"Accept": "application/json"})
    assert again.json["settings"] == {
        "verbosity": "normal", "speech_wpm": 240, "units": "metres", "directions": "left_right", "condition": None,
        "theme": "contrast"}


def test_the_preferences_are_what_a_session_starts_with(app, live, enter, engine):
    browser = enter("patient.north")
    browser.post("/patient/settings", json={"verbosity": "brief", "condition": "amd"},
                 headers={"X-CSRFToken": token_of(browser)})
    session_id = Socket(app, browser).start(speech_wpm=300)
    held = engine.settings[session_id]
    assert (held.verbosity, held.condition, held.speech_wpm) == ("brief", "amd", 300)


@pytest.mark.parametrize("body", [
    None, [], {"volume": 3}, {"speech_wpm": 79}, {"speech_wpm": "fast"}, {"verbosity": "loud"}, {"condition": "x"},
    {"theme": None}, {"units": ["feet"]},
])
def test_wrong_preferences_are_refused_and_change_nothing(body, enter, live):
    browser = enter("patient.north")
    answer = browser.post("/patient/settings", json=body, headers={"X-CSRFToken": token_of(browser)})
    assert answer.status_code == 400 and answer.json["error"]["message"]
    kept = browser.get("/patient/settings", headers={"Accept": "application/json"}).json["settings"]
    assert kept["speech_wpm"] == 180 and kept["verbosity"] == "normal"


def test_a_json_request_without_the_token_is_refused(enter, live):
    answer = enter("patient.north").post("/patient/settings", json={"speech_wpm": 240})
    assert answer.status_code == 400 and answer.json["error"]["code"] == "bad_message"


# ---- built-in scenes ------------------------------------------------------------------------------------------------


def test_every_scene_on_offer_can_be_shown(enter, live):
    from app.catalogue import SCENES

    browser = enter("patient.north")
    for scene in SCENES:
        answer = browser.get("/patient/scene.jpg", query_string={"spec": scene["spec"], "i": "0"})
        assert answer.status_code == 200 and answer.mimetype == "image/jpeg" and answer.data[:2] == b"\xff\xd8"
        assert "private" in answer.headers["Cache-Control"] and "max-age" in answer.headers["Cache-Control"]


@pytest.mark.parametrize(("spec", "index", "status"), [
    ("scene:corridor?seed=1&fps=10&seconds=2", "20", 404), ("scene:corridor?seed=1", "-1", 400),
    ("scene:corridor?seed=1", "x", 400), ("scene:moon?seed=1", "0", 400), ("/etc/passwd", "0", 400), ("", "0", 400),
    ("scene:corridor?size=9999x9999", "0", 400),
])
def test_a_scene_that_is_none_is_said(spec, index, status, enter, live):
    answer = enter("patient.north").get("/patient/scene.jpg", query_string={"spec": spec, "i": index})
    assert answer.status_code == status and answer.json["error"]["message"]


# ---- clinician's JSON ---------------------------------------------------------------------------


@pytest.fixture
def finished(app, live, enter, engine):
    """A finished session of patient.north with a delivered and a suppressed alert."""
    patient = Socket(app, enter("patient.north"))
    session_id = patient.start()
    engine.alerts_for = {1: (decision("1-0"), decision("1-1", fate="suppressed", reason="cooldown"))}
    patient.frame()
    patient.wait("result")
    patient.tell("delivery", alert_id="1-0", fate="spoken", latency_ms=101.0)
    patient.ask("session_stop")
    return session_id


def test_the_caseload_tells_the_facts(enter, live, finished, ids, app):
    browser = enter("clinician.north")
    (row,) = browser.get("/clinician/api/caseload").json["patients"]
    assert row["name"] == "patient.north" and row["sessions"] == 1 and row["flags"] == []
    assert row["last_session"]["id"] == finished and row["running_session_id"] is None
    with app.app_context():
        db.session.query(Session).update({"status": "interrupted"})
        db.session.commit()
    (row,) = browser.get("/clinician/api/caseload").json["patients"]
    assert [flag["code"] for flag in row["flags"]] == ["interrupted"]


def test_a_patient_without_a_session_is_on_the_caseload(enter, live):
    (row,) = enter("clinician.south").get("/clinician/api/caseload").json["patients"]
    assert row["last_session"] is None and row["sessions"] == 0 and row["flags"][0]["code"] == "never_used"


def test_a_session_comes_with_figures_and_ledger(enter, finished):
    body = enter("clinician.north").get(f"/clinician/api/sessions/{finished}").json
    assert body["session"]["state"] == "ended" and body["session"]["engine"]["runtime"] == "double"
    assert body["alerts_total"] == 2
    spoken, held = sorted(body["alerts"], key=lambda a: a["id"])
    assert spoken["delivery"]["fate"] == "spoken" and spoken["delivery"]["latency_ms"] == 101.0
    assert held["delivery"] is None and held["reason"] == "cooldown" and held["class"] == "bicycle"
    assert set(decision().to_json()) <= set(held), "a ledger row holds every field of the decision"
    assert sum(second["results"] for second in body["figures"]) == 1


def test_running_sessions_are_listed_for_their_own_clinic(app, live, enter):
    session_id = Socket(app, enter("patient.north")).start()
    Socket(app, enter("developer.north")).start()
    north = enter("clinician.north")
    assert [s["id"] for s in north.get("/clinician/api/running").json["sessions"]] == [session_id]
    assert north.get("/clinician/api/caseload").json["patients"][0]["running_session_id"] == session_id
    assert enter("clinician.south").get("/clinician/api/running").json["sessions"] == []
    assert len(enter("developer.north").get("/dev/api/running").json["sessions"]) == 2
    assert enter("developer.south").get("/dev/api/running").json["sessions"] == []
    page = north.get(f"/clinician/sessions/{session_id}/live")
    assert page.status_code == 200 and session_id in page.get_data(as_text=True)


@pytest.mark.parametrize("address", [
    "/clinician/sessions/{s}", "/clinician/sessions/{s}/live", "/clinician/api/sessions/{s}",
    "/clinician/patients/{p}"])
def test_another_clinics_records_are_not_found(address, enter, finished, ids):
    where = address.format(s=finished, p=ids["record.north"])
    assert enter("clinician.south").get(where).status_code == 404
    assert enter("clinician.north").get(where).status_code in (200, 302)


def test_a_live_page_of_an_ended_session_leads_to_its_review(enter, finished):
    answer = enter("clinician.north").get(f"/clinician/sessions/{finished}/live")
    assert answer.headers["Location"] == f"/clinician/sessions/{finished}"


def test_a_developers_session_is_no_clinical_record(app, live, enter):
    session_id = Socket(app, enter("developer.north")).start()
    assert enter("clinician.north").get(f"/clinician/api/sessions/{session_id}").status_code == 404


def test_the_output_registry_is_served_whole(enter, live):
    from maxsight_core.outputs import NAMES

    outputs = enter("developer.north").get("/dev/api/outputs").json["outputs"]
    assert tuple(spec["name"] for spec in outputs) == NAMES and all(spec["shape"] for spec in outputs)


# ---- errors, headers, health --------------------------------------------------------------------


@pytest.mark.parametrize(("role", "address", "status"), [
    ("patient", "/clinician/", 403), ("patient", "/nowhere", 404), ("clinician", "/clinician/patients/none", 404)])
def test_error_pages_say_what_to_do(role, address, status, enter, live):
    answer = enter(f"{role}.north").get(address)
    assert answer.status_code == status and PAGES[status][2].split(",")[0] in answer.get_data(as_text=True)


def test_errors_are_json_for_programs(app, enter, live):
    assert app.test_client().get("/clinician/api/caseload").json["error"]["code"] == "signed_out"
    answer = enter("patient.north").get("/clinician/api/caseload")
    assert (answer.status_code, answer.json["error"]["code"]) == (403, "forbidden")


def test_a_body_over_the_limit_is_refused(enter, live):
    browser = enter("patient.north")
    answer = browser.post("/patient/speech", data=b"x" * 70_000, headers={"X-CSRFToken": token_of(browser)},
                          content_type="application/json")
    assert answer.status_code in (400, 413)


def test_a_crash_is_a_page_and_tells_no_secret(app, enter, live, monkeypatch):
    def crash(*_args):
        raise RuntimeError("secret detail")

    monkeypatch.setattr("app.records.queries.caseload", crash)
    app.testing = False
    answer = enter("clinician.north").get("/clinician/api/caseload")
    assert answer.status_code == 500 and "secret detail" not in answer.get_data(as_text=True)


def test_the_security_headers_are_on_every_page(app):
    for address in ("/login", "/healthz", "/nowhere", "/static/css/base.css"):
        headers = app.test_client().get(address).headers
        policy = headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"]
        assert headers["Permissions-Policy"].startswith("camera=(self), microphone=(self)")
    assert app.test_client().get("/login").headers["Cache-Control"] == "no-store"


def test_healthz_answers_without_a_database(app, folder):
    (folder / "maxsight.db").unlink()
    assert app.test_client().get("/healthz").status_code == 200


def test_readyz_names_what_is_missing(app):
    from app import live_service

    before = app.test_client().get("/readyz")
    assert before.status_code == 503 and before.json["ready"] == {"engine": False, "database": True, "writer": False}
    live_service(app).start()
    live_service(app).engine.wait(5)
    assert app.test_client().get("/readyz").status_code == 200


def test_a_password_never_reaches_a_page_or_a_cookie(app):
    from app_support import token_of as token

    browser = app.test_client()
    answer = browser.post("/login", data={"email": "a@b", "password": PASSWORD, "csrf_token": token(browser)})
    assert PASSWORD not in answer.get_data(as_text=True)
