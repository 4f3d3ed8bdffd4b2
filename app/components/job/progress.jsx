// A job as it goes on: how far it is, how long it takes, and its log. What else the page says follows its state.
import { createElement as h, memo, useEffect, useLayoutEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { JobStream } from "./stream.js";
import { lasting, leftOver } from "./times.js";

const NEAR = 40; // px from the end of the log that still count as being there
const clock = { hour: "2-digit", minute: "2-digit", second: "2-digit" };

/**
 * `job`: {id, status, attempts, cancel_requested, progress, note, elapsed: seconds, read: changes with each reading};
 * `lines`: {sequence, at, level, message}; `children` stand between the bar and the log.
 */
export function JobProgress({ job, lines, hasEarlier, onChange, onEarlier, children }) {
  const changed = useRef(onChange);
  changed.current = onChange;
  const stream = useMemo(() => new JobStream({ id: job.id, onChange: () => changed.current() }), [job.id]);
  useEffect(() => () => stream.close(), [stream]);
  useEffect(() => stream.load(job, lines), [stream, job.read]);
  const live = useSyncExternalStore(stream.subscribe, () => stream.snapshot, () => stream.snapshot);
  const running = job.status === "running";
  const active = running || job.status === "queued";
  const elapsed = useElapsed(job, running);
  const note = active ? live.note : "";
  const times = timing(job, live, elapsed, running);
  return h(
    "div",
    { className: "job-live", "aria-busy": active },
    (active || live.progress > 0) && h(Bar, { running, live }),
    (note || times) && h("p", { className: "job-facts" }, h("span", null, note), h("span", { className: "meta" }, times)),
    live.lost && active && h("p", { className: "meta", role: "status" }, "Connection lost, retrying…"),
    children,
    h(Log, { lines: live.lines, busy: active, hasEarlier, onEarlier }),
  );
}

function Bar({ running, live }) {
  const percent = Math.round(live.progress * 100);
  const known = live.progress > 0;
  return h(
    "div",
    {
      className: "job-bar",
      role: "progressbar",
      "aria-label": "Progress",
      "aria-valuemin": 0,
      "aria-valuemax": 100,
      "aria-valuenow": known ? percent : undefined,
      "aria-valuetext": known ? [`${percent} %`, live.note].filter(Boolean).join(", ") : undefined,
      "data-waiting": running && !known,
    },
    h("span", { style: { width: `${percent}%` } }),
  );
}

function timing(job, live, elapsed, running) {
  if (!job.begun) return "";
  const ago = (performance.now() - live.movedAt) / 1000;
  const left = running ? leftOver({ progress: live.progress, taken: elapsed - ago, ago }) : "";
  const share = live.progress > 0 && running ? `${Math.round(live.progress * 100)} %` : "";
  return [share, running ? `${lasting(elapsed)} so far` : `took ${lasting(elapsed)}`, left].filter(Boolean).join(" · ");
}

/** Seconds that the latest attempt takes or took, counted on in the browser: its clock isn't the server's. */
function useElapsed(job, running) {
  const [now, setNow] = useState(0);
  const since = useRef(0);
  useEffect(() => {
    since.current = performance.now();
    setNow(0);
    if (!running) return undefined;
    const timer = setInterval(() => setNow((performance.now() - since.current) / 1000), 1000);
    return () => clearInterval(timer);
  }, [job.id, job.read, running]);
  return job.elapsed + now;
}

function Log({ lines, busy, hasEarlier, onEarlier }) {
  const region = useRef(null);
  const atEnd = useRef(true);
  const last = lines.at(-1)?.sequence;
  useLayoutEffect(() => {
    if (atEnd.current && region.current) region.current.scrollTop = region.current.scrollHeight;
  }, [last]);
  const scrolled = () => {
    const { scrollHeight, clientHeight, scrollTop } = region.current;
    atEnd.current = scrollHeight - clientHeight - scrollTop <= NEAR;
  };
  return h(
    "section",
    { className: "block" },
    h("h2", null, "Log"),
    hasEarlier && h("button", { type: "button", className: "btn", onClick: onEarlier }, "Show earlier lines"),
    lines.length === 0 && h("p", { className: "summary" }, busy ? "Nothing yet." : "It said nothing."),
    h(
      "div",
      {
        ref: region,
        className: "job-log",
        role: "log",
        "aria-label": "Log",
        "aria-live": "off",
        "aria-busy": busy,
        tabIndex: 0,
        hidden: lines.length === 0,
        onScroll: scrolled,
      },
      lines.map((line) => h(Line, { key: line.sequence, line })),
    ),
  );
}

const Line = memo(({ line: { at, level, message } }) => {
  const moment = new Date(at);
  return h(
    "p",
    { "data-level": level },
    h("time", { dateTime: at, title: moment.toLocaleString() }, moment.toLocaleTimeString(undefined, clock)),
    level !== "info" && h("strong", null, level === "error" ? "Error" : "Warning"),
    h("span", null, message),
  );
});
