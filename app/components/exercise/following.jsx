import { useEffect, useRef, useState } from "react";
import { Connection } from "../chat/connection.js";

const PATIENCE = 1500; // ms before it is worth saying that one may leave
const TRYING = 1000; // ms of a job that waits for the sandbox: it looks for it again and again, and that isn't running
const FINAL = new Set(["succeeded", "failed", "canceled", "dead"]);

/**
 * What becomes of a job while it goes on, with `advice` while the sandbox is away; `onEnd` once it has ended, or when
 * there is nothing to follow any more.
 */
export function Following({ work, advice, onEnd }) {
  const job = useJob(work, onEnd);
  const long = usePatience(work?.job_id);
  const submitted = work?.purpose === "submit";
  return (
    <div className="stoa-working">
      <p>{said(job, submitted)}</p>
      {job.note && advice && <p className="meta">{advice}</p>}
      {long && submitted && <p className="meta">You may leave this page: the result will be here.</p>}
    </div>
  );
}

function said({ status, note, lost }, submitted) {
  if (lost) return "No connection. Your code goes on being looked at; this page will catch up.";
  if (note) return note;
  if (status === "running") return submitted ? "Grading your code…" : "Running your code…";
  return submitted ? "Handed in. It waits for its turn…" : "Waiting for its turn…";
}

function useJob(work, onEnd) {
  const [job, setJob] = useState({ status: "queued", note: "" });
  const [lost, setLost] = useState(false);
  const latest = useRef(onEnd);
  latest.current = onEnd;
  useEffect(() => {
    if (!work) return undefined;
    let trying = 0;
    const show = (next) => {
      clearTimeout(trying);
      const running = next.status === "running";
      const settle = () => setJob({ status: next.status, note: running ? "" : next.note });
      if (running && next.note) trying = setTimeout(settle, TRYING);
      else settle();
    };
    const told = (next) => {
      show(next);
      if (!FINAL.has(next.status)) return;
      connection.close();
      latest.current();
    };
    const connection = new Connection({
      url: () => `${location.origin}/api/v1/jobs/${encodeURIComponent(work.job_id)}/events`,
      handlers: { snapshot: told, status: told },
      onLost: setLost,
      onGone: () => latest.current(),
    });
    connection.open();
    return () => {
      clearTimeout(trying);
      connection.close();
    };
  }, [work?.job_id]);
  return { ...job, lost };
}

/** Whether `job` has been going on for a while. */
function usePatience(job) {
  const [over, setOver] = useState(false);
  useEffect(() => {
    setOver(false);
    const timer = setTimeout(() => setOver(true), PATIENCE);
    return () => clearTimeout(timer);
  }, [job]);
  return over;
}
