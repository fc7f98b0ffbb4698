/** The example page: register, ask on a click, show how things stand. */

import { Clarion } from "../clarion.js";

const element = (id) => document.getElementById(id);
const app = new URLSearchParams(location.search).get("app");

function show(clarion) {
  element("device").textContent = clarion.id;
  element("permission").textContent = clarion.permission;
}

/** Let a button do something, and tell what went wrong. */
function connect(button, clarion, work) {
  button.disabled = false;
  button.addEventListener("click", async () => {
    element("fault").textContent = "";
    await work().catch((error) => (element("fault").textContent = error.message));
    show(clarion);
  });
}

try {
  if (!location.pathname.endsWith("/")) location.pathname += "/"; // or the worker could not control the page
  if (!app) throw new Error("Name the app in the address: ?app=3-1");
  const clarion = await Clarion.start({ app, worker: "worker.js", tags: { audiences: "example" } });
  show(clarion);
  connect(element("subscribe"), clarion, () => clarion.subscribe());
  connect(element("unsubscribe"), clarion, () => clarion.unsubscribe());
} catch (error) {
  element("device").textContent = "";
  element("fault").textContent = error.message;
}
