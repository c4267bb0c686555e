"""Attacks, as tests of the guards."""
