"""PostgreSQL and Redis together, for the supervisor and for tests."""

from dataclasses import dataclass
from pathlib import Path

from portal.supervisor.lock import DataDirLock
from portal.supervisor.postgres import SUPERUSER, Postgres
from portal.supervisor.redis import Redis
from portal.supervisor.stepdown import hand_over


@dataclass
class Services:
    """Running servers. `database_admin_url` is the superuser's, for making further databases."""

    database_admin_url: str
    database_url: str
    redis_url: str
    postgres: Postgres
    redis: Redis
    lock: DataDirLock

    def stop(self) -> None:
        """Stop both servers and free the data directory."""
        self.redis.stop()
        self.postgres.stop()
        self.lock.release()


def start(data_dir: Path, *, durable: bool = True) -> Services:
    """Start both servers under `data_dir`, which is created if missing; blocks until they answer.

    `durable=False` makes commits quick but not safe against power loss: for test data.
    If root calls it, the servers run under the service account; folders above `data_dir` stay as they are.

    :raises StartFailedError: if the directory is in use, or a server does not come up.
    """
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    data_dir = data_dir.resolve()
    hand_over(data_dir)
    lock = DataDirLock(data_dir)
    lock.acquire()
    postgres, redis = Postgres(data_dir, durable=durable), Redis(data_dir)
    services = Services(postgres.url(SUPERUSER, "postgres"), postgres.url(), redis.url(), postgres, redis, lock)
    try:
        postgres.start()
        redis.start()
    except BaseException:
        services.stop()
        raise
    return services
