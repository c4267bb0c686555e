"""Capabilities: what a context may touch outside itself."""


def rows() -> tuple[()]:
    return ()
