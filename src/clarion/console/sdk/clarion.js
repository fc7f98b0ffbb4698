/**
 * Clarion in a page.
 *
 *   import { Clarion } from "https://push.example/sdk/clarion.js";
 *   const clarion = await Clarion.start({ app: "3-1" });
 *   button.onclick = () => clarion.subscribe();
 */

const FIRST_RETRY = 2_000;
const LAST_RETRY = 120_000;
const LEAST_INTERVAL = 30;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * @typedef {object} Options
 * @property {string} app what Clarion calls the app: `<app>-<account>`
 * @property {string} [server] where Clarion is; by default where this script came from
 * @property {string} [worker] the page's own service worker, which imports `clarion-sw.js`
 * @property {string} [externalId] who the user is to the page's owner
 * @property {Object<string, string>} [tags]
 */

export class Clarion {
  #state;
  #worker;
  #timer;
  #shownAt;

  /**
   * Register this browser and keep Clarion informed. Never asks for permission.
   * @param {Options} options
   * @returns {Promise<Clarion>}
   */
  static async start(options) {
    const clarion = new Clarion();
    await clarion.#begin(options);
    return clarion;
  }

  /** Whether this browser can show push messages at all. */
  static get supported() {
    return "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;
  }

  /** @returns {NotificationPermission} */
  get permission() {
    return Notification.permission;
  }

  /** The device's id in Clarion. */
  get id() {
    return this.#state.icId;
  }

  /**
   * Ask the user; call it from a click. Browsers ask only once.
   * @returns {Promise<NotificationPermission>}
   */
  requestPermission() {
    return Notification.requestPermission();
  }

  /**
   * Subscribe to messages, asking for permission if need be; call it from a click.
   * @returns {Promise<boolean>} false when the user said no
   */
  async subscribe() {
    if ((await this.requestPermission()) !== "granted") return false;
    await this.#change({ subscribed: true });
    await this.#renew();
    return true;
  }

  /** Get no more messages. */
  async unsubscribe() {
    clearTimeout(this.#timer);
    await (await this.#subscription())?.unsubscribe();
    await this.#change({ subscribed: false });
    await this.#deactivate();
  }

  /** Replace all tags. @param {Object<string, string>} tags */
  async setTags(tags) {
    await this.#change({ tags });
    await this.#update();
  }

  /** Say who the user is; without an id: log out. @param {string} [externalId] */
  async setExternalId(externalId) {
    if (this.#state.extId && this.#state.extId !== externalId) await this.#deactivate();
    await this.#change({ extId: externalId || undefined, icId: undefined });
    await this.#renew();
  }

  async #begin({ app, server, worker = "/clarion-sw.js", externalId, tags }) {
    const base = (server || new URL(import.meta.url).origin).replace(/\/+$/, "");
    const known = await loadState();
    const same = known?.app === app && known.server === base;
    this.#state = same ? known : { app, server: base, icToken: crypto.randomUUID() };
    if (externalId && externalId !== this.#state.extId) this.#state.icId = undefined;
    await this.#change({ extId: externalId || this.#state.extId, tags: tags || this.#state.tags });
    if (Clarion.supported) this.#worker = await navigator.serviceWorker.register(worker, { updateViaCache: "none" });
    await this.#renew();
    this.#watch();
  }

  /** Register and tell how things are. Who has unsubscribed stays unknown: registering would wake the device. */
  async #renew() {
    if (this.#state.subscribed === false) return;
    await this.#register();
    await this.#update();
  }

  async #change(part) {
    Object.assign(this.#state, part);
    await saveState(this.#state);
  }

  /** Find or make this browser's device; goes on trying for as long as the page lives. */
  async #register() {
    for (let wait = FIRST_RETRY; ; wait = Math.min(wait * 2, LAST_RETRY)) {
      const body = { ic_token: this.#state.icToken, ext_id: this.#state.extId };
      const answer = await call(this.#state, "POST", "", body).catch(() => null);
      if (answer?.ok) return this.#change({ icId: (await answer.json()).id });
      if (answer && answer.status < 500 && answer.status !== 429) {
        throw new Error(`Clarion does not accept the app ${this.#state.app}: ${answer.status}`);
      }
      await pause(wait * (0.5 + Math.random() / 2));
    }
  }

  /** Tell Clarion how things are now, and again after the interval that it asks for. */
  async #update() {
    clearTimeout(this.#timer);
    if (this.#state.subscribed === false) return;
    const answer = await this.#tell().catch(() => null);
    if (answer?.ok) this.#state.interval = (await answer.json()).update_interval_sec;
    const gone = answer?.status === 404;
    if (gone) await this.#register().catch(() => null);
    await flushReports();
    const seconds = gone ? 1 : Math.max(LEAST_INTERVAL, this.#state.interval || 0);
    this.#timer = setTimeout(() => this.#update(), seconds * 1000);
  }

  async #tell() {
    const wanted = this.#state.subscribed && this.permission === "granted";
    return sendInfo(this.#state, wanted ? await this.#subscribed() : null);
  }

  async #subscription() {
    return (this.#worker && (await navigator.serviceWorker.ready).pushManager.getSubscription()) || null;
  }

  /** The subscription with the app's key; one that was made with another key is replaced. */
  async #subscribed() {
    const { server, app } = this.#state;
    const answer = await fetch(`${server}/sdk/apps/${app}.json`);
    if (answer.ok) await this.#change({ vapidKey: (await answer.json()).vapid_key });
    const key = keyBytes(this.#state.vapidKey);
    const present = await this.#subscription();
    const bound = present?.options?.applicationServerKey;
    if (present && (!bound || new Uint8Array(bound).every((byte, index) => byte === key[index]))) return present;
    await present?.unsubscribe();
    const { pushManager } = await navigator.serviceWorker.ready;
    return pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  }

  async #deactivate() {
    const { icId, icToken, extId } = this.#state;
    if (icId) await call(this.#state, "POST", `/${icId}/deactivate`, { ic_token: icToken, ext_id: extId });
  }

  /** Follow the page between foreground and background. */
  #watch() {
    const shown = () => document.visibilityState === "visible";
    const enter = () => {
      this.#shownAt = Date.now();
      this.#state.onscreenCount = (this.#state.onscreenCount || 0) + 1;
      this.#live("onscreen");
    };
    const leave = (event) => {
      if (this.#shownAt) this.#state.onscreenSec = (this.#state.onscreenSec || 0) + (Date.now() - this.#shownAt) / 1000;
      this.#shownAt = undefined;
      saveState(this.#state);
      this.#live(event);
    };
    document.addEventListener("visibilitychange", () => (shown() ? enter() : leave("background")));
    window.addEventListener("pagehide", () => leave("closed"));
    window.addEventListener("online", () => this.#update());
    navigator.serviceWorker?.addEventListener("message", ({ data }) => data === "clarion:update" && this.#update());
    if (shown()) enter();
  }

  #live(event) {
    if (this.#state.subscribed === false) return;
    call(this.#state, "POST", `/${this.#state.icId}/events/lifecycle`, { event }).catch(() => null);
  }
}
