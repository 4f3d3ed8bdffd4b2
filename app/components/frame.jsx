// What every page carries: the person's theme, short messages, and what a page owes its reader when the connection
// breaks or another page opens. Reflex's own ways to reach the browser from an event (toasts, colour mode) evaluate
// strings, which our content policy forbids; these follow state instead.
import { createElement as h, useContext, useEffect, useRef, useState } from "react";
import { Link, useLocation, useNavigationType } from "react-router";
import { ColorModeContext, EventLoopContext } from "$/utils/context";

const SHOWN_MS = 6000;
const LINK_SHOWN_MS = 15000; // long enough to get there
const TOLD = "stoa-told"; // in this tab: the last short message that was shown
const LOST = 2; // failed attempts to connect before the reader is told: the first one may be a hiccup

export function Look({ theme }) {
  const { rawColorMode, setColorMode } = useContext(ColorModeContext);
  useEffect(() => {
    if (theme && theme !== rawColorMode) setColorMode(theme);
    // Only a new choice is applied; what the browser remembers in between is the same choice.
  }, [theme]);
  return null;
}

export function Toast({ toast }) {
  const [shown, setShown] = useState(null);
  const failures = useContext(EventLoopContext)[1];
  useEffect(() => {
    if (!toast?.nonce || sessionStorage.getItem(TOLD) === toast.nonce) return undefined;
    sessionStorage.setItem(TOLD, toast.nonce); // a page that is loaded anew is sent the last one again
    setShown(toast);
    const timer = setTimeout(() => setShown(null), toast.href ? LINK_SHOWN_MS : SHOWN_MS);
    return () => clearTimeout(timer);
  }, [toast?.nonce]);
  return h(
    "div",
    { className: "toasts", role: "status", "aria-live": "polite" },
    failures.length >= LOST && h("p", { className: "toast bad", key: "connection" }, "No connection. Trying again…"),
    shown &&
      h(
        "p",
        { className: `toast ${shown.tone}`, key: shown.nonce },
        shown.text,
        shown.href && h(Link, { to: shown.href, onClick: () => setShown(null) }, "Show"),
      ),
  );
}

/** After a link was followed inside the app: what a new page load would do with the focus. */
export function Landing() {
  const { key, pathname } = useLocation();
  const kind = useNavigationType();
  useEffect(() => {
    if (kind === "PUSH") (pathname.endsWith("/chat") ? focusComposer : focusContent)();
  }, [key]);
  return null;
}

/** The composer, whenever `nonce` grows; it begins anew with a new web process. */
export function FocusComposer({ nonce }) {
  const before = useRef(nonce);
  useEffect(() => {
    if (nonce > before.current) focusComposer();
    before.current = nonce;
  }, [nonce]);
  return null;
}

function focusContent() {
  document.getElementById("content")?.focus({ preventScroll: true });
}

/** It may still be on its way, with the state of the new page. */
function focusComposer(frames = 60) {
  const composer = document.querySelector(".stoa-composer textarea:not(:disabled)");
  if (composer) composer.focus();
  else if (frames > 0) requestAnimationFrame(() => focusComposer(frames - 1));
}
