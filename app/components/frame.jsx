// What every page carries: the person's theme, and short messages. Reflex's own ways to reach the browser from an
// event (toasts, colour mode) evaluate strings, which our content policy forbids; these follow state instead.
import { createElement as h, useContext, useEffect, useState } from "react";
import { ColorModeContext } from "$/utils/context";

const SHOWN_MS = 6000;

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
  useEffect(() => {
    if (!toast?.nonce) return undefined;
    setShown(toast);
    const timer = setTimeout(() => setShown(null), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [toast?.nonce]);
  return h(
    "div",
    { className: "toasts", role: "status", "aria-live": "polite" },
    shown && h("p", { className: `toast ${shown.tone}`, key: shown.nonce }, shown.text),
  );
}
