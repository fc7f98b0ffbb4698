"""Firebase Cloud Messaging, HTTP v1: token endpoint, message checks, error shapes (Google, *projects.messages*)."""

from clarion.simulator.fcm.provider import FcmSimulator

__all__ = ["FcmSimulator"]
