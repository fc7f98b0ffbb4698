/** What page and service worker share: the state in IndexedDB, calls to Clarion, and reports that wait for a network. */

const QUEUE_LIMIT = 200;
const QUEUE_AGE = 7 * 86_400_000;

/** @returns {Promise<IDBDatabase>} */
function database() {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("clarion", 1);
    opening.onupgradeneeded = () => {
      opening.result.createObjectStore("state");
      opening.result.createObjectStore("reports", { autoIncrement: true });
    };
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
}

/**
 * One transaction on one store.
 * @template T
 * @param {"state"|"reports"} name
 * @param {(store: IDBObjectStore) => IDBRequest<T>} work
 * @returns {Promise<T>} the request's result, once it is durable
 */
async function stored(name, work) {
  const db = await database();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = db.transaction(name, "readwrite");
      const request = work(transaction.objectStore(name));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    db.close();
  }
}

/**
 * @typedef {{server: string, app: string, icToken: string, icId?: string, extId?: string, vapidKey?: string,
 *   tags?: Object<string, string>, subscribed?: boolean, onscreenCount?: number, onscreenSec?: number,
 *   interval?: number}} State
 * @returns {Promise<State|undefined>}
 */
const loadState = () => stored("state", (store) => store.get("state"));

/** @param {State} state */
const saveState = (state) => stored("state", (store) => store.put(state, "state"));

/**
 * One call of the device API. The installation token proves whose call it is.
 * @param {State} state
 * @param {string} method
 * @param {string} path below the app's address
 * @param {object} body
 * @returns {Promise<Response>}
 */
function call(state, method, path, body) {
  return fetch(`${state.server}/api/r/v2/apps/${state.app}/instances${path}`, {
    method,
    headers: { "Content-Type": "application/json", "X-Instance-Token": state.icToken },
    body: JSON.stringify(body),
    keepalive: true,
  });
}

/** Tell Clarion what the browser's user is reached by and looks like. Null = no subscription to tell. */
function sendInfo(state, subscription) {
  return call(state, "PUT", `/${state.icId}/info`, {
    transport_type: "webpush",
    transport_token: subscription ? JSON.stringify(subscription) : "",
    platform_type: "browser",
    platform_name: navigator.userAgent.slice(0, 200),
    agent_name: "clarion-web-1.0",
    lang: navigator.language || "",
    tz_sec: -60 * new Date().getTimezoneOffset(),
    tz_name: Intl.DateTimeFormat().resolvedOptions().timeZone,
    ext_id: state.extId,
    tags: state.tags,
    onscreen_count: state.onscreenCount || 0,
    onscreen_sec: Math.round(state.onscreenSec || 0),
    notif_perm_granted: Notification.permission === "granted",
  });
}

/** Report what became of a message; kept until Clarion has it. */
async function report(msgId, event) {
  const entry = { at: Date.now(), msgId, event };
  await stored("reports", (store) => store.add(entry));
  await flushReports();
}

/** Send what waits, oldest first, until there is no network. A report may arrive twice; Clarion counts it once. */
async function flushReports() {
  const state = await loadState();
  const keys = await stored("reports", (store) => store.getAllKeys());
  const entries = await stored("reports", (store) => store.getAll());
  for (const [index, key] of keys.entries()) {
    const { at, msgId, event } = entries[index];
    const kept = Date.now() - at < QUEUE_AGE && keys.length - index <= QUEUE_LIMIT;
    if (state?.icId && kept) {
      const body = { msg_id: msgId, event };
      const answer = await call(state, "POST", `/${state.icId}/events/notification`, body).catch(() => null);
      if (!answer || answer.status >= 500 || answer.status === 429) return;
    }
    await stored("reports", (store) => store.delete(key));
  }
}

/** Bytes of a VAPID key, for PushManager.subscribe. */
function keyBytes(text) {
  const binary = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
}
