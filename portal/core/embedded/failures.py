"""The one way in which starting or setting up fails."""


class StartFailedError(Exception):
    """A start cannot go on; the message is one sentence for whoever started it."""
