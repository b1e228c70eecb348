"""Converters for the parts of a path: `<ulid:redemption_id>` gives the view an id."""

from uuid import UUID

from werkzeug.routing import BaseConverter

from portal.platform import ids


class UlidConverter(BaseConverter):
    """An id, which a path contains in its 26-character form.

    A text that is no id still matches the route, as `ids.NO_ID`, which no object has: so every API answers with its
    own problem for a missing object, and only to callers it lets in. For pages the guard does that.
    """

    def to_python(self, value: str) -> UUID:
        """The id in a path, or `NO_ID`."""
        return ids.parse(value) or ids.NO_ID

    def to_url(self, value: UUID | str) -> str:
        """The 26-character form of an id, or a text that already is one."""
        return super().to_url(ids.encode(value) if isinstance(value, UUID) else value)
