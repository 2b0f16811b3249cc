"""sign_ins: how we say who we are to a system, one file a way."""
