"""What routes make of the parts of a path: `<ulid:redemption_id>` gives the view an id."""

from uuid import UUID

from werkzeug.routing import BaseConverter

from portal.platform import ids


class UlidConverter(BaseConverter):
    """An id, which a path shows by its 26 characters.

    A text that shows none still leads to the route, with `ids.NO_ID`, which no object has: so every API says by its
    own problem that there is no such thing, and only to whom it lets in. Of pages the guard says so.
    """

    def to_python(self, value: str) -> UUID:
        """The id of a path."""
        return ids.parse(value) or ids.NO_ID

    def to_url(self, value: UUID | str) -> str:
        """The characters that a path shows for an id, or for what shows one already."""
        return super().to_url(ids.encode(value) if isinstance(value, UUID) else value)
