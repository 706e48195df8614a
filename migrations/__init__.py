"""How an event made by an older version of the program is brought up to date (Alembic, through Flask-Migrate)."""
