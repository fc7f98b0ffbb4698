"""Huawei Push Kit, REST API v1: token endpoint, messages, partial failures, flow control."""

from clarion.simulator.huawei.provider import HuaweiSimulator

__all__ = ["HuaweiSimulator"]
