"""Home, look around, settings, and what they fetch: scene pictures and speech."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, jsonify, render_template, request, url_for
from flask_login import current_user

from app import catalogue
from app.accounts.roles import role_required
from app.errors import json_error, wants_json
from app.extensions import db
from app.patient import preferences, speech
from app.patient.preferences import PreferenceError
from app.records.people import User

bp = Blueprint("patient", __name__, url_prefix="/patient")

USERS = ("patient", "developer")
"""A developer may run sessions of their own, to test; they belong to no patient."""
SCENE_CACHE_S = 86_400
MAX_SCENE_INDEX = 1_000_000


def boot(user: User) -> dict[str, Any]:
    """What a page with a session needs before its first message."""
    return {
        "user": {"id": user.id, "name": user.name, "role": user.role},
        "preferences": preferences.complete(user.preferences),
        "conditions": catalogue.conditions(),
        "choices": catalogue.choices(),
        "scenes": list(catalogue.SCENES),
        "limits": catalogue.limits(),
        "urls": {
            "home": url_for("accounts.front_door"), "settings": url_for("patient.settings"),
            "speech": url_for("patient.speak"), "scene": url_for("patient.scene_picture"),
        },
    }


@bp.get("/")
@role_required(*USERS)
def home():
    return render_template("patient/home.html", page_title="What would you like to do?", boot=boot(current_user))


@bp.get("/look")
@role_required(*USERS)
def look():
    return render_template("patient/look.html", page_title="Look around", boot=boot(current_user))


@bp.get("/settings")
@role_required(*USERS)
def settings():
    """The preferences as JSON; the page that edits them for whoever asks for a page."""
    if wants_json():
        return jsonify(ok=True, settings=preferences.complete(current_user.preferences))
    return render_template("patient/settings.html", page_title="Settings", boot=boot(current_user))


@bp.post("/settings")
@role_required(*USERS)
def save_settings():
    """Store any subset of the preferences."""
    try:
        kept = preferences.changed(current_user.preferences, request.get_json(silent=True))
    except PreferenceError as error:
        return json_error(400, "bad_message", str(error))
    current_user.preferences = kept
    db.session.commit()
    return jsonify(ok=True, settings=kept)


@bp.get("/scene.jpg")
@role_required(*USERS)
def scene_picture():
    """Picture ``i`` of a rendered scene. The same address is the same picture for ever, so browsers may keep it."""
    from maxsight_core.scenes import SceneError, light_jpeg, parse_spec

    index = request.args.get("i", "0")
    if not index.isdecimal() or int(index) > MAX_SCENE_INDEX:
        return json_error(400, "bad_message", f"i: expected a whole number, 0 or more; got {index!r:.40}")
    try:
        scene = parse_spec(request.args.get("spec", ""))
        if int(index) >= scene.frames:
            past_end = f"the scene has {scene.frames} pictures; picture {index} is past its end"
            return json_error(404, "not_found", past_end)
        picture = light_jpeg(scene, int(index))
    except SceneError as error:
        return json_error(400, "bad_message", str(error))
    answer = Response(picture, mimetype="image/jpeg")
    answer.cache_control.private = True
    answer.cache_control.max_age = SCENE_CACHE_S
    answer.cache_control.immutable = True
    return answer


@bp.post("/speech")
@role_required(*USERS)
def speak():
    """``{text, wpm}`` as audio/wav; 503 with what to install when the server has no voice."""
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        abort(400)
    text, wpm = body.get("text"), body.get("wpm", preferences.DEFAULTS["speech_wpm"])
    if not isinstance(text, str) or not isinstance(wpm, int) or isinstance(wpm, bool):
        return json_error(400, "bad_message", "expected text (words) and wpm (a whole number of words a minute)")
    try:
        wav = speech.synthesise(text, wpm)
    except ValueError as error:
        return json_error(400, "bad_message", str(error))
    except speech.SpeechUnavailableError as error:
        return json_error(503, "speech_unavailable", str(error))
    return Response(wav, mimetype="audio/wav")
