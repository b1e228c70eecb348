"""Expected failures of earning rules and events."""

from portal.platform.problems import Conflict, NotFound


class RuleNotFound(NotFound):
    """There is no rule with this slug."""

    code = "rule_not_found"
    title = "No such earning rule"


class RuleChanged(Conflict):
    """The rule is no longer the version that was looked at."""

    code = "rule_changed"
    title = "The earning rule has changed meanwhile"


class EventConflict(Conflict):
    """Another event was told with this id."""

    code = "event_conflict"
    title = "This event was told with other content"
