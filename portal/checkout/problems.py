"""Why a checkout's request is refused."""

from portal.platform.problems import Conflict, NotFound


class IntentNotFound(NotFound):
    """No such intent, or not the caller's."""

    code = "intent_not_found"
    title = "No such intent"


class IntentConflict(Conflict):
    """The `checkoutIntentId` belongs to another member, another order or another wish."""

    code = "intent_conflict"
    title = "This checkoutIntentId stands for another intent"


class IntentCancelled(Conflict):
    """The intent was cancelled; a new wish needs a new `checkoutIntentId`."""

    code = "intent_cancelled"
    title = "This intent was cancelled"


class IntentExpired(Conflict):
    """The intent has expired; a new wish needs a new `checkoutIntentId`."""

    code = "intent_expired"
    title = "This intent has expired"


class AlreadyFulfilled(Conflict):
    """The intent's redemption is fulfilled: its points are spent."""

    code = "redemption_already_fulfilled"
    title = "The redemption of this intent is fulfilled already"
