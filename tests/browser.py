"""The HTTP client of tests."""

from typing import Any

from flask import has_app_context
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from portal.platform.db import db


class Browser(FlaskClient):
    """A client whose every request has a context and a database session of its own, as on a server.

    What the test has changed is flushed before a request, and what it has loaded is read again after.
    """

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Answer a request."""
        if not has_app_context():
            return super().open(*args, **kwargs)
        db.session.flush()
        with self.application.app_context():
            response = super().open(*args, **kwargs)
        db.session.expire_all()
        return response
