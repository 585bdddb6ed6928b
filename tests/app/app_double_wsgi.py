"""The real app with an engine double, for tests that serve it with the real gunicorn: ``app_double_wsgi:app``."""

from __future__ import annotations

from app_engine_double import EngineDouble, decision

from app import create_app, live_service


class Talkative(EngineDouble):
    """An engine with an alert for every frame."""

    def submit(self, session_id: str, packet) -> None:
        self.alerts_for = {packet.seq: (decision(f"{packet.seq}-0"),)}
        super().submit(session_id, packet)


app = create_app(engine=Talkative)
live_service(app).start()
