"""Who gets a badge, as cards: registered people with a badge that stands, by category, then number."""
from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from admin.badge_sheet import BadgeCard, BadgeSheet
from models.event import Category, Event
from models.people import Attendee, Badge, visible


def cards(session: Session, numbers: Collection[str] | None = None) -> list[BadgeCard]:
    """The cards of the badges that stand, of everybody registered or of these numbers alone (as far as there)."""
    newest = (select(func.max(Badge.id).label("id")).where(Badge.revoked_at.is_(None))
              .group_by(Badge.attendee_id).subquery())
    query = (select(Attendee.number, Attendee.name, Attendee.name_en, Attendee.organisation, Attendee.post,
                    Category.name.label("category"), Category.name_en.label("category_en"), Category.colour, Badge.code)
             .join_from(Badge, newest, Badge.id == newest.c.id).join(Attendee, Attendee.id == Badge.attendee_id)
             .join(Category, Category.key == Attendee.category_key)
             .where(Attendee.state == "registered", visible())
             .order_by(Category.position, Category.key, func.length(Attendee.number), Attendee.number))
    wanted = None if numbers is None else set(numbers)
    return [BadgeCard(*row) for row in session.execute(query) if wanted is None or row.number in wanted]


def sheet(session: Session, **layout: Any) -> BadgeSheet:
    """What every badge says of the event; `layout` and `size` as BadgeSheet has them."""
    event = session.scalars(select(Event)).one()
    same_day = event.starts == event.ends
    dates = f"{event.starts:%Y.%m.%d}" if same_day else f"{event.starts:%Y.%m.%d}–{event.ends:%m.%d}"
    return BadgeSheet(event.name, event.name_en, dates, event.venue, event.logo, **layout)
