"""The device API (`/api/r/v2`) and postbacks: raw ASGI, because it answers thousands of calls a second.

`device_app` makes the ASGI callable; it must be started and stopped with the process.
"""

from clarion.api.r_v2.app import DeviceApp, device_app

__all__ = ["DeviceApp", "device_app"]
