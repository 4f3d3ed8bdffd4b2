import { expect, test } from "bun:test";
import { JobStream } from "../../app/components/job/stream.js";
import { lasting, leftOver } from "../../app/components/job/times.js";

/** A browser whose connections are the test's to speak through, and whose frames come when the test says so. */
function fakeBrowser() {
  const sources = [];
  const frames = [];
  class EventSource {
    handlers = {};
    closed = false;
    constructor(url) {
      this.url = url;
      sources.push(this);
    }
    addEventListener(name, act) {
      this.handlers[name] = act;
    }
    close() {
      this.closed = true;
    }
    tell(name, data) {
      this.handlers[name]({ data: JSON.stringify(data) });
    }
  }
  return {
    EventSource,
    sources,
    location: { origin: "https://stoa.example" },
    performance: { now: () => 1000 },
    requestAnimationFrame: (act) => frames.push(act),
    draw: () => frames.splice(0).forEach((act) => act()),
    cancelAnimationFrame: () => {},
    setTimeout: () => 0,
    clearTimeout: () => {},
  };
}

const line = (sequence) => ({ sequence, at: "2026-11-22T06:00:00Z", level: "info", message: `line ${sequence}` });
const running = { status: "running", attempts: 1, cancel_requested: false, progress: 0.5, note: "half" };

function followed(job, lines) {
  const browser = fakeBrowser();
  const changes = [];
  const stream = new JobStream({ id: "a/b", onChange: () => changes.push(1), browser });
  stream.load(job, lines);
  const sequences = () => {
    browser.draw();
    return stream.snapshot.lines.map(({ sequence }) => sequence);
  };
  return { browser, changes, stream, sequences };
}

test("only what is newer than the page is asked for, and no line is doubled", () => {
  const { browser, stream, sequences } = followed(running, [line(3), line(4)]);
  const [source] = browser.sources;
  expect(source.url).toBe("https://stoa.example/api/v1/jobs/a%2Fb/events?after=4");
  for (const sequence of [4, 5, 5, 6]) source.tell("log", line(sequence));
  expect(sequences()).toEqual([3, 4, 5, 6]);
  stream.load(running, [line(1), line(2), line(3), line(4), line(5)]);
  expect(sequences()).toEqual([1, 2, 3, 4, 5, 6]);
  expect(browser.sources.length).toBe(1);
});

test("the page is read anew once for each thing that the job becomes", () => {
  const { browser, changes, stream } = followed(running, []);
  const [source] = browser.sources;
  source.tell("snapshot", running);
  source.tell("progress", { progress: 0.75, note: "more" });
  expect(changes.length).toBe(0);
  browser.draw();
  expect([stream.snapshot.progress, stream.snapshot.note]).toEqual([0.75, "more"]);
  source.tell("status", { ...running, cancel_requested: true });
  source.tell("status", { ...running, cancel_requested: true });
  expect(changes.length).toBe(1);
  source.tell("status", { ...running, status: "canceled" });
  expect([changes.length, source.closed]).toEqual([2, true]);
});

test("a job that ended isn't followed until it is tried again", () => {
  const { browser, stream } = followed({ ...running, status: "dead" }, [line(1)]);
  expect(browser.sources.length).toBe(0);
  stream.load({ ...running, status: "queued" }, [line(1)]);
  expect(browser.sources[0].url).toEndWith("?after=1");
});

test("times are said as people say them", () => {
  expect([lasting(59.4), lasting(61), lasting(3700)]).toEqual(["59 s", "1 min 1 s", "1 h 1 min"]);
  expect(leftOver({ progress: 0, taken: 60, ago: 0 })).toBe("");
  expect(leftOver({ progress: 0.5, taken: 60, ago: 0 })).toBe("about 1 min left");
  expect(leftOver({ progress: 0.5, taken: 60, ago: 20 })).toBe("about 40 s left");
  expect(leftOver({ progress: 0.9, taken: 60, ago: 30 })).toBe("a few seconds left");
});
