"""Which bases matter: contributions of each base of a region to what is predicted there.

`regions` chooses what is explained, `attribution` does it (`objective` says what, `rules` are
DeepLIFT's), `explaining` part by part for a trained model, `writing` makes files of all parts.
"""
