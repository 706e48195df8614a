"""Sentences for people from the models: in the language of the request or command, in Chinese where there is none."""
from __future__ import annotations

from typing import Any


def gettext(msgid: str, **params: Any) -> str:
    """The sentence in the asker's language, its `%(name)s` filled in. Without an application's context the msgid
    itself, which is Chinese. Flask loads only when somebody asks: the models need no web to be imported."""
    from flask import current_app, has_app_context

    if has_app_context() and "babel" in current_app.extensions:
        import flask_babel

        return str(flask_babel.gettext(msgid, **params))
    return msgid % params if params else msgid


def one_language(both: str) -> str:
    """The asker's side of what was written down in both languages, "缺纸 · Out of paper": a printer's message, why a
    job waits. Chinese where nobody asks in English."""
    from flask import current_app, has_app_context

    chinese, _dot, english = both.partition(" · ")
    if english and has_app_context() and "babel" in current_app.extensions:
        import flask_babel

        return english if str(flask_babel.get_locale() or "zh").startswith("en") else chinese
    return chinese
