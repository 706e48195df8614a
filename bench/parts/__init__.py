"""The parts of the bench: each module measures one thing and returns its rows."""
