/**
 * One turn followed over Server-Sent Events, and the text that came so far.
 *
 * A store in the sense of React's useSyncExternalStore: `subscribe` and `snapshot`. The snapshot is replaced at most
 * once a frame, so hundreds of deltas a second cost no more than the frames they land in.
 *
 * Opening a stream anew replays it from its beginning. What was shown before stays on screen until the replay has
 * caught up with it, so a reader never sees an answer shrink and grow again.
 */
import { Connection } from "./connection.js";
import { Timers } from "./timers.js";

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
    this.#timers = new Timers(browser);
    this.#connection = new Connection({
      url: () => `${browser.location.origin}/api/v1/turns/${encodeURIComponent(id)}/events`,
      handlers: this.#handlers(),
      onOpening: () => this.#startOver(),
      onLost: () => this.#draw(),
      onGone: () => this.#end("gone"),
      browser,
    });
  }

  #onEnd;
  #browser;
  #connection;
  #timers;
  #listeners = new Set();
  #text = ""; // of this stream
  #shown; // the text on screen when this stream was opened
  #replaying = true; // and #text is so far the beginning of it
  #note = "";
  #working = ""; // what a tool does for the answer
  #model = "";
  #status = "";
  #error = "";
  #drawnAt = 0;

  subscribe = (listener) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  get ended() {
    return this.#status !== "";
  }

  open() {
    if (!this.ended) this.#connection.open();
  }

  close() {
    this.#connection.close();
    this.#timers.clear();
  }

  #handlers() {
    const told = (act) => (data) => {
      act(data);
      if (!this.ended) this.#draw();
    };
    return {
      routed: told(({ model }) => (this.#model = model ?? "")),
      text: told(({ text }) => this.#append(text ?? "")),
      restarted: told(({ model, text }) => this.#restart(model ?? "", text ?? "")),
      working: told(({ label }) => (this.#working = label ?? "")),
      snapshot: told(({ text }) => this.#checkpoint(text ?? "")),
      end: told(({ status }) => this.#end(status || "finished")),
      error: told(({ message }) => this.#end("failed", message ?? "")),
    };
  }

  #startOver() {
    this.#shown = this.#visible();
    this.#text = "";
    this.#replaying = true;
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
    this.#publish();
    this.#onEnd?.(this.id);
  }

  #draw() {
    if (this.#timers.has("draw")) return;
    const rest = this.#drawnAt + SHARE * this.cost - this.#browser.performance.now();
    if (rest > 16) this.#timers.later("draw", rest, () => this.#publish());
    else this.#nextFrame();
  }

  #nextFrame() {
    const frame = this.#browser.requestAnimationFrame(() => this.#publish());
    this.#timers.keep("draw", () => this.#browser.cancelAnimationFrame(frame));
  }

  #publish() {
    this.#timers.cancel("draw");
    this.#drawnAt = this.#browser.performance.now();
    this.snapshot = {
      text: this.#visible(),
      status: this.#status,
      error: this.#error,
      note: this.#note,
      working: this.#working,
      model: this.#model,
      lost: this.#connection.lost && !this.ended,
    };
    for (const listener of this.#listeners) listener();
  }
}
