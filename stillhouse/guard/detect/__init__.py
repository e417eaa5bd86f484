"""From exchanges to decisions: rows, states that are values, and the one fold that live, replay and cluster share."""
