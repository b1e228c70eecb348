"""Our messages for forms in place of WTForms' own, by the library's message."""

FALLBACK = "This cannot be used."
SENTENCES = {
    "This field is required.": "Fill this in.",
    "Not a valid integer value.": "Enter a whole number, such as 1200.",
    "Not a valid decimal value.": "Enter a number, such as 12.5.",
    "Not a valid float value.": "Enter a number, such as 12.5.",
    "Number must be between %(min)s and %(max)s.": "Enter a number from %(min)s to %(max)s.",
    "Number must be at least %(min)s.": "Enter a number of at least %(min)s.",
    "Number must be at most %(max)s.": "Enter a number of at most %(max)s.",
    "Field cannot be longer than %(max)d character.": "Use at most %(max)d character.",
    "Field cannot be longer than %(max)d characters.": "Use at most %(max)d characters.",
    "Field must be at least %(min)d character long.": "Use at least %(min)d character.",
    "Field must be at least %(min)d characters long.": "Use at least %(min)d characters.",
    "Field must be exactly %(max)d character long.": "Use exactly %(max)d character.",
    "Field must be exactly %(max)d characters long.": "Use exactly %(max)d characters.",
    "Field must be between %(min)d and %(max)d characters long.": "Use %(min)d to %(max)d characters.",
    "Field must be equal to %(other_name)s.": "This must be the same as %(other_name)s.",
    "Not a valid choice.": "Choose one of the list.",
    "Not a valid choice": "Choose one of the list.",
    "Invalid Choice: could not coerce.": "Choose one of the list.",
    "Invalid Choice: could not coerce": "Choose one of the list.",
    "Invalid choice(s): one or more data inputs could not be coerced.": "Choose from the list.",
    "'%(value)s' is not a valid choice for this field.": "Choose from the list.",
    "'%(value)s' are not valid choices for this field.": "Choose from the list.",
    "Not a valid date value.": "Enter a date, such as 2027-03-31.",
    "Not a valid datetime value.": "Enter a date and time, such as 2027-03-31 18:00.",
    "Not a valid time value.": "Enter a time, such as 21:30.",
    "Not a valid month value.": "Enter a month, such as 2027-03.",
    "Not a valid week value.": "Enter a week, such as 2027-W13.",
    "Invalid email address.": "Enter an email address, like name@example.com.",
    "Invalid URL.": "Enter an address, like https://example.com.",
    "Invalid IP address.": "Enter an IP address, such as 192.0.2.1.",
    "Invalid Mac address.": "Enter a MAC address, such as 00:00:5e:00:53:af.",
    "Invalid UUID.": "Enter an id as it is shown.",
    "Invalid input.": "This is not written as it has to be.",
    "Invalid value, must be any of: %(values)s.": "Enter one of %(values)s.",
    "Invalid value, must be one of: %(values)s.": "Enter one of %(values)s.",
    "Invalid value, can't be any of: %(values)s.": "Enter something else than %(values)s.",
    "Invalid field name '%s'.": "There is no field named %s.",
    "This field must be disabled.": "Leave this out.",
    "This field cannot be edited.": "Leave this as it is.",
    "Date must be between %(min)s and %(max)s.": "Enter a date from %(min)s to %(max)s.",
    "Date must be at least %(min)s.": "Enter a date from %(min)s on.",
    "Date must be at most %(max)s.": "Enter a date until %(max)s.",
    "Choices cannot be None.": "Choices cannot be None.",
    "File does not have an approved extension.": "Choose a file of another kind.",
    "This field is disabled and cannot have a value.": "Leave this out.",
    "Invalid CSRF Token.": "This form has expired. Load the page again.",
    "CSRF token missing.": "This form has expired. Load the page again.",
    "CSRF failed.": "This form has expired. Load the page again.",
    "CSRF token expired.": "This form has expired. Load the page again.",
}


class Words:
    """Translations for WTForms: our messages in place of the library's."""

    def gettext(self, said: str) -> str:
        """Our message for the library's."""
        return SENTENCES.get(said, FALLBACK)

    def ngettext(self, one: str, many: str, count: int) -> str:
        """Our message for the library's, singular or plural."""
        return self.gettext(one if count == 1 else many)
