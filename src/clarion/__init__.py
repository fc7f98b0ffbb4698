"""Clarion: self-hosted push notifications, wire-compatible with Push.Express."""

__version__ = "0.1.0"
