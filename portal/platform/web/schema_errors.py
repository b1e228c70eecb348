"""Our messages for a request's invalid fields: one sentence for each of pydantic's kinds of error.

They follow the field's name: "name must have at most 80 characters".
"""

from collections.abc import Callable, Mapping
from typing import Any

from portal.platform.clock import MOMENT_WORDS

FALLBACK = "is not valid"
SLUG_WORDS = "must be lower-case letters and digits, joined by - or _"
Context = Mapping[str, Any]
Sentence = Callable[[Context, object], str]


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _text(bound: str, words: str) -> Sentence:
    return lambda context, _: f"{words} {_counted(context[bound], 'character', 'characters')}"


def _size(bound: str, words: str) -> Sentence:
    """Counts characters in a text, and entries in a list."""

    def sized(context: Context, given: object) -> str:
        thing = ("character", "characters") if isinstance(given, str) else ("entry", "entries")
        return f"{words} {_counted(context[bound], *thing)}"

    return sized


def _pattern(context: Context, _: object) -> str:
    pattern = str(context["pattern"])
    return SLUG_WORDS if pattern.startswith("^[a-z0-9]+") else f"must match {pattern}"


SENTENCES: dict[str, str | Sentence] = {
    "missing": "is required",
    "extra_forbidden": "is not a known field",
    "string_type": "must be text",
    "string_unicode": "must be text that can be written in UTF-8",
    "string_too_short": _text("min_length", "must have at least"),
    "string_too_long": _text("max_length", "must have at most"),
    "string_pattern_mismatch": _pattern,
    "too_short": _size("min_length", "must have at least"),
    "too_long": _size("max_length", "must have at most"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float", "int_parsing_size"), "must be a whole number"),
    **dict.fromkeys(("float_type", "float_parsing", "finite_number"), "must be a number"),
    "greater_than": lambda context, _: f"must be more than {context['gt']}",
    "greater_than_equal": lambda context, _: f"must be at least {context['ge']}",
    "less_than": lambda context, _: f"must be less than {context['lt']}",
    "less_than_equal": lambda context, _: f"must be at most {context['le']}",
    "multiple_of": lambda context, _: f"must be a multiple of {context['multiple_of']}",
    **dict.fromkeys(("bool_type", "bool_parsing"), "must be true or false"),
    "enum": lambda context, _: f"must be {context['expected']}",
    "literal_error": lambda context, _: f"must be {context['expected']}",
    **dict.fromkeys(
        (
            "datetime_type",
            "datetime_parsing",
            "datetime_object_invalid",
            "datetime_from_date_parsing",
            "timezone_aware",
            "timezone_offset",
        ),
        MOMENT_WORDS,
    ),
    **dict.fromkeys(("date_type", "date_parsing", "date_from_datetime_parsing"), "must be a date, such as 2024-03-31"),
    **dict.fromkeys(("time_type", "time_parsing"), "must be a time, such as 21:30"),
    **dict.fromkeys(("list_type", "tuple_type", "set_type", "frozen_set_type"), "must be a list"),
    **dict.fromkeys(("dict_type", "mapping_type", "model_type", "model_attributes_type"), "must be an object"),
    "value_error": lambda context, _: str(context["error"]),
    "none_required": "must be null",
}


def sentence_for(kind: str, context: Context | None, given: object) -> str:
    """The sentence for a kind of error; `context` holds its bounds, `given` is the refused value."""
    words = SENTENCES.get(kind, FALLBACK)
    return words if isinstance(words, str) else words(context or {}, given)
