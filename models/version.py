"""The program's version, as pages and /healthz say it."""
VERSION = "0.1.0"
