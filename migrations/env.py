"""Runs migrations in one transaction on the application's engine."""

from alembic import context
from flask import current_app

from portal.accounts import models as _accounts  # noqa: F401 - makes its tables known
from portal.analytics import models as _analytics  # noqa: F401 - makes its tables known
from portal.checkout import models as _checkout  # noqa: F401 - makes its tables known
from portal.earning import models as _earning  # noqa: F401 - makes its tables known
from portal.imports import models as _imports  # noqa: F401 - makes its tables known
from portal.jobs import models as _scheduling  # noqa: F401 - makes its tables known
from portal.ledger import models as _ledger  # noqa: F401 - makes its tables known
from portal.members import models as _members  # noqa: F401 - makes its tables known
from portal.notifications import models as _notifications  # noqa: F401 - makes its tables known
from portal.notifications import suppressions as _suppressions  # noqa: F401 - makes its tables known
from portal.nudges import models as _nudges  # noqa: F401 - makes its tables known
from portal.orders import models as _orders  # noqa: F401 - makes its tables known
from portal.platform import models as _core  # noqa: F401 - makes its tables known
from portal.platform.db import Base, db
from portal.programme import versions as _programme  # noqa: F401 - makes its tables known
from portal.redemptions import models as _redemptions  # noqa: F401 - makes its tables known
from portal.referrals import models as _referrals  # noqa: F401 - makes its tables known
from portal.rewards import models as _rewards  # noqa: F401 - makes its tables known
from portal.tiers import models as _tiers  # noqa: F401 - makes its tables known

with db.engine.connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()
    current_app.logger.info("database migrated")
