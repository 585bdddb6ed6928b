"""Accounts: who gets in, who is locked out, and what a login is worth after it ended."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from app_support import PASSWORD, token_of
from argon2 import extract_parameters
from argon2.low_level import Type

from app.accounts import lockout, passwords
from app.accounts.logins import ABSOLUTE_LIMIT, IDLE_LIMIT
from app.extensions import db
from app.records.base import utc_now
from app.records.people import Login, LoginThrottle, User


def attempt(browser, email: str, password: str, path: str = "/login"):
    return browser.post(path, data={"email": email, "password": password, "csrf_token": token_of(browser)})


def test_passwords_are_hashed_with_argon2id_of_the_required_strength():
    used = extract_parameters(passwords.hash_password(PASSWORD))
    assert used.type is Type.ID
    assert (used.time_cost >= 1, used.memory_cost >= 47104, used.parallelism) == (True, True, 1)


@pytest.mark.parametrize("password", ["short7!", "password123", "PASSWORD123", "aaaaaaaaaaaa", "x" * 129])
def test_weak_passwords_are_refused(password):
    with pytest.raises(passwords.PasswordError):
        passwords.hash_password(password)


def test_long_passwords_are_accepted():
    hashed = passwords.hash_password("long " * 16)
    assert passwords.verify(hashed, "long " * 16) and not passwords.verify(hashed, "long " * 15)


@pytest.mark.parametrize(("role", "home"), [
    ("patient", "/patient/"), ("clinician", "/clinician/"), ("developer", "/dev/")])
def test_each_role_is_led_to_its_own_first_page(role, home, enter):
    assert enter(f"{role}.north").get("/").headers["Location"] == home


def test_the_address_is_not_case_sensitive(app):
    answer = attempt(app.test_client(), " Patient.NORTH@example.org ", PASSWORD)
    assert answer.status_code == 302


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(app):
    wrong = attempt(app.test_client(), "patient.north@example.org", "wrong password")
    unknown = attempt(app.test_client(), "nobody@example.org", "wrong password")
    assert wrong.status_code == unknown.status_code == 401

    def words(answer):
        return answer.get_data(as_text=True).replace("patient.north", "nobody").split("<main")[1]

    def without_token(text):
        import re
        return re.sub(r'value="[^"]{60,}"', "", text)

    assert without_token(words(wrong)) == without_token(words(unknown))


def test_a_probe_of_the_login_page_is_no_attempt(app):
    assert app.test_client().head("/login").status_code == 200


def test_an_empty_form_says_what_is_missing(app):
    answer = attempt(app.test_client(), "", "")
    assert answer.status_code == 400 and "Enter your email address" in answer.get_data(as_text=True)


@pytest.mark.parametrize("email", ["patient.north@example.org", "nobody@example.org"])
def test_seven_failures_lock_for_five_minutes_even_for_the_right_password(email, app):
    browser = app.test_client()
    for _ in range(lockout.MAX_FAILURES - 1):
        assert attempt(browser, email, "wrong password").status_code == 401
    seventh = attempt(browser, email, "wrong password")
    assert seventh.status_code == 429 and 0 < int(seventh.headers["Retry-After"]) <= 300
    assert attempt(browser, email, PASSWORD).status_code == 429
    with app.app_context():
        db.session.query(LoginThrottle).update({"locked_until": utc_now() - timedelta(seconds=1)})
        db.session.commit()
    expected = 302 if email.startswith("patient") else 401
    assert attempt(browser, email, PASSWORD).status_code == expected


def test_a_login_that_succeeds_forgets_the_failures_before_it(app):
    for _ in range(2):
        for _ in range(lockout.MAX_FAILURES - 1):
            attempt(app.test_client(), "patient.north@example.org", "wrong password")
        assert attempt(app.test_client(), "patient.north@example.org", PASSWORD).status_code == 302


def test_guesses_made_at_once_all_count(app):
    from concurrent.futures import ThreadPoolExecutor

    browsers = [(b := app.test_client(), token_of(b)) for _ in range(12)]

    def guess(pair):
        browser, token = pair
        return browser.post("/login", data={
            "email": "patient.north@example.org", "password": "wrong password", "csrf_token": token}).status_code

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(guess, browsers))
    assert answers.count(401) <= lockout.MAX_FAILURES, answers


def test_the_form_is_refused_without_its_token(app):
    browser = app.test_client()
    answer = browser.post("/login", data={"email": "patient.north@example.org", "password": PASSWORD})
    assert answer.status_code == 400
    assert browser.get("/patient/").status_code == 302


def test_logging_out_needs_a_post_with_its_token(enter):
    browser = enter("patient.north")
    assert browser.get("/logout").status_code == 405
    assert browser.post("/logout").status_code == 400
    assert browser.get("/patient/").status_code == 200


def cookie(browser):
    return browser.get_cookie("maxsight_session").value


def test_a_login_starts_a_new_session_and_logging_out_makes_the_old_cookie_worthless(app, enter):
    browser = app.test_client()
    browser.get("/login")
    before = cookie(browser)
    attempt(browser, "patient.north@example.org", PASSWORD)
    during = cookie(browser)
    assert during != before
    browser.post("/logout", data={"csrf_token": token_of(browser)})
    thief = app.test_client()
    thief.set_cookie("maxsight_session", during)
    assert thief.get("/patient/").status_code == 302, "a kept cookie must not work after logout"


def test_two_logins_of_one_person_are_separate(enter):
    one, two = enter("patient.north"), enter("patient.north")
    one.post("/logout", data={"csrf_token": token_of(one)})
    assert two.get("/patient/").status_code == 200


@pytest.mark.parametrize("change", ["idle", "absolute", "disabled"])
def test_a_login_ends_by_itself(change, app, enter):
    browser = enter("patient.north")
    with app.app_context():
        login = db.session.query(Login).order_by(Login.created_at.desc()).first()
        if change == "idle":
            login.last_seen_at = utc_now() - IDLE_LIMIT
        elif change == "absolute":
            login.created_at = utc_now() - ABSOLUTE_LIMIT
        else:
            db.session.get(User, login.user_id).active = False
        db.session.commit()
    assert browser.get("/patient/").status_code == 302


def test_a_page_that_reloads_by_itself_does_not_keep_a_login_alive(app, enter):
    browser = enter("clinician.north")
    before = utc_now() - timedelta(minutes=10)
    with app.app_context():
        db.session.query(Login).update({"last_seen_at": before})
        db.session.commit()

    def last_seen():
        with app.app_context():
            return db.session.query(Login).one().last_seen_at

    assert browser.get("/clinician/api/running").status_code == 200
    assert last_seen() == before
    assert browser.get("/clinician/").status_code == 200
    assert last_seen() > before


def test_the_limits_are_those_of_the_design():
    limits = [IDLE_LIMIT, ABSOLUTE_LIMIT, lockout.MAX_FAILURES, lockout.LOCK_FOR]
    assert limits == [timedelta(minutes=15), timedelta(hours=12), 7, timedelta(minutes=5)]


def test_a_disabled_account_cannot_log_in(app):
    with app.app_context():
        db.session.query(User).filter_by(name="patient.north").update({"active": False})
        db.session.commit()
    assert attempt(app.test_client(), "patient.north@example.org", PASSWORD).status_code == 401


@pytest.mark.parametrize(("target", "goes_to"), [
    ("/patient/look", "/patient/look"), ("https://evil.example/", "/patient/"), ("//evil.example/", "/patient/"),
    ("/\\evil.example", "/patient/"), ("/\t/evil.example", "/patient/"), ("javascript:alert(1)", "/patient/"),
])
def test_after_the_login_nobody_is_sent_to_another_site(target, goes_to, app):
    from urllib.parse import quote

    answer = attempt(app.test_client(), "patient.north@example.org", PASSWORD, f"/login?next={quote(target)}")
    assert answer.headers["Location"] == goes_to


def test_the_cookie_is_kept_from_scripts_and_other_sites(app):
    header = app.test_client().get("/login").headers["Set-Cookie"]
    assert "HttpOnly" in header and "SameSite=Lax" in header


def test_behind_tls_the_cookie_is_bound_to_host_and_tls(folder, engine):
    from app_support import make_config

    from app import create_app

    app = create_app(make_config(folder, https=True), engine=lambda: engine)
    answer = app.test_client().get("/login", base_url="https://localhost")
    assert answer.headers["Set-Cookie"].startswith("__Host-maxsight=") and "Secure" in answer.headers["Set-Cookie"]
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")


def test_generated_passwords_can_be_typed_read_out_and_given_to_a_command():
    drawn = {passwords.generate() for _ in range(200)}
    assert len(drawn) == 200
    for password in drawn:
        assert re.fullmatch(r"[a-km-np-z2-9]{5}(-[a-km-np-z2-9]{5}){3}", password), password
        passwords.check(password)
