"""The console of campaigns: how each signal becomes messages, how they look, and a test message to oneself."""

from functools import partial

from flask import Blueprint, Response, url_for
from sqlalchemy import select, text
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts.web import Access, acting, current_user_id, guarded
from portal.notifications import ChannelName, get_recipient
from portal.nudges.campaigns import put_campaign
from portal.nudges.models import NudgeCampaign
from portal.nudges.signals import SIGNALS
from portal.nudges.web.forms import CampaignForm, TrialForm, form_values
from portal.nudges.web.preview import preview_nudge
from portal.nudges.web.test_message import ask_for_test
from portal.platform.console.acts import Question, ask, attempt, done, show, show_mail, show_table
from portal.platform.console.tables import Choices, Column, Table
from portal.platform.db import db
from portal.platform.db.reads import read_all
from portal.platform.problems import NotFound

bp = Blueprint("nudges_console", __name__, url_prefix="/admin/programme/campaigns")


@bp.get("")
@guarded(Access.CONSOLE)
def campaigns() -> Response:
    """All campaigns, the most urgent first."""
    return show_table(CAMPAIGNS, "console/campaigns/list.html")


@bp.route("/<slug>", methods=["GET", "POST"])
@guarded(Access.CONSOLE)
def edit(slug: str) -> AnyResponse:
    """A campaign with its message in each channel; ask what to change, then change it."""
    campaign = _campaign(slug)
    form = CampaignForm(data=form_values(campaign))
    if not form.validate_on_submit():
        return _page(campaign, form)
    act = partial(put_campaign, db.session(), slug, form.changes(), acting(form.reason.data or ""))
    problem = attempt(act)
    return _page(campaign, form, problem) if problem else done("The campaign is saved.", _page_of(slug))


@bp.get("/<slug>/mail")
@guarded(Access.CONSOLE)
def mail(slug: str) -> Response:
    """The campaign's mail with made-up facts, for the frame in its page."""
    return show_mail(preview_nudge(_campaign(slug).signal, ChannelName.EMAIL).html or "")


@bp.route("/<slug>/test", methods=["GET", "POST"])
@guarded(Access.CONSOLE)
def test(slug: str) -> AnyResponse:
    """Ask by which channel, then send the operator a test."""
    campaign, form, back = _campaign(slug), TrialForm(), _page_of(slug)
    own = get_recipient(db.session(), current_user_id())
    form.offer([channel for channel in ChannelName if own is not None and channel in own.addresses])
    counts = "It goes to your own address, is marked as a test, and counts towards no limit."
    question = Question("Send a test to yourself?", "Send the test", back, counts)
    if not form.validate_on_submit():
        return ask(form, question)
    channel, reason = ChannelName(form.channel.data), form.reason.data or ""
    ask_for_test(db.session(), campaign, channel, current_user_id(), acting(reason))
    return done("The test is on its way. Messages show what became of it.", back)


def _page(campaign: NudgeCampaign, form: CampaignForm, problem: str = "") -> Response:
    status = 409 if problem else 422 if form.is_submitted() else 200
    previews = {channel: preview_nudge(campaign.signal, channel) for channel in ChannelName}
    return show(
        "console/campaigns/edit.html",
        status,
        campaign=campaign,
        form=form,
        problem=problem,
        previews=previews,
        signal=SIGNALS[campaign.signal],
    )


def _campaign(slug: str) -> NudgeCampaign:
    campaign = db.session().scalar(select(NudgeCampaign).where(NudgeCampaign.slug == slug))
    if campaign is None or campaign.signal not in SIGNALS:
        raise NotFound
    return campaign


def _page_of(slug: str) -> str:
    return url_for("nudges_console.edit", slug=slug)


CAMPAIGNS = Table(
    name="campaigns",
    source="loyalty_nudge_campaigns c",
    key="c.id",
    key_type="uuid",
    order="-priority",
    columns=(
        Column("slug", "Campaign", "c.slug"),
        Column("signal", "Signal", "replace(c.signal, '_', ' ')"),
        Column("active", "Active", "c.active", "flag"),
        Column("priority", "Priority", "c.priority", "number", sorts="integer"),
        Column("channels", "Channels, in order", "array_to_string(c.channels, ', ')"),
        Column("ttl_hours", "Shown for, hours", "c.ttl_hours", "number", sorts="integer"),
        Column("frequency_cap_hours", "At most one message in, hours", "c.frequency_cap_hours", "number"),
        Column("updated_at", "Changed", "c.updated_at", "moment"),
    ),
)

_SLUGS = text("SELECT slug FROM loyalty_nudge_campaigns ORDER BY slug")


def list_campaign_choices() -> Choices:
    """The campaigns as choices of a filter."""
    return tuple((row.slug, row.slug.replace("_", " ").replace("-", " ").capitalize()) for row in read_all(_SLUGS, {}))
