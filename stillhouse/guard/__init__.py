"""For those who serve a model: who asks what, who may, one record of it, and decisions that can be checked later."""
