"""From evidence to actions: error budgets, levels, and the record of what was decided and why."""
