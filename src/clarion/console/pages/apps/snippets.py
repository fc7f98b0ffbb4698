"""What developers paste to connect an app: each registers a device and tells its push token (sdk-api.md §2)."""

import json

_KOTLIN = """\
// In a background thread; icToken is a UUID that the app makes once and keeps.
fun call(method: String, path: String, body: JSONObject): JSONObject {
    val connection = URL(%(instances)s + path).openConnection() as HttpURLConnection
    connection.requestMethod = method
    connection.setRequestProperty("Content-Type", "application/json")
    connection.doOutput = true
    connection.outputStream.use { it.write(body.toString().toByteArray()) }
    return JSONObject(connection.inputStream.bufferedReader().readText())
}
val id = call("POST", "", JSONObject().put("ic_token", icToken)).getString("id")
call("PUT", "/$id/info", JSONObject()
    .put("transport_type", "fcm").put("transport_token", fcmToken).put("platform_type", "android")
    .put("lang", Locale.getDefault().language).put("tz_name", TimeZone.getDefault().id))
"""
_SWIFT = """\
// icToken is a UUID that the app makes once and keeps; apnsToken is the device token in hexadecimal.
func call(_ method: String, _ path: String, _ body: [String: Any]) async throws -> [String: Any] {
    var request = URLRequest(url: URL(string: %(instances)s + path)!)
    request.httpMethod = method
    request.setValue("application/json", forHTTPHeaderField: "Content-Type")
    request.httpBody = try JSONSerialization.data(withJSONObject: body)
    let (data, _) = try await URLSession.shared.data(for: request)
    return try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
}
let id = try await call("POST", "", ["ic_token": icToken])["id"] as! String
_ = try await call("PUT", "/\\(id)/info", [
    "transport_type": "apns", "transport_token": apnsToken, "platform_type": "ios",
    "lang": Locale.current.language.languageCode?.identifier ?? "en", "tz_name": TimeZone.current.identifier])
"""
_WEB = """\
<!-- worker.js at the top of your site holds one line: importScripts(%(worker)s); -->
<script type="module">
  import { Clarion } from %(module)s;
  const clarion = await Clarion.start({ app: %(app)s, worker: "/worker.js" });
  document.querySelector("#notify").onclick = () => clarion.subscribe();
</script>
"""
_CURL = """\
ID=$(curl -s %(bare)s -d '{"ic_token": "0190c8a0-0000-7000-8000-000000000001"}' | jq -r .id)
curl -s -X PUT %(bare)s/$ID/info -d '{"transport_type": "fcm", "transport_token": "the token",
  "platform_type": "android", "lang": "en", "country": "PT"}'
"""


def snippets(address: str, sdk_id: str) -> list[tuple[str, str]]:
    """The name of each and its text; `address` is where devices reach this installation."""
    instances = f"{address}/api/r/v2/apps/{sdk_id}/instances"
    values = {
        "app": json.dumps(sdk_id),
        "module": json.dumps(f"{address}/sdk/clarion.js"),
        "worker": json.dumps(f"{address}/sdk/clarion-sw.js"),
        "instances": json.dumps(instances),
        "bare": instances,
    }
    named = [("Web", _WEB), ("Android", _KOTLIN), ("iOS", _SWIFT), ("curl", _CURL)]
    return [(name, text % values) for name, text in named]
