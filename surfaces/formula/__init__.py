"""Surfaces that are typed: parsed, differentiated, run as a tape."""
