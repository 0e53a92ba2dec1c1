"""Shops of public evaluations behind our policy; no data of theirs is kept here."""
