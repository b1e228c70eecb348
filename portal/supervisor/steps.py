"""Steps between the start of the servers and of the portal's processes: migrations, demo data, waiting for the web."""

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from alembic.script import ScriptDirectory

from portal.supervisor.files import StartFailedError, open_log
from portal.supervisor.instance import Instance, local_host
from portal.supervisor.processes import ProcessRecord


class Steps:
    """Commands of the application that a start runs one after the other."""

    def __init__(self, root: Path, record: ProcessRecord, instance: Instance, environment: Mapping[str, str]):
        self.root = root
        self.record = record
        self.instance = instance
        self.environment = environment
        self.log = instance.data_dir / "log" / "setup.log"

    def migrate(self) -> None:
        """Upgrade the database's schema to the head, unless it is there already: checking costs less than an upgrade.

        :raises StartFailedError: if the database does not answer, or a migration fails, which then changes nothing.
        """
        heads = set(ScriptDirectory(str(self.root / "migrations")).get_heads())
        if _revisions(str(self.instance.known["database_url"])) != heads:
            print("Migrating the database …", flush=True)
            self._flask("The database could not be migrated", "db", "upgrade")

    def load_demo(self, wanted: bool) -> str:
        """On the first start, load demo data if `wanted`; returns the loader's notice, to be shown at every start.

        The first start is recorded once this step has succeeded, with or without demo data.
        """
        first = self.instance.known.get("first_start")
        if not isinstance(first, dict):
            notice = ""
            if wanted:
                print("Loading demo data, this once …", flush=True)
                notice = self._flask("The demo data could not be loaded (DEMO=0 starts without)", "demo", "load")
            first = {"at": datetime.now(UTC).isoformat(), "demo": wanted, "notice": notice}
            self.instance.save(first_start=first)
        return str(first["notice"])

    def close_demo(self) -> None:
        """Before production runs on demo data, close the demo's sign-ins: everyone knows their password.

        :raises StartFailedError: if that fails; the portal must not start then.
        """
        first = self.instance.known.get("first_start")
        if isinstance(first, dict) and first.get("demo"):
            print("Closing the demo's sign-ins …", flush=True)
            self._flask("The demo's sign-ins could not be closed", "demo", "close")
            self.instance.save(first_start={**first, "demo": False, "notice": ""})

    def _flask(self, failure: str, *command: str) -> str:
        log = open_log(self.log)
        begin = self.log.stat().st_size
        try:
            process = subprocess.Popen(
                [sys.executable, "-m", "flask", "--app", "wsgi", *command],
                cwd=self.root,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        finally:
            os.close(log)
        self.record.add("setup", process.pid)
        output, _ = process.communicate()
        if process.returncode:
            with self.log.open(encoding="utf-8", errors="replace") as file:
                file.seek(begin)
                lines = [line.strip() for line in file if line.strip()] or ["no reason given"]
            raise StartFailedError(f"{failure}: {lines[-1].rstrip('.')} (see {self.log}).")
        return output.strip()


def _revisions(database_url: str) -> set[str]:
    scheme, _, rest = database_url.partition("://")
    try:
        with psycopg.connect(f"{scheme.partition('+')[0]}://{rest}", connect_timeout=10) as connection:
            return {str(version) for (version,) in connection.execute("SELECT version_num FROM alembic_version")}
    except psycopg.errors.UndefinedTable:
        return set()
    except psycopg.Error as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise StartFailedError(f"The database does not answer as it must: {reason}.") from None


def wait_until_ready(host: str, port: int, alive: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until `/readyz` answers 200.

    :raises StartFailedError: if the web server ends, or does not become ready in time.
    """
    deadline = time.monotonic() + seconds
    answer = "no answer"
    while time.monotonic() < deadline:
        if not alive():
            raise StartFailedError("The web server ended before it answered; its output above says why.")
        connection = http.client.HTTPConnection(local_host(host), port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            response = connection.getresponse()
            answer = f"{response.status} {response.read(500).decode(errors='replace')}".strip()
            if response.status == 200:
                return
        except (OSError, http.client.HTTPException) as error:
            answer = str(error)
        finally:
            connection.close()
        time.sleep(0.1)
    raise StartFailedError(f"The portal was not ready after {seconds:.0f} s; /readyz said: {answer}")
