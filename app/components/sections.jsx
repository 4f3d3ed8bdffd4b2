// Picking a section from a list that the server searches: a combobox, by keyboard, mouse and finger.
import { createElement as h, useEffect, useId, useRef, useState } from "react";

const PAUSE_MS = 200; // after the last key, before the server is asked

/**
 * `found` is the server's last answer: {text, sections: [{id, slug, title, course}], more}. `taken` are the ids of those
 * that can't be picked, and `why` says so. `onSearch` gets what was typed, `onPick` the section. A picker that is there
 * for one choice only takes the focus when it appears (`focused`), and `onLeave` hears of Esc.
 */
export function SectionPicker({ label, found, taken = [], why = "", disabled = false, focused = false, ...acts }) {
  const { onSearch, onPick, onLeave } = acts;
  const [text, setText] = useState("");
  const [open, setOpen] = useState(false);
  const [active, setActive] = useState(0);
  const root = useRef(null);
  const id = useId();
  const known = found?.text === text;
  const sections = open && known ? found.sections : [];
  const blocked = (section) => taken.includes(section.id);
  useEffect(() => {
    if (!open || known) return undefined;
    const timer = setTimeout(() => onSearch(text), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [open, text, known]);
  useEffect(() => setActive(Math.max(0, sections.findIndex((section) => !blocked(section)))), [found, open]);
  useEffect(() => {
    if (focused) root.current.querySelector("input").focus();
  }, []);
  useEffect(() => {
    root.current.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }, [active]);
  const show = () => {
    if (open) return;
    onSearch(text); // what was found the last time may be old
    setOpen(true);
  };
  const pick = (section) => {
    if (!section || blocked(section)) return;
    setOpen(false);
    setText("");
    onPick(section);
  };
  const keys = {
    ArrowDown: () => (open ? setActive(Math.min(active + 1, sections.length - 1)) : show()),
    ArrowUp: () => setActive(Math.max(active - 1, 0)),
    Enter: () => open && pick(sections[active]),
    Escape: () => (open ? setOpen(false) : onLeave()),
  };
  const press = (event) => {
    if (!keys[event.key] || (event.key === "Escape" && !open && !onLeave)) return;
    event.preventDefault();
    event.stopPropagation();
    keys[event.key]();
  };
  const said = !open ? "" : !known ? "Searching…" : counted(sections.length, found.more, text);
  return h(
    "div",
    { className: "section-picker", ref: root, onBlur: (event) => !root.current.contains(event.relatedTarget) && setOpen(false) },
    h("label", { htmlFor: id }, label),
    h("input", {
      id,
      type: "text",
      role: "combobox",
      autoComplete: "off",
      placeholder: "Course, section or address",
      maxLength: 100,
      value: text,
      disabled,
      "aria-expanded": sections.length > 0,
      "aria-controls": `${id}-list`,
      "aria-autocomplete": "list",
      "aria-activedescendant": sections[active] ? `${id}-${active}` : undefined,
      onClick: show,
      onKeyDown: press,
      onChange: (event) => {
        setText(event.target.value);
        setOpen(true);
      },
    }),
    h(
      "div",
      { className: "picker-list", hidden: !open },
      h(
        "ul",
        { role: "listbox", id: `${id}-list`, "aria-label": "Sections", hidden: !sections.length },
        sections.map((section, at) =>
          h(
            "li",
            {
              key: section.id,
              id: `${id}-${at}`,
              role: "option",
              "aria-selected": at === active,
              "aria-disabled": blocked(section) || undefined,
              onPointerDown: (event) => event.preventDefault(), // the focus stays in the field
              onPointerMove: () => setActive(at),
              onClick: () => pick(section),
            },
            h("span", { className: "title" }, section.course, ", ", section.title),
            h("span", { className: "meta" }, section.slug, blocked(section) ? ` · ${why}` : ""),
          ),
        ),
      ),
      h("p", { className: "picker-said", role: "status" }, said),
    ),
  );
}

function counted(length, more, text) {
  if (!length) return text ? `No section matches “${text}”.` : "There is no section yet.";
  if (more) return `The first ${length} are shown. Type more of the name.`;
  return length === 1 ? "1 section" : `${length} sections`;
}
