"""The embedded servers: they start, keep what was committed, and survive what a machine does to them."""

import contextlib
import os
import signal
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from portal.supervisor import services
from portal.supervisor.files import StartFailedError
from portal.supervisor.processes import end, servers_in
from portal.supervisor.services import Services


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A short path, so that sockets lie in it."""
    with tempfile.TemporaryDirectory(prefix="embedded-") as folder:
        yield Path(folder) / "data"


def connect(started: Services) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(started.database_url.replace("+psycopg", ""), autocommit=True)


def test_the_application_owns_its_database_and_is_no_superuser(data_dir: Path) -> None:
    started = services.start(data_dir)
    try:
        with connect(started) as connection:
            found = connection.execute(
                "SELECT current_user, current_setting('is_superuser'), current_setting('fsync'),"
                " current_setting('TimeZone'), current_setting('listen_addresses'),"
                " pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
            ).fetchone()
        assert found == ("portal", "off", "on", "UTC", "", "portal")
        socket = data_dir / "postgres-socket" / ".s.PGSQL.5432"
        assert stat.S_IMODE(socket.stat().st_mode) == 0o700
        assert stat.S_IMODE((data_dir / "postgres").stat().st_mode) == 0o700
    finally:
        started.stop()


def test_redis_answers_on_a_private_socket_and_keeps_nothing(data_dir: Path) -> None:
    started = services.start(data_dir)
    try:
        client = redis.Redis.from_url(started.redis_url)
        assert client.ping()
        assert client.config_get("port") == {"port": "0"} or client.config_get("port") == {b"port": b"0"}
        assert stat.S_IMODE(started.redis.socket.stat().st_mode) == 0o700
        client.close()
    finally:
        started.stop()
    assert list((data_dir / "redis").iterdir()) == []


def test_commits_survive_the_kill_of_every_server_process(data_dir: Path) -> None:
    started = services.start(data_dir)
    with connect(started) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
    end(servers_in(data_dir / "postgres", "postgres"), signal.SIGKILL)
    started.lock.release()

    again = services.start(data_dir)
    try:
        with connect(again) as connection:
            assert connection.execute("SELECT n FROM kept").fetchone() == (1,)
    finally:
        again.stop()


def test_a_server_left_running_is_replaced_and_never_doubled(data_dir: Path) -> None:
    left = services.start(data_dir)
    left.lock.release()
    again = services.start(data_dir)
    try:
        ours = {child.pid for child in psutil.Process().children()}
        assert again.postgres.process is not None
        heads = {server.pid for server in servers_in(data_dir / "postgres", "postgres")} & ours
        assert heads == {again.postgres.process.pid}
        assert left.postgres.process is not None
        assert left.postgres.process.poll() is not None
        assert len(servers_in(data_dir / "redis", "redis-server")) == 1
    finally:
        again.stop()


def test_sessions_that_outlive_a_killed_server_do_not_block_the_next(data_dir: Path) -> None:
    left = services.start(data_dir)
    assert left.postgres.process is not None
    busy = connect(left)
    busy.pgconn.send_query(b"SELECT pg_sleep(60)")
    psutil.Process(left.postgres.process.pid).kill()
    left.lock.release()

    again = services.start(data_dir)
    again.stop()
    busy.close()
    assert servers_in(data_dir / "postgres", "postgres") == []


def test_lock_files_that_name_a_living_process_of_another_program_are_not_believed(data_dir: Path) -> None:
    services.start(data_dir).stop()
    (data_dir / "postgres-socket").mkdir()
    for stale in (data_dir / "postgres" / "postmaster.pid", data_dir / "postgres-socket" / ".s.PGSQL.5432.lock"):
        stale.write_text(f"{os.getppid()}\n{data_dir}\n1\n5432\n\n\n\n")
    services.start(data_dir).stop()


def test_an_initialisation_cut_short_is_begun_anew(data_dir: Path) -> None:
    half = data_dir / "postgres.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    started = services.start(data_dir)
    with connect(started) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    started.stop()


def test_a_path_too_long_for_sockets_gets_a_temporary_folder_that_goes_at_the_stop(data_dir: Path) -> None:
    started = services.start(data_dir / ("x" * 90) / "with, comma")
    folders = [started.postgres.sockets.path, started.redis.sockets.path]
    with connect(started) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    started.stop()
    assert not any(folder.exists() for folder in folders)


def test_a_second_start_on_the_same_directory_is_refused(data_dir: Path) -> None:
    from tests.supervisor.embedded_child import hold_lock

    with hold_lock(data_dir), pytest.raises(StartFailedError, match="is already running"):
        services.start(data_dir)


def test_stopping_leaves_only_data(data_dir: Path) -> None:
    services.start(data_dir).stop()
    assert {path.name for path in data_dir.iterdir()} == {"log", "postgres", "redis"}


def test_a_server_that_cannot_start_says_why_in_one_sentence(data_dir: Path) -> None:
    services.start(data_dir).stop()
    (data_dir / "postgres" / "postgresql.auto.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(StartFailedError, match=r"PostgreSQL did not start: .* contains errors \(see "):
        services.start(data_dir)
    assert not (data_dir / ".lock").exists()
    assert servers_in(data_dir / "redis", "redis-server") == []


PRIVATE = "ada.lovelace@example.com"
TRICKS = [
    "INSERT INTO kept VALUES (%(value)s)",
    "INSERT INTO kept VALUES (%(value)s), (%(value)s)",
    "SELECT CAST(%(value)s AS uuid)",
    "SELECT * FROM nowhere WHERE email = %(value)s",
    "SELECT 1 / 0, %(value)s",
    "DO $$ BEGIN RAISE WARNING 'about ada.lovelace@example.com'; END $$",
    "DO $$ BEGIN RAISE EXCEPTION 'about ada.lovelace@example.com'; END $$",
    "SELECT pg_sleep(5), %(value)s",
]


def test_what_statements_say_of_people_is_not_in_the_servers_log(data_dir: Path) -> None:
    started = services.start(data_dir)
    try:
        with connect(started) as connection:
            connection.execute("CREATE TABLE kept (email text UNIQUE)")
            connection.execute("SET statement_timeout = '100ms'")
            connection.execute(TRICKS[0], {"value": PRIVATE})
            for trick in TRICKS:
                with contextlib.suppress(psycopg.Error):
                    connection.execute(trick, {"value": PRIVATE} if "%" in trick else None)
    finally:
        started.stop()
    log = (data_dir / "log" / "postgres.log").read_text()
    assert "ready to accept connections" in log
    assert "ada" not in log.lower()
