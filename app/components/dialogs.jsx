// Questions that have to be answered before anything else: the browser's own modal dialog, with its focus and its Esc.
import { createElement as h, useEffect, useId, useRef, useState } from "react";

/** A modal dialog. Esc tells `onClose`; the buttons are among the children, and `data-first` has the focus. */
export function Dialog({ open, title, onClose, children }) {
  const dialog = useRef(null);
  const heading = useId();
  useEffect(() => {
    if (open && !dialog.current.open) {
      dialog.current.showModal();
      dialog.current.querySelector("[data-first]")?.focus();
    }
    if (!open && dialog.current.open) dialog.current.close();
  }, [open]);
  const cancel = (event) => {
    event.preventDefault();
    onClose();
  };
  return h(
    "dialog",
    { ref: dialog, className: "dialog", "aria-labelledby": heading, onCancel: cancel },
    h("h2", { id: heading }, title),
    open && children,
  );
}

/** A yes-or-no question. What can't be undone isn't what Enter does: the focus is on `no`. */
export function Question({ open, title, text, yes, no, look = "primary", onYes, onNo }) {
  return h(
    Dialog,
    { open, title, onClose: onNo },
    text && h("p", null, text),
    h(
      "div",
      { className: "buttons" },
      h("button", { type: "button", className: `btn ${look}`, onClick: onYes }, yes),
      h("button", { type: "button", className: "btn", onClick: onNo, "data-first": true }, no),
    ),
  );
}

/** A button that asks before it does what it says. */
export function Confirm({ label, name, title, text, yes, look = "danger", disabled = false, onConfirm }) {
  const [asking, setAsking] = useState(false);
  const confirm = () => {
    setAsking(false);
    onConfirm();
  };
  return h(
    "span",
    { className: "confirm" },
    h(
      "button",
      { type: "button", className: `btn ${look}`, disabled, "aria-label": name || undefined, onClick: () => setAsking(true) },
      label,
    ),
    h(Question, { open: asking, title, text, yes, no: "Cancel", look, onYes: confirm, onNo: () => setAsking(false) }),
  );
}
