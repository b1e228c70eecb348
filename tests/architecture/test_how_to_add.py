"""README's "To add …", followed: what each recipe names is enough, and what was forgotten is said by a test."""

import re
import runpy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Response
from jinja2 import ChoiceLoader, DictLoader
from pydantic import Field
from sqlalchemy import CheckConstraint, MetaData, text
from sqlalchemy.orm import DeclarativeBase, Session

from portal.accounts.preferences import Preferences
from portal.accounts.web.guards import Access, guarded
from portal.config import Settings
from portal.ledger.labels import LABELS, EntryLabels
from portal.notifications import ChannelName
from portal.notifications.channels import preview
from portal.notifications.kinds import Kind
from portal.notifications.recipients import Recipient, choose_channel
from portal.notifications.transports import transport
from portal.nudges.models import NudgeCampaign
from portal.nudges.rules import NudgeRules
from portal.nudges.signals import SIGNALS
from portal.nudges.signals.base import Signal, Words
from portal.nudges.web.preview import preview_nudge
from portal.nudges.web.schemas import NudgeCampaignInput
from portal.platform import clock, ids
from portal.platform.console.acts import show_table
from portal.platform.console.tables import Column, Filter, Table
from portal.platform.db import Base
from portal.platform.web.application import Portal
from tests import databases
from tests.architecture import test_permissions, test_readme
from tests.factories.loyalty import make_member
from tests.hub import test_words

ROOT = Path(__file__).parents[2]


@pytest.fixture
def another(servers: databases.Servers, app: Portal) -> Portal:
    """An application to which a test adds something."""
    return databases.make_app(servers, app.config["SETTINGS"].database_url)


def with_line(path: str, after: str, line: str) -> dict[str, Any]:
    """What a module of models is with one line more, on a metadata of its own."""

    class Fresh(DeclarativeBase):
        metadata = MetaData(naming_convention=Base.metadata.naming_convention)
        type_annotation_map = Base.type_annotation_map

    source = (ROOT / path).read_text()
    assert source.count(after) == 1, f"{path} has no line {after!r}"
    source = source.replace(after, f"{after}\n    {line}").replace("from portal.platform.db import Base\n", "")
    names: dict[str, Any] = {"Base": Fresh, "__name__": f"{path} with one line more"}
    exec(compile(source, path, "exec"), names)
    return names


def checks(model: Any) -> dict[str, str]:
    found = [rule for rule in model.__table__.constraints if isinstance(rule, CheckConstraint)]
    return {str(rule.name): str(rule.sqltext) for rule in found}


def differing(before: Any, after: Any) -> set[str]:
    """The checks of a table that a migration has to replace."""
    old, new = checks(before), checks(after)
    return {name.rpartition(f"{before.__tablename__}_")[2] for name in old if old[name] != new[name]}


def fails(test: Callable[..., Any], *arguments: Any) -> str:
    with pytest.raises(AssertionError) as caught:
        test(*arguments)
    return str(caught.value)


def test_an_entry_type_is_a_line_words_and_a_migration(monkeypatch: pytest.MonkeyPatch) -> None:
    from portal.ledger import models

    line = 'ANNIVERSARY = "anniversary", 1, True'
    new = with_line("portal/ledger/models.py", '    REVERSAL = "reversal", 0, False', line)
    assert differing(models.LedgerEntry, new["LedgerEntry"]) == {"entry_type", "sign"}
    assert "anniversary" in new["EARNED"]
    monkeypatch.setattr(test_words, "EntryType", new["EntryType"])
    assert "anniversary" in fails(test_words.test_every_type_of_entry_has_words_for_both_ways)
    words = EntryLabels("Anniversary bonus", "A year with us", "for a year", "given for a year went")
    monkeypatch.setitem(LABELS, "anniversary", words)
    test_words.test_every_type_of_entry_has_words_for_both_ways()


