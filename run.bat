@echo off
rem Sets everything up and runs the demo conference.
cd /d "%~dp0"
where py >nul 2>nul && (set PY=py -3) || (set PY=python)
%PY% tools\setup.py || exit /b 1
.venv\Scripts\python app.py demo %*
