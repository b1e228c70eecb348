"""Find environment variables that look like a misspelt setting, which would have no effect.

Settings share no prefix. A name therefore counts as meant for us if it begins with a word that only our settings begin
with (`REFERRAL_`), or if it differs from a setting by a letter or two.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import SequenceMatcher, get_close_matches
from fnmatch import fnmatchcase

# First words of settings that other programs' variables begin with too.
_COMMON = frozenset(
    {"DATA", "DATABASE", "EMAIL", "EMBED", "IMPORT", "LOG", "METRICS", "OIDC", "ORDER", "PASSWORD", "PORTAL"}
    | {"PRIVACY", "PUBLIC", "PUSH", "REDIS", "REFUND", "SECRET", "SESSION", "SHOP", "SMS", "TERMS", "TRUSTED", "VAPID"}
    | {"WEB", "WEBHOOK"}
)
# Other programs' well-known names that happen to be similar to one of ours.
_KNOWN_ELSEWHERE = frozenset({"DATADIR", "LOGLEVEL"})
# Kubernetes and Docker set these for every service beside a container, whatever the service is called.
_SERVICE = re.compile(r".+_(SERVICE_(HOST|PORT(_.+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?|ENV_.+)")
_LINK = re.compile(r"(tcp|udp|sctp)://|/[\w.-]+/[\w.-]+$")
_SHORTEST, _FARTHEST = 7, 4
_SAME_NAME, _SAME_WORD = 0.85, 0.6


def find_misspelt(
    environment: Mapping[str, str], settings: Collection[str], ignored: Iterable[str] = ()
) -> Iterator[tuple[str, str | None]]:
    """Yield each unknown variable that is probably meant for us, with the most similar setting, if any.

    `settings` are names in capitals, `ignored` names or patterns (`CHECKOUT_*`) of other programs' variables.
    """
    families = {name.split("_", 1)[0] for name in settings if "_" in name} - _COMMON
    patterns = [pattern.upper() for pattern in ignored]
    for variable, value in environment.items():
        name = variable.upper()
        if name in settings or _is_of_others(name, value) or any(fnmatchcase(name, pattern) for pattern in patterns):
            continue
        if name.split("_", 1)[0] in families and "_" in name:
            yield variable, next(iter(get_close_matches(name, settings, 1)), None)
        elif (near := _near(name, settings)) is not None:
            yield variable, near


def _is_of_others(name: str, value: str) -> bool:
    linked = name.endswith(("_PORT", "_NAME")) and _LINK.match(value) is not None
    return linked or name in _KNOWN_ELSEWHERE or _SERVICE.fullmatch(name) is not None


def _near(name: str, settings: Collection[str]) -> str | None:
    slip = next((setting for setting in settings if _is_swapped(name, setting) or _is_doubled(name, setting)), None)
    alike = [s for s in settings if len(s) >= _SHORTEST and abs(len(s) - len(name)) <= _FARTHEST]
    slips = (setting for setting in get_close_matches(name, alike, cutoff=_SAME_NAME) if _is_slip(name, setting))
    return slip or next(slips, None)


def _is_swapped(name: str, setting: str) -> bool:
    """Whether the names differ only in two swapped letters."""
    if len(name) != len(setting) or sorted(name) != sorted(setting):
        return False
    return sum(one != other for one, other in zip(name, setting, strict=True)) == 2


def _is_doubled(name: str, setting: str) -> bool:
    """Whether `name` is the setting with one letter doubled."""
    return len(name) == len(setting) + 1 and any(
        name == setting[:place] + setting[place - 1 :] for place in range(1, len(setting) + 1)
    )


def _is_slip(name: str, setting: str) -> bool:
    """Whether a similar name is a typing error; with a word added at either end, or replaced, it is another name."""
    if name.startswith(f"{setting}_") or name.endswith(f"_{setting}"):
        return False
    ours, theirs = setting.split("_"), name.split("_")
    if len(ours) != len(theirs):
        return True
    return all(SequenceMatcher(None, *pair).ratio() >= _SAME_WORD for pair in zip(ours, theirs, strict=True))
