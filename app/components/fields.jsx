// The administrators' forms. What is typed stays here, in the browser, until it is saved or tested: the server gives
// the values to begin with and the sentences that say what is wrong.
import {
  Children,
  createContext,
  createElement as h,
  useContext,
  useEffect,
  useId,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import { useBlocker, useLocation } from "react-router";
import { Question } from "../dialogs/dialogs.jsx";

const FormContext = createContext(null);
const NOTHING = {};
const WHOLE = "form"; // the error that belongs to no field
const CONFLICT = "conflict"; // somebody else saved in the meantime

/**
 * A form. `values` and `errors` are {field: text}; `subject` names what the form is about, `stored` is a new word
 * whenever what was typed has been saved or given up. Both discard what was typed; nothing else does.
 */
export function Form({ values, errors = NOTHING, busy = false, subject = "", stored = "", name = "", ...rest }) {
  const { onSave, onReload, children } = rest;
  const draft = useDraft(values, subject, stored);
  const [sent, setSent] = useState(false); // until the server says `busy`
  const form = useRef(null);
  const working = busy || sent;
  useEffect(() => setSent(false), [busy, errors, stored]);
  const toBeFocused = useFocusAfter(form, working, errors);
  const faults = useFaults(errors, draft.current);
  const context = { ...draft, errors: faults, working, onReload };
  const save = (event) => {
    event.preventDefault();
    if (working || !draft.dirty) return;
    toBeFocused();
    setSent(true);
    onSave(draft.current);
  };
  return h(
    FormContext.Provider,
    { value: context },
    h(
      "form",
      { className: "fields", ref: form, onSubmit: save, noValidate: true, "aria-label": name || undefined, "aria-busy": working },
      children,
    ),
    h(Leaving, { dirty: draft.dirty, working }),
  );
}

/** Save, disabled until something changed, and what stands beside it; above it what is wrong with the whole form. */
export function SaveBar({ label = "Save", busyLabel = "Saving…", children }) {
  const { dirty, working, errors, onReload } = useContext(FormContext);
  const newest = "Drop my changes and show the newest";
  return h(
    "div",
    { className: "save-bar" },
    errors[WHOLE] && h("p", { className: "alert", role: "alert", tabIndex: -1 }, errors[WHOLE]),
    errors[CONFLICT] &&
      h(
        "div",
        { className: "alert", role: "alert", tabIndex: -1 },
        h("p", null, errors[CONFLICT]),
        h("button", { type: "button", className: "btn", disabled: working, onClick: onReload }, newest),
      ),
    h("button", { type: "submit", className: "btn primary", disabled: working || !dirty }, working ? busyLabel : label),
    children,
    h("span", { className: "meta", role: "status" }, dirty && !working ? "Unsaved changes" : ""),
  );
}

/** A button that sends the form's values as they stand, saved or not. */
export function SendButton({ label, busyLabel, busy = false, look = "", onSend }) {
  const { current, working } = useContext(FormContext);
  return h(
    "button",
    { type: "button", className: `btn ${look}`.trim(), disabled: busy || working, onClick: () => onSend(current) },
    busy ? busyLabel || label : label,
  );
}

/** One labelled control. `kind`: text, number, date, moment, area, select, check. `options`: [value, label] of a select. */
export function Field({ name, kind = "text", label, hint, unit, placeholder, required = false, options = [], wide = false }) {
  const field = useField(name);
  const { control, hintId, errorId } = useWiring(field, hint);
  const common = { ...control, name, disabled: field.working, "aria-required": required || undefined };
  const typed = (event) => field.change(event.target.value);
  if (kind === "check") {
    const ticked = (event) => field.change(event.target.checked ? "true" : "false");
    const box = h("input", { ...common, type: "checkbox", checked: field.value === "true", onChange: ticked });
    return h(
      "div",
      { className: "field check" },
      h("label", { htmlFor: control.id }, box, label),
      h(Below, { hint, hintId, error: field.error, errorId }),
    );
  }
  return h(
    "div",
    { className: wide || kind === "area" ? "field wide" : "field" },
    h("label", { htmlFor: control.id }, label, unit && h("span", { className: "unit" }, ` ${unit}`)),
    drawn(kind, { ...common, value: field.value, placeholder, onChange: typed, options }),
    h(Below, { hint, hintId, error: field.error, errorId }),
  );
}

/**
 * A secret that is never shown. `held` says what is stored ("set, ends in …1234"), empty when nothing is. Beside
 * `name` it sets `name`_change: keep, replace or clear.
 */
export function SecretField({ name, label, held = "", hint, placeholder }) {
  const field = useField(name);
  const change = useField(`${name}_change`);
  const { control, hintId, errorId } = useWiring(field, hint);
  const kept = held !== "" && (change.value || "keep") === "keep" && !field.error;
  const cleared = held !== "" && change.value === "clear";
  const set = (text, intent) => {
    field.change(text);
    change.change(intent);
  };
  const button = (text, intent) =>
    h("button", { type: "button", className: "btn", disabled: field.working, onClick: () => set("", intent) }, text);
  const typed = (event) => set(event.target.value, held !== "" || event.target.value ? "replace" : "keep");
  const below = h(Below, { hint, hintId, error: field.error, errorId });
  if (kept || cleared) {
    return h(
      "div",
      { className: "field wide", role: "group", "aria-label": label },
      h("span", { className: "label" }, label),
      h(
        "div",
        { className: "secret" },
        h("span", null, cleared ? "Will be removed when you save" : held),
        kept && button("Replace", "replace"),
        kept && button("Clear", "clear"),
        cleared && button("Keep it", "keep"),
      ),
      below,
    );
  }
  return h(
    "div",
    { className: "field wide" },
    h("label", { htmlFor: control.id }, label),
    h(
      "div",
      { className: "secret" },
      h("input", {
        ...control,
        name,
        type: "password",
        autoComplete: "new-password",
        spellCheck: false,
        placeholder,
        value: field.value,
        disabled: field.working,
        onChange: typed,
      }),
      held !== "" && button("Keep the stored one", "keep"),
    ),
    below,
  );
}

/** Its children, while the field `name` holds one of `values`. */
export function Shown({ name, values, children }) {
  const { value } = useField(name);
  return values.includes(value) ? children : null;
}

/** What a button brought forth: it comes into view, unless the person went on to something else. */
export function Revealed({ nonce, children }) {
  const place = useRef(null);
  useEffect(() => {
    const idle = document.activeElement === document.body || document.activeElement?.tagName === "BUTTON";
    if (nonce && idle) place.current.scrollIntoView({ block: "nearest" });
  }, [nonce]);
  return h("div", { ref: place, className: "revealed", role: "status" }, children);
}

/** The last child at the address `at`, the one before it elsewhere: until what a link asked for has come. */
export function Arrived({ at, children }) {
  const { pathname } = useLocation();
  const [waiting, content] = Children.toArray(children);
  return pathname === at ? content : waiting;
}

/** What other React pieces inside a form need to be a field of it. */
export function useField(name) {
  const { current, errors, working, change } = useContext(FormContext);
  return { value: current[name] ?? "", error: errors[name] ?? "", working, change: (text) => change(name, text) };
}

function Below({ hint, hintId, error, errorId }) {
  return [
    error && h("span", { className: "err", id: errorId, key: "error" }, error),
    hint && h("span", { className: "hint", id: hintId, key: "hint" }, hint),
  ];
}

function drawn(kind, { options, ...control }) {
  if (kind === "area") return h("textarea", { ...control, rows: 4 });
  if (kind === "date") return h("input", { ...control, type: "date" });
  if (kind === "moment") return h("input", { ...control, type: "datetime-local" });
  if (kind !== "select") {
    return h("input", { ...control, type: "text", inputMode: kind === "number" ? "decimal" : undefined, autoComplete: "off" });
  }
  const { placeholder, ...select } = control;
  const shown = placeholder ? [["", placeholder], ...options] : options;
  return h("select", select, ...shown.map(([value, label]) => h("option", { value, key: value }, label)));
}

function useWiring(field, hint) {
  const id = useId();
  const hintId = `${id}-hint`;
  const errorId = `${id}-error`;
  const described = [field.error && errorId, hint && hintId].filter(Boolean).join(" ");
  const control = { id, "aria-invalid": field.error ? true : undefined, "aria-describedby": described || undefined };
  return { control, hintId, errorId };
}

/** What was typed over what is stored. */
function useDraft(values, subject, stored) {
  const fresh = { base: values, edits: NOTHING, subject, stored };
  const [held, setDraft] = useState(fresh);
  let draft = held;
  const discarded = held.subject !== subject || (stored && held.stored !== stored);
  if (discarded || (!isDirty(held) && !sameTexts(held.base, values))) {
    draft = fresh;
    setDraft(fresh);
  }
  const current = useMemo(() => ({ ...draft.base, ...draft.edits }), [draft]);
  const change = (name, text) => setDraft((before) => ({ ...before, edits: { ...before.edits, [name]: text } }));
  return { current, change, dirty: isDirty(draft) };
}

function isDirty({ base, edits }) {
  return Object.entries(edits).some(([name, text]) => text !== (base[name] ?? ""));
}

function sameTexts(one, other) {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].every((name) => one[name] === other[name]);
}

