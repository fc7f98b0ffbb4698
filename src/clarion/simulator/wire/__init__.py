"""The server's side of HTTP/2 and HTTP/1.1, with every fault that a network or a provider can show.

Written apart from the client's frame code on purpose: a misreading of the protocol must not cancel out.
"""
