"""What several gateways share through one database: who may ask, what was decided about them, and the ledger."""
