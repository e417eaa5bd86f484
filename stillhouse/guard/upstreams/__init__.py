"""Who answers: several servers for a model, by weight, and the next one where one fails."""
