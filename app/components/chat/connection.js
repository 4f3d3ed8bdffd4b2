/**
 * Server-Sent Events from one address, for as long as it has something to say: a lost connection is opened anew.
 *
 * While the browser reconnects by itself it sends Last-Event-ID; when it gave up, the stream is opened anew, from its
 * beginning, and `onOpening` is called before.
 */
import { Timers } from "./timers.js";

const LOST_AFTER = 1500; // ms without a connection before the reader is told
const RETRY_AFTER = [1000, 2000, 4000, 8000, 15000]; // ms
const GONE = new Set([204, 401, 403, 404, 410]); // nothing will ever come: the page should load its state instead

const nothing = () => {};

export class Connection {
  /**
   * `url()` is asked at each opening. `handlers`, by event name, are given the event's JSON; the browser's own "error",
   * about the connection, carries no data and isn't among them. `onLost(lost)` when the reader should be told, and when
   * it is over; `onGone()` once, when nothing will ever come.
   */
  constructor({ url, handlers, onOpening = nothing, onLost = nothing, onGone = nothing, browser = globalThis }) {
    this.lost = false;
    this.#url = url;
    this.#handlers = handlers;
    this.#onOpening = onOpening;
    this.#onLost = onLost;
    this.#onGone = onGone;
    this.#browser = browser;
    this.#timers = new Timers(browser);
  }

  #url;
  #handlers;
  #onOpening;
  #onLost;
  #onGone;
  #browser;
  #timers;
  #source = null;
  #lastId = "";
  #attempt = 0;

  open() {
    if (this.#source) return;
    this.#onOpening();
    const source = new this.#browser.EventSource(this.#url());
    this.#source = source;
    const on = (name, act) => source.addEventListener(name, (event) => source === this.#source && act(event));
    on("open", () => this.#connected());
    for (const [name, act] of Object.entries(this.#handlers)) on(name, (event) => this.#told(event, act));
    on("error", (event) => event.data === undefined && this.#disconnected());
  }

  close() {
    this.#source?.close();
    this.#source = null;
    this.#timers.clear();
  }

  #told(event, act) {
    if (event.data === undefined) return;
    let data;
    try {
      data = JSON.parse(event.data);
    } catch {
      return;
    }
    this.#lastId = event.lastEventId || this.#lastId;
    act(data ?? {});
  }

  #connected() {
    this.#attempt = 0;
    this.#timers.cancel("lost");
    if (this.lost) this.#tell(false);
  }

  #disconnected() {
    this.#timers.later("lost", LOST_AFTER, () => this.#tell(true));
    // While CONNECTING the browser itself tries again, with Last-Event-ID.
    if (this.#source.readyState === this.#browser.EventSource.CLOSED) this.#askWhy();
  }

  #tell(lost) {
    this.lost = lost;
    this.#onLost(lost);
  }

  /** EventSource doesn't tell an end (204) from a broken server: ask. */
  async #askWhy() {
    this.#source.close();
    const source = this.#source;
    const abort = new AbortController();
    let status = 0;
    try {
      const answer = await this.#browser.fetch(this.#url(), {
        headers: { accept: "text/event-stream", ...(this.#lastId && { "last-event-id": this.#lastId }) },
        cache: "no-store",
        signal: abort.signal,
      });
      status = answer.status;
    } catch {
      // no network: like any other failure, try again
    }
    abort.abort();
    if (source !== this.#source) return;
    this.#source = null;
    if (!GONE.has(status)) this.#retry(status === 200 && this.#attempt === 0);
    else {
      this.close();
      this.#onGone();
    }
  }

  #retry(atOnce) {
    const spread = 0.8 + 0.4 * Math.random(); // so that a class doesn't come back in one second
    const wait = atOnce ? 0 : spread * RETRY_AFTER[Math.min(this.#attempt, RETRY_AFTER.length - 1)];
    this.#attempt += 1;
    const again = () => {
      this.#timers.cancel("retry");
      this.#timers.cancel("online");
      this.open();
    };
    this.#timers.later("retry", wait, again);
    this.#browser.addEventListener("online", again);
    this.#timers.keep("online", () => this.#browser.removeEventListener("online", again));
  }
}
