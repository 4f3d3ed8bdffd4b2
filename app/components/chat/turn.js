/**
 * One turn followed over Server-Sent Events, and the text that came so far.
 *
 * A store in the sense of React's useSyncExternalStore: `subscribe` and `snapshot`. The snapshot is replaced at most
 * once a frame, so hundreds of deltas a second cost no more than the frames they land in.
 *
 * Opening a stream anew replays it from its beginning. What was shown before stays on screen until the replay has
 * caught up with it, so a reader never sees an answer shrink and grow again.
 */

const LOST_AFTER = 1500; // ms without a connection before the reader is told
const RETRY_AFTER = [1000, 2000, 4000, 8000, 15000]; // ms
const GONE = new Set([204, 401, 403, 404, 410]); // nothing will ever come: the page should load its state instead
const SHARE = 3; // drawing may take a quarter of the time: one part drawing, three parts rest

/** The empty snapshot, for answers that aren't being generated. */
export const NOTHING = Object.freeze({ text: "", status: "", error: "", note: "", working: "", model: "", lost: false });

export class Turn {
  /** `shown` is the text known before, a checkpoint usually. `onEnd` is called once, with the turn's id. */
  constructor({ id, answerId, shown = "", onEnd, browser = globalThis }) {
    this.id = id;
    this.answerId = answerId;
    this.snapshot = { ...NOTHING, text: shown };
    this.cost = 0; // ms the last drawing took; whoever draws may say
    this.#onEnd = onEnd;
    this.#browser = browser;
    this.#shown = shown;
  }

  #onEnd;
  #browser;
  #source = null;
  #listeners = new Set();
  #text = ""; // of this stream
  #shown; // the text on screen when this stream was opened
  #replaying = true; // and #text is so far the beginning of it
  #note = "";
  #working = ""; // what a tool does for the answer
  #model = "";
  #lost = false;
  #status = "";
  #error = "";
  #lastId = "";
  #attempt = 0;
  #timers = new Map();
  #drawnAt = 0;

  subscribe = (listener) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  get ended() {
    return this.#status !== "";
  }

  open() {
    if (this.ended || this.#source) return;
    this.#shown = this.#visible();
    this.#text = "";
    this.#replaying = true;
    const source = new this.#browser.EventSource(this.#url());
    this.#source = source;
    const on = (name, act) => source.addEventListener(name, (event) => source === this.#source && act(event));
    on("open", () => this.#connected());
    on("routed", (event) => this.#told(event, ({ model }) => (this.#model = model ?? "")));
    on("text", (event) => this.#told(event, ({ text }) => this.#append(text ?? "")));
    on("restarted", (event) => this.#told(event, ({ model, text }) => this.#restart(model ?? "", text ?? "")));
    on("working", (event) => this.#told(event, ({ label }) => (this.#working = label ?? "")));
    on("snapshot", (event) => this.#told(event, ({ text }) => this.#checkpoint(text ?? "")));
    on("end", (event) => this.#told(event, ({ status }) => this.#end(status || "finished")));
    // The server's own "error" event carries data; the browser's, about the connection, doesn't.
    on("error", (event) => {
      if (event.data === undefined) this.#disconnected();
      else this.#told(event, ({ message }) => this.#end("failed", message ?? ""));
    });
  }

  close() {
    this.#source?.close();
    this.#source = null;
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
  }

  #url() {
    const { origin } = this.#browser.location;
    return `${origin}/api/v1/turns/${encodeURIComponent(this.id)}/events`;
  }

  #told(event, act) {
    let data;
    try {
      data = JSON.parse(event.data);
    } catch {
      return;
    }
    this.#lastId = event.lastEventId || this.#lastId;
    act(data ?? {});
    if (!this.ended) this.#draw();
  }

  #append(text) {
    this.#replaying &&= this.#shown.startsWith(text, this.#text.length);
    this.#text += text;
    this.#working = "";
  }

  /** `text` is what stands of it: written before a tool was called. */
  #restart(model, text) {
    this.#text = text;
    this.#working = "";
    this.#replaying = false;
    this.#model = model;
    this.#note = model ? `Answer restarted with ${model}` : "Answer restarted with another model";
  }

  /** May be a little behind what is on screen. */
  #checkpoint(text) {
    this.#shown = this.#visible();
    this.#text = text;
    this.#working = "";
    this.#replaying = this.#shown.startsWith(text);
  }

  #visible() {
    return this.#replaying ? this.#shown : this.#text;
  }

  #end(status, error = "") {
    if (this.ended) return;
    this.close();
    this.#status = status;
    this.#error = error;
    this.#lost = false;
    this.#publish();
    this.#onEnd?.(this.id);
  }

  #connected() {
    this.#attempt = 0;
    this.#cancel("lost");
    if (!this.#lost) return;
    this.#lost = false;
    this.#draw();
  }

  #disconnected() {
    this.#later("lost", LOST_AFTER, () => {
      this.#lost = true;
      this.#draw();
    });
    // While CONNECTING the browser itself tries again, with Last-Event-ID.
    if (this.#source.readyState === this.#browser.EventSource.CLOSED) this.#askWhy();
  }

  /** EventSource doesn't tell a finished turn (204) from a broken server: ask. */
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
    if (GONE.has(status)) this.#end("gone");
    else this.#retry(status === 200 && this.#attempt === 0);
  }

  #retry(atOnce) {
    const spread = 0.8 + 0.4 * Math.random(); // so that a class doesn't come back in one second
    const wait = atOnce ? 0 : spread * RETRY_AFTER[Math.min(this.#attempt, RETRY_AFTER.length - 1)];
    this.#attempt += 1;
    const again = () => {
      this.#cancel("retry");
      this.#cancel("online");
      this.open();
    };
    this.#later("retry", wait, again);
    this.#browser.addEventListener("online", again);
    this.#timers.set("online", () => this.#browser.removeEventListener("online", again));
  }

  #draw() {
    if (this.#timers.has("draw")) return;
    const rest = this.#drawnAt + SHARE * this.cost - this.#browser.performance.now();
    if (rest > 16) this.#later("draw", rest, () => this.#publish());
    else this.#nextFrame();
  }

  #nextFrame() {
    const frame = this.#browser.requestAnimationFrame(() => this.#publish());
    this.#timers.set("draw", () => this.#browser.cancelAnimationFrame(frame));
  }

  #publish() {
    this.#cancel("draw");
    this.#drawnAt = this.#browser.performance.now();
    this.snapshot = {
      text: this.#visible(),
      status: this.#status,
      error: this.#error,
      note: this.#note,
      working: this.#working,
      model: this.#model,
      lost: this.#lost,
    };
    for (const listener of this.#listeners) listener();
  }

  #later(name, wait, act) {
    if (this.#timers.has(name)) return;
    const timer = this.#browser.setTimeout(() => {
      this.#timers.delete(name);
      act();
    }, wait);
    this.#timers.set(name, () => this.#browser.clearTimeout(timer));
  }

  #cancel(name) {
    this.#timers.get(name)?.();
    this.#timers.delete(name);
  }
}
