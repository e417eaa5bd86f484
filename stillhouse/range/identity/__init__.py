"""What a provider sees of a customer besides words: addresses, software, and what was given at registration."""
