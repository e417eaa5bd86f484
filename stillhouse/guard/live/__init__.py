"""Detection while serving: a process of its own follows the exchange log and acts on what it finds."""
