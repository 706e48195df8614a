"""One tap to the other language, on this device for a year."""
from __future__ import annotations

from urllib.parse import urlsplit

from flask import redirect, request
from werkzeug import Response

import sessions
from admin.room import pages
from admin.shell import local_path
from guard import may

LANGUAGES = ("zh", "en")
YEAR = 365 * 24 * 3600


@pages.post("/language")
@may("anyone")
def language() -> Response:
    """Sets the language's cookie and goes back to the page it was asked on."""
    chosen = request.form.get("lang", "")
    came_from = urlsplit(request.referrer or "")
    back = local_path(request.form.get("next")) or local_path(came_from.path) or "/"
    answer = redirect(back, 303)
    if chosen in LANGUAGES:
        sessions.keep(answer, sessions.LANGUAGE_COOKIE, chosen, YEAR)
    return answer
