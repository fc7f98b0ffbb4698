/** Clarion in a service worker: `importScripts("https://push.example/sdk/clarion-sw.js")`. */

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("push", (event) => {
  const { title, body = "", icon, image, url, msg_id: msgId, actions = [], ...look } = event.data?.json() || {};
  const shown = self.registration.showNotification(title || "Notification", {
    body,
    icon,
    image,
    actions: actions.map(({ id, title }) => ({ action: id, title })),
    requireInteraction: look.require_interaction,
    renotify: look.renotify && Boolean(look.tag || msgId),
    silent: look.silent,
    tag: look.tag || msgId, // a message that comes twice is shown once
    data: { url, msgId, links: Object.fromEntries(actions.map(({ id, link }) => [id, link])) },
  });
  event.waitUntil(Promise.all([shown, msgId && report(msgId, "delivered")]));
});

self.addEventListener("notificationclick", (event) => {
  const { url, msgId, links = {} } = event.notification.data || {};
  event.notification.close();
  event.waitUntil(Promise.all([open(links[event.action] || url), msgId && report(msgId, "clicked")]));
});

/** Show the page at this address: an open one is focused, else a new one is opened. */
async function open(url) {
  const target = new URL(url || "", self.registration.scope).href;
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const page = pages.find((one) => !url || one.url === target);
  return page ? page.focus() : self.clients.openWindow(target);
}

self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(resubscribe(event)));

/** The browser has ended the subscription: make another one and tell Clarion. */
async function resubscribe(event) {
  const state = await loadState();
  if (!state?.icId || !state.subscribed) return;
  const options = { userVisibleOnly: true, applicationServerKey: keyBytes(state.vapidKey) };
  const made = event.newSubscription || (await self.registration.pushManager.subscribe(options));
  await sendInfo(state, made);
}
