"""Where state lives: the protocols that rooms may use, and their implementations."""

from sallyport.stores.protocols import Change, ObjectStore, Row, StateStore

__all__ = ["Change", "ObjectStore", "Row", "StateStore"]
