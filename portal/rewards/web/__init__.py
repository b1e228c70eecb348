"""The API and console of the catalogue."""

from flask import Flask

from portal.rewards.web.tables import list_reward_choices

__all__ = [
    "list_reward_choices",
]


def init_app(app: Flask) -> None:
    """Attach the domain's routes and commands."""
    from portal.rewards.web import api, console

    app.register_blueprint(api.bp)
    app.register_blueprint(console.bp)
