"""Standing beside a gateway that is there already: its traffic recorded, and decisions asked of us over its own
hooks."""
