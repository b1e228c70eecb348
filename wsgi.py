"""Entry point of the web server and of `flask --app wsgi`."""

import sys

from portal.app import create_app
from portal.config import SettingsError

try:
    app = create_app()
except SettingsError as error:
    sys.exit(str(error))
