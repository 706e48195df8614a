@echo off
rem The other laptop is broken: drag its backup stick onto this file, and its event goes on here (docs\drill.md).
cd /d "%~dp0"
if "%~1"=="" (
  echo Drag the backup stick onto this file, or run: continue.bat E:\
  pause
  exit /b 2
)
rem The dot keeps "E:\" whole: a backslash before a quote would swallow it.
.venv\Scripts\python app.py restore "%~1." || (pause & exit /b 1)
.venv\Scripts\python app.py serve
pause
