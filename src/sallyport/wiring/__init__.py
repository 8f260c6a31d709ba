"""Settings to the whole thing. The only place that imports every room."""

from sallyport.wiring.build import build_app

__all__ = ["build_app"]
