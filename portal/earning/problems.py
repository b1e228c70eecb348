"""Expected failures of earning rules."""

from portal.platform.problems import Conflict, NotFound


class RuleNotFound(NotFound):
    """There is no rule with this slug."""

    code = "rule_not_found"
    title = "No such earning rule"


class RuleChanged(Conflict):
    """The rule is no longer the version that was looked at."""

    code = "rule_changed"
    title = "The earning rule has changed meanwhile"
