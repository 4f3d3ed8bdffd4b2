// Parts of a page that open and close in the browser alone, by mouse, finger and keyboard.
import { createElement as h, useEffect, useId, useRef, useState, useSyncExternalStore } from "react";
import { useLocation } from "react-router";

const NARROW = "(max-width: 900px)"; // as in stoa.css

/**
 * A side panel that is always there on a desk. On a phone its handle opens it over the whole page: focus moves in, the
 * page behind can't be reached, and Esc, Close or following a link closes it and gives the focus back.
 */
export function Sheet({ label, title, name = "", children }) {
  const narrow = useNarrow();
  const [open, setOpen] = useClosedByNavigation();
  const panel = useRef(null);
  const handle = useRef(null);
  const modal = narrow && open;
  useEffect(() => {
    if (!modal) return undefined;
    const release = isolate(panel.current);
    panel.current.focus();
    return () => {
      release();
      handle.current?.focus();
    };
  }, [modal]);
  const leave = (event) => {
    if (event.key === "Escape" && modal) setOpen(false);
  };
  const dialog = modal ? { role: "dialog", "aria-modal": true, "aria-label": name, tabIndex: -1 } : {};
  return h(
    "aside",
    { className: "sheet", "aria-label": name, "data-open": open },
    h(
      "button",
      { type: "button", className: "sheet-handle", ref: handle, "aria-expanded": open, onClick: () => setOpen(true) },
      h("span", null, label),
      title && h("span", { className: "sheet-title" }, title),
    ),
    h(
      "div",
      { className: "panel", ref: panel, onKeyDown: leave, ...dialog },
      h("button", { type: "button", className: "btn quiet sheet-close", onClick: () => setOpen(false) }, "Close"),
      children,
    ),
  );
}

/**
 * A button that shows what belongs to it; Esc, a click elsewhere or following a link hides it again.
 * `focused`: whoever used it comes back to it, after what it offered stood in its place.
 */
export function Disclosure({ label, name, className = "", face, focused = false, children }) {
  const [open, setOpen] = useClosedByNavigation();
  const root = useRef(null);
  const button = useRef(null);
  const id = useId();
  useEffect(() => {
    if (focused) button.current.focus();
  }, []);
  useEffect(() => {
    if (!open) return undefined;
    const outside = (event) => !root.current?.contains(event.target) && setOpen(false);
    document.addEventListener("pointerdown", outside);
    document.addEventListener("focusin", outside);
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("focusin", outside);
    };
  }, [open, setOpen]);
  const leave = (event) => {
    if (event.key !== "Escape" || !open) return;
    event.stopPropagation();
    setOpen(false);
    button.current.focus();
  };
  return h(
    "div",
    { className: `disclosure ${className}`.trim(), ref: root, onKeyDown: leave },
    h(
      "button",
      {
        type: "button",
        className: "disclosure-button",
        ref: button,
        "aria-expanded": open,
        "aria-controls": id,
        "aria-label": name || undefined,
        onClick: () => setOpen(!open),
      },
      face && h("span", { className: "disclosure-face", "aria-hidden": true }, face),
      label && h("span", { className: "disclosure-label" }, label),
    ),
    h("div", { className: "disclosure-panel", id, hidden: !open }, children),
  );
}

function useClosedByNavigation() {
  const { pathname } = useLocation();
  const [open, setOpen] = useState(false);
  useEffect(() => setOpen(false), [pathname]);
  return [open, setOpen];
}

function useNarrow() {
  return useSyncExternalStore(
    (changed) => {
      const query = matchMedia(NARROW);
      query.addEventListener("change", changed);
      return () => query.removeEventListener("change", changed);
    },
    () => matchMedia(NARROW).matches,
    () => false,
  );
}

/** Put everything but `node` out of reach; returns what undoes it. Messages stay audible. */
function isolate(node) {
  const silenced = [];
  for (let at = node; at !== document.body && at.parentElement; at = at.parentElement) {
    for (const other of at.parentElement.children) {
      if (other === at || other.inert || other.matches("script, style, link, [role=status]")) continue;
      other.inert = true;
      silenced.push(other);
    }
  }
  const { overflow } = document.documentElement.style;
  document.documentElement.style.overflow = "hidden";
  return () => {
    silenced.forEach((other) => (other.inert = false));
    document.documentElement.style.overflow = overflow;
  };
}