/** The errors, without those of fields that were changed since they were told. */
function useFaults(errors, current) {
  const told = useRef({ errors: null, current: null });
  if (told.current.errors !== errors) told.current = { errors, current };
  const then = told.current.current;
  return useMemo(() => {
    const standing = Object.entries(errors).filter(([name]) => (then[name] ?? "") === (current[name] ?? ""));
    return Object.fromEntries(standing);
  }, [errors, then, current]);
}

/** Once the server has answered: to the first thing that is wrong, else back to where the person was. */
function useFocusAfter(form, working, errors) {
  const before = useRef(null);
  useEffect(() => {
    if (working || before.current === null) return;
    const wrong = form.current.querySelector("[aria-invalid=true], [role=alert]");
    const back = before.current.disabled ? null : before.current;
    before.current = null;
    if (wrong) wrong.focus();
    else if (document.activeElement === document.body) back?.focus();
  }, [working, errors]);
  return () => (before.current = document.activeElement);
}

/** Nobody leaves by accident what isn't saved: neither by a link nor by closing the tab. */
function Leaving({ dirty, working }) {
  const unsaved = useRef(false);
  unsaved.current = dirty && !working; // what follows a save is meant
  const asks = useSyncExternalStore(forms.subscribe, () => forms.all[0] === unsaved, () => false);
  useEffect(() => forms.join(unsaved), []);
  useEffect(() => {
    if (!dirty) return undefined;
    const warn = (event) => event.preventDefault();
    window.addEventListener("beforeunload", warn);
    return () => window.removeEventListener("beforeunload", warn);
  }, [dirty]);
  return asks && h(Leave);
}

function Leave() {
  const blocker = useBlocker(
    ({ currentLocation, nextLocation }) =>
      currentLocation.pathname !== nextLocation.pathname && forms.all.some((unsaved) => unsaved.current),
  );
  return h(Question, {
    open: blocker.state === "blocked",
    title: "Leave without saving?",
    text: "What you changed here isn’t saved yet.",
    yes: "Leave",
    no: "Stay",
    look: "danger",
    onYes: () => blocker.proceed(),
    onNo: () => blocker.reset(),
  });
}

/** The forms on the page. The router can be stopped in one place at a time: the first form asks for all of them. */
const forms = {
  all: [],
  listeners: new Set(),
  change(all) {
    forms.all = all;
    forms.listeners.forEach((listener) => listener());
  },
  join(unsaved) {
    forms.change([...forms.all, unsaved]);
    return () => forms.change(forms.all.filter((other) => other !== unsaved));
  },
  subscribe(listener) {
    forms.listeners.add(listener);
    return () => forms.listeners.delete(listener);
  },
};
