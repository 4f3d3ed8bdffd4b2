import { beforeEach, describe, expect, test } from "bun:test";
import { Turn } from "../../app/components/chat/turn.js";

/** A browser whose time, frames, connections and answers are the test's to give. */
function fakeBrowser() {
  const sources = [];
  const timers = new Map();
  const listeners = new Map();
  let now = 0;
  let ids = 0;
  const later = (act, wait) => {
    timers.set((ids += 1), { act, at: now + wait });
    return ids;
  };
  class EventSource {
    static CLOSED = 2;
    readyState = 0;
    handlers = {};
    constructor(url) {
      this.url = url;
      sources.push(this);
    }
    addEventListener(name, act) {
      (this.handlers[name] ??= []).push(act);
    }
    close() {
      this.readyState = 2;
    }
    tell(name, data, id = "") {
      const event = data === undefined ? {} : { data: JSON.stringify(data), lastEventId: id };
      this.handlers[name]?.forEach((act) => act(event));
    }
    fail(readyState) {
      this.readyState = readyState;
      this.tell("error");
    }
  }
  return {
    EventSource,
    sources,
    asked: [],
    answer: { status: 204 },
    location: { origin: "https://stoa.example" },
    performance: { now: () => now },
    requestAnimationFrame: (act) => later(act, 16),
    cancelAnimationFrame: (id) => timers.delete(id),
    setTimeout: later,
    clearTimeout: (id) => timers.delete(id),
    addEventListener: (name, act) => listeners.set(name, act),
    removeEventListener: (name) => listeners.delete(name),
    listeners,
    timers,
    async fetch(url, options) {
      this.asked.push(options);
      if (this.answer === null) throw new TypeError("offline");
      return this.answer;
    },
    pass(ms) {
      const end = now + ms;
      for (;;) {
        const [id, due] = [...timers].filter(([, t]) => t.at <= end).sort((a, b) => a[1].at - b[1].at)[0] ?? [];
        if (!id) break;
        timers.delete(id);
        now = due.at;
        due.act();
      }
      now = end;
    },
  };
}

let browser;
let ended;
let turn;

function start(shown) {
  turn = new Turn({ id: "t 1", answerId: "a1", shown, onEnd: (id) => ended.push(id), browser });
  turn.open();
  return browser.sources.at(-1);
}

const settle = () => new Promise((resolve) => setImmediate(resolve));
const shown = () => turn.snapshot.text;

beforeEach(() => {
  browser = fakeBrowser();
  ended = [];
});

describe("a stream", () => {
  test("is asked for at this origin", () => {
    expect(start().url).toBe("https://stoa.example/api/v1/turns/t%201/events");
  });

  test("is drawn once a frame however many deltas come", () => {
    const source = start();
    let draws = 0;
    turn.subscribe(() => (draws += 1));
    for (const text of "hello") source.tell("text", { text });
    expect([draws, shown()]).toEqual([0, ""]);
    browser.pass(16);
    expect([draws, shown()]).toEqual([1, "hello"]);
  });

  test("is drawn less often when drawing is slow", () => {
    const source = start();
    let draws = 0;
    turn.subscribe(() => {
      draws += 1;
      turn.cost = 50;
    });
    for (let index = 0; index < 100; index += 1) {
      source.tell("text", { text: "x" });
      browser.pass(10);
    }
    expect(draws).toBeLessThan(10);
  });

  test("ends once, at once and for good", () => {
    const source = start();
    source.tell("text", { text: "all" });
    source.tell("end", { status: "finished" });
    source.tell("end", { status: "finished" });
    source.tell("text", { text: "late" });
    turn.open();
    browser.pass(60_000);
    expect([shown(), turn.snapshot.status, ended]).toEqual(["all", "finished", ["t 1"]]);
    expect([source.readyState, browser.sources.length, browser.timers.size]).toEqual([2, 1, 0]);
  });

  test("begins again with another model", () => {
    const source = start();
    source.tell("text", { text: "first try" });
    source.tell("restarted", { model: "GPT", reason: "timeout" });
    source.tell("text", { text: "second" });
    browser.pass(16);
    expect([shown(), turn.snapshot.note, turn.snapshot.model]).toEqual(["second", "Answer restarted with GPT", "GPT"]);
  });

  test("keeps what stands before a tool's work, and says what works until text comes", () => {
    const source = start();
    source.tell("text", { text: "Let me see.\n\n" });
    source.tell("working", { label: "Running Python" });
    browser.pass(16);
    expect([shown(), turn.snapshot.working]).toEqual(["Let me see.\n\n", "Running Python"]);
    source.tell("text", { text: "Half a wh" });
    browser.pass(16);
    expect(turn.snapshot.working).toBe("");
    source.tell("restarted", { model: "GPT", reason: "timeout", text: "Let me see.\n\n" });
    source.tell("text", { text: "Half." });
    browser.pass(16);
    expect(shown()).toBe("Let me see.\n\nHalf.");
  });

  test("tells the server's error from the connection's", () => {
    start().tell("error", { message: "The model is busy.", retryable: true });
    expect([turn.snapshot.status, turn.snapshot.error, ended]).toEqual(["failed", "The model is busy.", ["t 1"]]);
  });

  test("survives nonsense", () => {
    const source = start();
    source.handlers.text.forEach((act) => act({ data: "{half" }));
    source.tell("text", null);
    source.tell("unknown", {});
    source.tell("text", { text: "fine" });
    browser.pass(16);
    expect(shown()).toBe("fine");
  });
});

