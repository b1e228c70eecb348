"""Why a message was sent or not, for operators; `explained` turns these texts into SQL."""

from portal.notifications.models import MessageStatus

REASONS = {
    "marketing_off": "The member does not want marketing messages",
    "address_unverified": "The member has not confirmed their address yet",
    "daily_cap": "The member got as many of these today as a day may have",
    "link_spent": "The link would no longer have worked",
    "kind_muted": "The member has muted this kind of message",
    "no_channel": "No channel that the member allows reaches them",
    "no_such_user": "There is no such user any more",
    "unsubscribed": "The address asked for no more messages",
    "invite_closed": "The invite had been closed before it was sent",
    "no_such_invite": "There is no such invite any more",
    "member_suspended": "The membership of who invited was suspended",
    "number_not_texted": "Invites do not go to this country by SMS",
}
STATUSES = {
    MessageStatus.CLAIMED: "Being sent",
    MessageStatus.SENT: "Sent",
    MessageStatus.FAILED: "Failed: the provider refused it for good",
    MessageStatus.SUPPRESSED: "Suppressed: it was not sent, for the reason shown",
    MessageStatus.DEFERRED: "Deferred: it is tried again later",
    MessageStatus.UNCERTAIN: "Uncertain: it may have been sent, and is never sent twice",
}
SUPPRESSIONS = {
    "unsubscribed": "Unsubscribed by a link in a message",
    "operator": "Added by an operator",
}
# A browser's `User-Agent` also contains the names of other browsers: the first match here is its own.
BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser": "Samsung Internet",
    "Firefox": "Firefox",
    "FxiOS": "Firefox",
    "Chrome": "Chrome",
    "CriOS": "Chrome",
    "Safari": "Safari",
}
SYSTEMS = {
    "iPhone": "an iPhone",
    "iPad": "an iPad",
    "Android": "Android",
    "Windows": "Windows",
    "Mac OS X": "a Mac",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}


def describe_browser(agent: str) -> str:
    """The browser that sent this `User-Agent`, in our own words: no text from the header gets into a mail."""
    browser = next((name for mark, name in BROWSERS.items() if mark in agent), "A browser we do not know")
    system = next((name for mark, name in SYSTEMS.items() if mark in agent), "")
    return f"{browser} on {system}" if system else browser


def explained(expression: str, words: dict[str, str]) -> str:
    """SQL that replaces a code by its text, and leaves anything else as it is."""
    cases = " ".join(f"WHEN '{code}' THEN '{said.replace(chr(39), chr(39) * 2)}'" for code, said in words.items())
    return f"CASE {expression} {cases} ELSE {expression} END"
