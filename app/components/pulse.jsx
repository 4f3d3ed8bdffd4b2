// What keeps a page of live figures live.
import { createElement as h, useContext, useEffect, useState, useSyncExternalStore } from "react";
import { useLocation } from "react-router";
import { EventLoopContext } from "$/utils/context";

const LOST_MS = 10_000; // an answer that hasn't come by then won't: the process that had to give it is gone

/**
 * Asks for the next beat `seconds` after the last was answered, which changes `answered`; not while the tab is hidden
 * or the connection is lost, and at once when either is over.
 */
export function Pulse({ seconds, answered, onBeat }) {
  const visible = useVisible();
  const connected = useContext(EventLoopContext)[1].length === 0;
  const [asked, setAsked] = useState(null);
  useEffect(() => {
    if (!visible || !connected) {
      setAsked(null);
      return undefined;
    }
    const heard = asked?.after !== answered;
    const due = asked === null ? 0 : heard ? seconds * 1000 : LOST_MS;
    const timer = setTimeout(() => {
      setAsked({ after: answered });
      onBeat();
    }, due);
    return () => clearTimeout(timer);
  }, [visible, connected, answered, asked]);
  return null;
}

/** Calls `onGlance` when a page is opened, when the tab is looked at again, and when `nonce` changes. */
export function Glance({ nonce, onGlance }) {
  const { pathname } = useLocation();
  const visible = useVisible();
  useEffect(() => {
    if (visible) onGlance();
  }, [visible, pathname, nonce]);
  return null;
}

/** "in 12 s", counted down from `seconds` in the browser. */
export function Countdown({ seconds, nonce }) {
  const [left, setLeft] = useState(seconds);
  useEffect(() => {
    setLeft(seconds);
    const timer = setInterval(() => setLeft((before) => Math.max(0, before - 1)), 1000);
    return () => clearInterval(timer);
  }, [seconds, nonce]);
  return h("span", { className: "figure" }, left > 0 ? `in ${left} s` : "now");
}

function useVisible() {
  return useSyncExternalStore(subscribe, () => document.visibilityState === "visible", () => false);
}

function subscribe(changed) {
  document.addEventListener("visibilitychange", changed);
  return () => document.removeEventListener("visibilitychange", changed);
}
