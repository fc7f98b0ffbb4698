"""Apps and devices for tests of pages, made as their owners and phones make them."""

import json

from tests.browser.console.conftest import Installation, Member


def app_with_devices(member: Member, installation: Installation, *, devices: int) -> int:
    """An app whose devices the simulator accepts."""
    key = installation.simulator.post(
        "/_sim/fcm/service-accounts", content=json.dumps({"project_id": "weather"})
    ).json()
    app = {"push_provider": "firebase", "name": "Weather", "firebase_creds": key}
    app_id: int = member.api.post("/api/b/v2/apps", json=app).json()["id"]
    path = f"/api/r/v2/apps/{app_id}-{member.account['account_id']}/instances"
    for number in range(devices):
        token = f"0190c8a0-0000-7000-8000-{number:012}"
        made = member.api.post(path, json={"ic_token": token}).json()
        place = ("pt", "PT") if number % 3 else ("en", "GB")
        info = {"transport_type": "fcm", "transport_token": token, "platform_type": "android"}
        member.api.put(f"{path}/{made['id']}/info", json={**info, "lang": place[0], "country": place[1]})
    return app_id
