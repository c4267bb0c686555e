"""The ground floor: what Dana code may do, and what its operations mean. Knows nothing of Dana's syntax."""
