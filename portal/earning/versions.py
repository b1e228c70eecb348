"""Rules as the programme has them: each change is a new version, and none is ever changed (CONTRACT-EARNING 8.2)."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.earning.grants import begin_total
from portal.earning.models import EarningRule, EarningRuleVersion
from portal.earning.problems import RuleChanged, RuleNotFound
from portal.earning.rules import RuleTerms
from portal.platform import audit
from portal.platform.audit import Act


def put_rule(
    session: Session, slug: str, terms: RuleTerms, act: Act, *, seen: int | None = None
) -> tuple[EarningRuleVersion, bool]:
    """Write a rule whole; the flag is True if it is new. The terms that it has already make no version.

    Orders that were placed keep the versions they were judged by. `seen` is the version that must hold until now.

    :raises RuleChanged: if another one does.
    """
    rule = session.scalar(select(EarningRule).where(EarningRule.slug == slug).with_for_update())
    before = None if rule is None else session.get_one(EarningRuleVersion, (slug, rule.version))
    if seen is not None and before is not None and before.version != seen:
        raise RuleChanged(
            f"{before.created_by} has saved version {before.version} meanwhile. Save again to replace it."
        )
    document = terms.document()
    if before is not None and before.terms == document:
        return before, False
    if rule is None:
        rule = EarningRule(slug=slug, version=0, created_at=act.now)
        session.add(rule)
    rule.version, rule.updated_at = rule.version + 1, act.now
    session.flush()
    written = EarningRuleVersion(
        slug=slug, version=rule.version, terms=document, created_at=act.now, created_by=act.actor
    )
    session.add(written)
    session.flush()
    if terms.limits.programme is not None:
        begin_total(session, slug)
    audit.record(
        session,
        act,
        action="earning_rule.put",
        object_type="earning_rule",
        object_id=slug,
        before=None if before is None else {"version": before.version, **before.terms},
        after={"version": written.version, **document},
    )
    return written, before is None


def set_active(session: Session, slug: str, active: bool, act: Act) -> EarningRuleVersion:
    """Pause a rule, or resume it: its terms otherwise stay as they are.

    :raises RuleNotFound: if there is no such rule.
    """
    rule = session.scalar(select(EarningRule).where(EarningRule.slug == slug).with_for_update())
    if rule is None:
        raise RuleNotFound
    terms = session.get_one(EarningRuleVersion, (slug, rule.version)).terms
    return put_rule(session, slug, RuleTerms.model_validate({**terms, "active": active}), act)[0]
