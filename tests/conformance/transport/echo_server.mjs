// Sends a request's body back over HTTP/2. Arguments: port, key file, certificate file.
import { readFileSync } from "node:fs";
import { createSecureServer } from "node:http2";

const [port, key, cert] = process.argv.slice(2);
const server = createSecureServer({ key: readFileSync(key), cert: readFileSync(cert) });
server.on("stream", (stream) => {
  stream.respond({ ":status": 200, "content-type": "application/json" });
  stream.pipe(stream);
});
server.listen(Number(port), "127.0.0.1");
