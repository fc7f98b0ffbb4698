"""A simulated push service for browsers (RFC 8030, 8188, 8291, 8292), with browsers that read what they get."""

from clarion.simulator.webpush.provider import WebPushSimulator

__all__ = ["WebPushSimulator"]