describe("text known before", () => {
  test("stays until the replay has caught up", () => {
    const source = start("Hello wor");
    expect(shown()).toBe("Hello wor");
    source.tell("text", { text: "Hello" });
    browser.pass(16);
    expect(shown()).toBe("Hello wor");
    source.tell("text", { text: " world, and more" });
    browser.pass(16);
    expect(shown()).toBe("Hello world, and more");
  });

  test("gives way to a replay that says something else", () => {
    const source = start("An old try");
    source.tell("text", { text: "A new" });
    browser.pass(16);
    expect(shown()).toBe("A new");
  });

  test("isn't shortened by a checkpoint that is behind", () => {
    const source = start();
    source.tell("text", { text: "one two three" });
    source.tell("snapshot", { text: "one two", status: "streaming" });
    browser.pass(16);
    expect(shown()).toBe("one two three");
    source.tell("snapshot", { text: "something else", status: "streaming" });
    browser.pass(32);
    expect(shown()).toBe("something else");
  });
});

describe("a lost connection", () => {
  test("that the browser repairs goes on where it was", () => {
    const source = start();
    source.tell("text", { text: "one " });
    source.fail(0);
    browser.pass(2000);
    expect([shown(), turn.snapshot.lost]).toEqual(["one ", true]);
    source.tell("open");
    source.tell("text", { text: "two" });
    browser.pass(100);
    expect([shown(), turn.snapshot.lost, browser.sources.length]).toEqual(["one two", false, 1]);
  });

  test("for a moment is not worth a word", () => {
    const source = start();
    source.fail(0);
    browser.pass(1000);
    source.tell("open");
    browser.pass(5000);
    expect(turn.snapshot.lost).toBe(false);
  });

  test("because there is nothing more ends the turn", async () => {
    const source = start();
    source.tell("text", { text: "one" }, "17-0");
    source.fail(2);
    await settle();
    expect([turn.snapshot.status, shown(), ended]).toEqual(["gone", "one", ["t 1"]]);
    expect(browser.asked[0].headers["last-event-id"]).toBe("17-0");
  });

  test("for good is tried again, later and later, without losing or doubling text", async () => {
    const source = start();
    source.tell("text", { text: "one " });
    browser.pass(16);
    browser.answer = { status: 503 };
    source.fail(2);
    await settle();
    browser.pass(1600);
    expect([browser.sources.length, turn.snapshot.lost, shown()]).toEqual([2, true, "one "]);
    browser.answer = null;
    browser.sources[1].fail(2);
    await settle();
    browser.pass(1500);
    expect(browser.sources.length).toBe(2);
    browser.pass(1000);
    expect(browser.sources.length).toBe(3);
    browser.sources[2].tell("open");
    browser.sources[2].tell("text", { text: "one two" });
    browser.pass(50);
    expect([shown(), turn.snapshot.lost, ended]).toEqual(["one two", false, []]);
  });

  test("is tried again as soon as the network is back", async () => {
    browser.answer = null;
    start().fail(2);
    await settle();
    browser.listeners.get("online")();
    expect([browser.sources.length, browser.listeners.size]).toEqual([2, 0]);
  });

  test("means nothing after the page has left", async () => {
    browser.answer = null;
    const source = start();
    source.fail(2);
    turn.close();
    await settle();
    browser.pass(60_000);
    source.tell("text", { text: "late" });
    expect([browser.sources.length, shown(), ended, browser.timers.size]).toEqual([1, "", [], 0]);
  });
});
