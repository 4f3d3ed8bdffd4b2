import { useEffect, useMemo, useRef, useState } from "react";

const LONG = 120; // seconds
const SPREAD = 10; // seconds, so that a whole school doesn't ask in the first one after midnight
const NOTHING = { standing: "plenty", text: "", until: 0 };

/**
 * What is left of the limits: {standing, text, until}. `given` is {nonce, standing, text, seconds}: after so many
 * seconds it no longer holds, and `onPassed` asks the server for what does.
 */
export function useAllowance(given, onPassed) {
  const [passed, setPassed] = useState(null);
  const ask = useRef(onPassed);
  ask.current = onPassed;
  const nonce = given?.nonce ?? null;
  const until = useMemo(() => (nonce === null ? 0 : Date.now() + 1000 * given.seconds), [nonce]);
  useEffect(() => {
    if (nonce === null) return undefined;
    const spread = given.seconds > LONG ? SPREAD * 1000 * Math.random() : 0;
    const timer = setTimeout(() => {
      setPassed(nonce);
      ask.current();
    }, until + spread - Date.now());
    return () => clearTimeout(timer);
  }, [nonce, until]);
  return useMemo(() => {
    if (nonce === null || (nonce === passed && given.standing !== "spent")) return NOTHING;
    return { standing: given.standing, text: given.text, until };
  }, [nonce, until, passed]);
}

export const isSpent = ({ standing }) => standing === "spent";
export const isBlocking = ({ standing }) => standing === "paused" || standing === "spent";

/** A quiet line above the composer. */
export function AllowanceLine({ allowance: { standing, text, until }, id }) {
  if (!text) return null;
  return (
    <p className="stoa-allowance" data-standing={standing} id={id}>
      {text}
      {standing === "paused" && <Countdown until={until} />}
    </p>
  );
}

/** The same said once, politely, for the line itself counts the seconds. A sentence with other figures isn't news. */
export function AllowanceAnnouncer({ allowance: { standing, text, until } }) {
  const [said, setSaid] = useState("");
  const words = text.replace(/\d/g, "");
  useEffect(() => setSaid(standing === "paused" ? `${text} ${again(secondsTo(until))}` : text), [standing, words]);
  return (
    <div className="stoa-sr" role="status">
      {said}
    </div>
  );
}

function Countdown({ until }) {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((count) => count + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  return ` ${again(secondsTo(until))}`;
}

function again(seconds) {
  return `Try again in ${seconds} second${seconds === 1 ? "" : "s"}.`;
}

function secondsTo(until) {
  return Math.max(1, Math.ceil((until - Date.now()) / 1000));
}
