"""The catalogues: complete, and of one mind. They are merged, so a sentence has one English wherever it is said."""
from __future__ import annotations

import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parent.parent
CATALOGUES = sorted((ROOT / "translations" / "en" / "LC_MESSAGES").glob("*.po"))
HAN = re.compile(r"[\u4e00-\u9fff]")


def english() -> dict[str, dict[str, str]]:
    """msgid -> catalogue -> its English."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for path in CATALOGUES:
        with path.open("rb") as file:
            for message in read_po(file):
                if message.id:
                    found[str(message.id)][path.stem] = str(message.string)
    return found


def test_no_sentence_has_two_translations() -> None:
    clashes = {msgid: said for msgid, said in english().items() if len(set(said.values())) > 1}
    assert not clashes


def test_every_translation_says_something_and_keeps_its_placeholders() -> None:
    for msgid, said in english().items():
        for text in said.values():
            assert text.strip(), msgid
            assert sorted(re.findall(r"%\(\w+\)s|\{\w*\}", msgid)) == sorted(re.findall(r"%\(\w+\)s|\{\w*\}", text)), msgid


def test_every_chinese_sentence_of_code_and_templates_has_its_english() -> None:
    known, missing = english(), set()
    for room in ("admin", "kiosk", "printers", "models", "templates"):
        for _, _, message, *_ in extract_from_dir(
                ROOT / room, method_map=[("**.py", "python"), ("**.html", "jinja2")],
                keywords={"_": None, "gettext": None}):
            text = message if isinstance(message, str) else message[0]
            if HAN.search(text) and text not in known:
                missing.add(text)
    assert not missing


def test_the_catalogues_compile(tmp_path: Path) -> None:
    for path in CATALOGUES:
        subprocess.run([sys.executable, "-m", "babel.messages.frontend", "compile", "-i", path, "-o", tmp_path / "x.mo"],
                       check=True, capture_output=True)
