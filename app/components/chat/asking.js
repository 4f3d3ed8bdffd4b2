import { useEffect, useMemo, useRef, useState } from "react";

const UNANSWERED = 15_000; // ms after which what was asked may be asked again

/** What was asked of the server and isn't answered yet; it is when the turn or the messages have moved on. */
export function useAsked(now) {
  const [asked, setAsked] = useState(null);
  const done = asked && isDone(asked, asked.when, now);
  if (done) setAsked(null);
  useEffect(() => {
    if (!asked || asked.kind === "send") return undefined; // a message sent has words to take back; see SlowSend
    const timer = setTimeout(() => setAsked(null), UNANSWERED);
    return () => clearTimeout(timer);
  }, [asked]);
  return [done ? null : asked, (what) => setAsked(what && { ...what, when: now })];
}

function isDone({ kind }, before, now) {
  if (kind === "send") return now.own !== before.own;
  if (kind === "earlier") return now.first !== before.first;
  return (now.turn && now.turn !== before.turn) || now.last !== before.last;
}

/** The last failure in words. One that was there before this session began is old news. */
export function useFailure(failure, takeBack) {
  const [seen, setSeen] = useState(failure?.nonce ?? null);
  const [message, setMessage] = useState("");
  const nonce = failure?.nonce ?? null;
  useEffect(() => {
    if (nonce === null || nonce === seen) return;
    setSeen(nonce);
    setMessage(failure.said_elsewhere ? "" : failure.message);
    takeBack();
  });
  return { message, clear: () => setMessage("") };
}

/** The same functions for ever, which call the latest ones. */
export function useLatest(functions) {
  const latest = useRef(functions);
  latest.current = functions;
  return useMemo(
    () =>
      Object.fromEntries(Object.keys(latest.current).map((name) => [name, (...args) => latest.current[name](...args)])),
    [],
  );
}