def test_an_endpoint_is_a_guarded_view_and_its_listing(
    another: Portal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def show_weather() -> str:
        return "fine"

    another.add_url_rule("/api/v1/weather", view_func=show_weather)
    assert another.test_client().get("/api/v1/weather").status_code == 403
    assert "/api/v1/weather GET UNGUARDED" in fails(test_permissions.test_every_route_has_a_guard, another)
    guarded(Access.PUBLIC)(show_weather)
    test_permissions.test_every_route_has_a_guard(another)
    assert another.test_client().get("/api/v1/weather").text == "fine"
    said = fails(test_permissions.test_every_route_is_listed_with_its_guard, another)
    assert said.split()[:5] == ["add", "to", "routes.txt,", "in", "order:"]
    assert "/api/v1/weather GET PUBLIC" in said
    listed = [*test_permissions.ROUTES.read_text().splitlines(), "/api/v1/weather GET PUBLIC"]
    (tmp_path / "routes.txt").write_text("\n".join(sorted(listed)))
    monkeypatch.setattr(test_permissions, "ROUTES", tmp_path / "routes.txt")
    test_permissions.test_every_route_is_listed_with_its_guard(another)


def test_a_console_table_turns_sorts_filters_and_exports(another: Portal) -> None:
    numbers = Table(
        name="numbers",
        source="(SELECT n::bigint AS n FROM generate_series(1, 60) n) t",
        key="t.n",
        key_type="bigint",
        order="n",
        columns=(Column("n", "Number", "t.n", "number", sorts="bigint"),),
        filters=(Filter("above", "Above", "t.n > CAST(:above AS bigint)"),),
    )
    page = '{% from "components/table.html" import data_table %}{{ data_table(page, "Numbers") }}'
    another.jinja_env.loader = ChoiceLoader([DictLoader({"numbers.html": page}), another.jinja_env.loader])

    @guarded(Access.PUBLIC)
    def show_numbers() -> Response:
        return show_table(numbers, "numbers.html")

    another.add_url_rule("/numbers", view_func=show_numbers)
    client = another.test_client()

    def shown(query: str = "") -> list[int]:
        return [int(key) for key in re.findall(r'data-key="(\d+)"', client.get(f"/numbers?{query}").text)]

    assert shown() == list(range(1, 26))
    following = re.search(r'rel="next"\s+href="[^"?]*\?([^"]+)"', client.get("/numbers").text)
    assert following is not None
    assert shown(following[1].replace("&amp;", "&")) == list(range(26, 51))
    assert shown("sort=-n")[0] == 60
    assert shown("above=58") == [59, 60]
    assert client.get("/numbers?format=csv").text.splitlines() == ["n", *map(str, range(1, 61))]


def test_a_channel_is_a_line_a_module_and_whom_it_reaches(app: Portal) -> None:
    from portal.notifications import models

    new = with_line("portal/notifications/models.py", '    PUSH = "push"', 'PIGEON = "pigeon"')
    pigeon = new["ChannelName"].PIGEON
    assert ("pigeon", "Pigeon") in new["CHANNEL_CHOICES"]
    assert differing(models.Message, new["Message"]) == {"channel"}
    kind = Kind("weather", "The weather", False, (pigeon, ChannelName.EMAIL))
    addresses = {ChannelName.EMAIL: "ada@example.com", pigeon: "the loft"}
    ada = Recipient("ada", "Ada", None, None, addresses, Preferences())
    assert choose_channel(ada, kind) is pigeon
    with pytest.raises(AttributeError, match="pigeon"):  # until members have a switch for it
        choose_channel(ada, replace(kind, marketing=True))
    assert transport(app.config["SETTINGS"], pigeon) is preview.send, "until it has its line in transports.py"


def test_a_campaign_may_take_every_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    from portal import notifications
    from portal.nudges import models

    monkeypatch.setattr(notifications, "CHANNELS", (*notifications.CHANNELS, "pigeon"))
    new = with_line("portal/nudges/models.py", '    UNCERTAIN = "uncertain"', "")
    assert differing(models.NudgeCampaign, new["NudgeCampaign"]) == {"channels"}


def test_a_signal_is_a_module_its_name_an_icon_and_a_campaign(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = make_member(session, points=5)
    long_here = Signal(
        name="long_here",
        label="Somebody who has been here for long",
        causes="""SELECT m.id AS member_id, ARRAY[m.id] AS causes, jsonb_build_object('days', 365) AS facts
                  FROM loyalty_members m WHERE m.id = ANY({members})""",
        members="SELECT m.id AS member_id FROM loyalty_members m",
        words=lambda facts, _: Words(f"{facts['days']} days", "Thank you.", "Look", "/account/loyalty", "You stay."),
        example={"days": 365},
    )
    monkeypatch.setitem(SIGNALS, long_here.name, long_here)
    assert "long_here" in fails(test_words.test_every_status_and_kind_has_words)
    assert NudgeCampaignInput.model_validate({"signal": "long_here"}).signal == "long_here"
    assert preview_nudge("long_here", ChannelName.EMAIL).subject == "365 days"
    now = clock.now()
    whole = {"ttl_hours": 24, "frequency_cap_hours": 0, "priority": 50, "channels": [], "active": True}
    session.add(
        NudgeCampaign(id=ids.new_id(), slug="long", signal="long_here", **whole, created_at=now, updated_at=now)
    )
    session.flush()
    state: Any = SimpleNamespace(**runpy.run_path(str(ROOT / "portal/nudges/state.py")))
    statement = text(f"WITH {state._GIVEN} SELECT signal, facts FROM wanted")
    given = state.values_for(NudgeRules.current(), clock.now(), [member.id])
    assert [(row.signal, row.facts) for row in session.execute(statement, given)] == [("long_here", {"days": 365})]


def test_a_setting_is_a_field_and_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    class More(Settings):
        umbrella_points: int = Field(5, ge=0, description="Paid when it rains.")

    monkeypatch.setattr(test_readme, "Settings", More)
    assert "UMBRELLA_POINTS" in fails(test_readme.test_every_setting_is_documented_with_its_default)
    row = "| `UMBRELLA_POINTS` | `5` | Paid when it rains. |\n"
    monkeypatch.setattr(test_readme, "SETTINGS", test_readme.SETTINGS + row)
    test_readme.test_every_setting_is_documented_with_its_default()
    test_readme.test_every_setting_says_what_it_means()


def test_every_recipe_is_one_that_is_followed_here() -> None:
    recipes = re.findall(r"^- \*an? ([\w ]+)\*:", test_readme.README.partition("**To add**")[2], re.MULTILINE)
    assert recipes == ["entry type", "endpoint", "console table", "channel", "nudge signal", "setting"]
