"""Why badges cannot be made, in words for the person who asked."""
from __future__ import annotations

from admin.roster_words import say


class BadgeError(Exception):
    """Badges cannot be made; the text is a sentence for the person who asked."""


_LOGO = {
    "": "会标不是能用的 PNG、JPEG 或 SVG 图片。",
    "alive": "会标里有脚本、实体或对外部文件的引用，不能用。请导出为普通的 SVG 或 PNG。",
    "heavy": "会标太大或太复杂，画不出来。请缩小，或导出为 PNG 再传。",
}


class BadLogo(BadgeError):
    """The event's logo cannot be drawn; `why` is "", "alive" or "heavy"."""

    def __init__(self, why: str = "") -> None:
        super().__init__(why)
        self.why = why if why in _LOGO else ""

    def __str__(self) -> str:
        return say(_LOGO[self.why])


class MissingCharacters(BadgeError):
    """Names hold characters that no shipped font has. `cards` lists (number, name, characters)."""

    def __init__(self, cards: list[tuple[str, str, str]]) -> None:
        super().__init__(cards)
        self.cards = cards

    def __str__(self) -> str:
        listed = "；".join(f"{number} {name}（{chars}）" for number, name, chars in self.cards[:5])
        return say("字体里没有这些字：%(listed)s。共 %(count)s 人，请改字或确认照印。",
                   listed=listed, count=len(self.cards))
