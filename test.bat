@echo off
rem Sets everything up and runs every test.
cd /d "%~dp0"
where py >nul 2>nul && (set PY=py -3) || (set PY=python)
%PY% tools\setup.py --test || exit /b 1
.venv\Scripts\ruff check . || exit /b 1
.venv\Scripts\mypy || exit /b 1
.venv\Scripts\python -m pytest -n auto --maxprocesses 4 --dist loadfile %*
