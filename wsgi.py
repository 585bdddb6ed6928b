"""What gunicorn serves: ``gunicorn wsgi:app`` (settings in gunicorn.conf.py), or ``python wsgi.py`` to develop.

Importing it starts the engine in the background, except for ``flask --app wsgi ...`` commands, which need none.
"""

from __future__ import annotations

import os

from app import create_app, live_service

app = create_app()

if os.environ.get("FLASK_RUN_FROM_CLI") != "true":
    live_service(app).start()

if __name__ == "__main__":
    from app.extensions import socketio

    try:
        socketio.run(
            app, host=os.environ.get("HOST", "127.0.0.1"), port=int(os.environ.get("PORT", "5000")),
            allow_unsafe_werkzeug=os.environ.get("MAXSIGHT_ENV") == "development",
        )
    finally:
        live_service(app).stop()
