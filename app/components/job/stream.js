/**
 * One job followed over Server-Sent Events: how far it is, and its log, each line once and in order.
 *
 * A store in the sense of React's useSyncExternalStore. What the page read from the database is handed in with `load`;
 * the stream is asked only for what is newer, so that nothing is lost or doubled however often it breaks.
 */
import { Connection } from "../chat/connection.js";
import { Timers } from "../chat/timers.js";

const FINAL = new Set(["succeeded", "failed", "canceled", "dead"]);

/** What must be read from the database again when it changes. */
export function markOf({ status, attempts, cancel_requested: asked }) {
  return `${status}/${attempts}/${Boolean(asked)}`;
}

export class JobStream {
  /** `onChange` is called when the job isn't what was loaded any more: once for each thing it has become. */
  constructor({ id, onChange, browser = globalThis }) {
    this.#onChange = onChange;
    this.#browser = browser;
    this.#timers = new Timers(browser);
    this.#connection = new Connection({
      url: () => `${browser.location.origin}/api/v1/jobs/${encodeURIComponent(id)}/events?after=${this.#last}`,
      handlers: {
        snapshot: (job) => this.#become(job),
        status: (job) => this.#become(job),
        progress: (job) => this.#move(job),
        log: (line) => this.#append(line),
      },
      onLost: () => this.#draw(),
      onGone: () => this.#onChange(),
      browser,
    });
    this.snapshot = { lines: [], progress: 0, note: "", movedAt: browser.performance.now(), lost: false };
  }

  #onChange;
  #browser;
  #timers;
  #connection;
  #listeners = new Set();
  #lines = [];
  #progress = 0;
  #note = "";
  #movedAt = 0;
  #mark = "";

  subscribe = (listener) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  get #last() {
    return this.#lines.at(-1)?.sequence ?? 0;
  }

  /** The job as the database has it, and some of its log: a stretch without gaps. */
  load(job, lines) {
    this.#mark = markOf(job);
    const [first, last] = [this.#lines[0]?.sequence ?? Infinity, this.#last];
    const earlier = lines.filter(({ sequence }) => sequence < first);
    const later = lines.filter(({ sequence }) => sequence > last && sequence >= first);
    this.#lines = [...earlier, ...this.#lines, ...later];
    this.#move(job);
    this.#publish();
    if (FINAL.has(job.status)) this.#connection.close();
    else this.#connection.open();
  }

  close() {
    this.#connection.close();
    this.#timers.clear();
  }

  #become(job) {
    this.#move(job);
    if (FINAL.has(job.status)) this.#connection.close();
    if (this.#mark === markOf(job)) return;
    this.#mark = markOf(job);
    this.#onChange();
  }

  #move({ progress, note }) {
    if (progress !== this.#progress || !this.#movedAt) this.#movedAt = this.#browser.performance.now();
    this.#progress = progress;
    this.#note = note;
    this.#draw();
  }

  #append(line) {
    if (line.sequence <= this.#last) return;
    this.#lines = [...this.#lines, line];
    this.#draw();
  }

  #draw() {
    if (this.#timers.has("draw")) return;
    const frame = this.#browser.requestAnimationFrame(() => this.#publish());
    this.#timers.keep("draw", () => this.#browser.cancelAnimationFrame(frame));
  }

  #publish() {
    this.#timers.cancel("draw");
    this.snapshot = {
      lines: this.#lines,
      progress: this.#progress,
      note: this.#note,
      movedAt: this.#movedAt,
      lost: this.#connection.lost,
    };
    for (const listener of this.#listeners) listener();
  }
}
