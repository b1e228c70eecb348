"""Expected failures of earning rules."""

from portal.platform.problems import NotFound


class RuleNotFound(NotFound):
    """There is no rule with this slug."""

    code = "rule_not_found"
    title = "No such earning rule"
