// The chain of models of a service config, as a field of a form: with buttons, by keyboard, or dragged by the mouse.
import { createElement as h, useEffect, useId, useRef, useState } from "react";
import { Link as RouteLink } from "react-router";
import { useField } from "../fields/fields.jsx";
import { moved, parse, rolesAt, withModel, without, withRole } from "./chain-moves.js";

const ROLES = { primary: "Primary", secondary: "Secondary", fallback: "Fallback", backup: "Backup" };
const WHAT = {
  primary: "is asked first",
  secondary: "takes over when the primary is busy or fails",
  fallback: "is asked when those above can’t answer",
  backup: "is the last resort",
};

/**
 * The field `name`: JSON of [[role, model name], …]. `models` are all registered ones: {name, kind, provider, enabled,
 * dev_only}.
 */
export function ChainEditor({ name, label, models = [] }) {
  const field = useField(name);
  const chain = parse(field.value);
  const [said, setSaid] = useState("");
  const [dragged, setDragged] = useState(null);
  const [over, setOver] = useState(null);
  const root = useRef(null);
  const focus = useFocusNext(root, field.value);
  const id = useId();
  const known = Object.fromEntries(models.map((model) => [model.name, model]));
  const change = (next, sentence) => {
    field.change(JSON.stringify(next));
    setSaid(sentence);
  };
  const move = (from, to, button) => {
    if (to < 0 || to >= chain.length || to === from) return;
    const next = moved(chain, from, to);
    const name = chain[from][1];
    change(next, `${name} is now ${placed(to, next)}.`);
    if (button) focus(name, button);
  };
  const remove = (at) => {
    const next = without(chain, at);
    change(next, `${chain[at][1]} removed. ${counted(next.length)} left.`);
    focus(next[Math.min(at, next.length - 1)]?.[1] ?? "", "remove");
  };
  const add = (name) => {
    const next = withModel(chain, name);
    change(next, `${name} added: ${placed(next.findIndex((link) => link[1] === name), next)}.`);
    focus("", "");
  };
  const drop = () => {
    if (dragged !== null && over !== null) move(dragged, over);
    setDragged(null);
    setOver(null);
  };
  const described = [field.error && `${id}-error`, `${id}-hint`].filter(Boolean).join(" ");
  const row = ([role, model], at) =>
    h(Link, {
      key: model,
      role,
      model: known[model] ?? { name: model, provider: "", enabled: true },
      at,
      length: chain.length,
      disabled: field.working,
      mark: over === null || over === at && dragged === at ? "" : over === at ? (dragged < at ? "below" : "above") : "",
      dragged: dragged === at,
      onMove: (to, button) => move(at, to, button),
      onRemove: () => remove(at),
      onRole: (chosen) => change(withRole(chain, at, chosen), `${model} ${WHAT[chosen]}.`),
      onDrag: () => setDragged(at),
      onOver: () => dragged !== null && setOver(at),
      onEnd: drop,
    });
  return h(
    "div",
    {
      className: "field wide chain-field",
      role: "group",
      ref: root,
      tabIndex: -1,
      "aria-labelledby": id,
      "aria-describedby": described,
      "data-invalid": field.error ? true : undefined,
    },
    h("span", { className: "label", id }, label),
    h("span", { className: "hint", id: `${id}-hint` }, "The first model is asked first. When it is busy or fails, the next one answers."),
    field.error && h("span", { className: "err", id: `${id}-error`, role: "alert", tabIndex: -1 }, field.error),
    chain.length > 0 ? h("ol", { className: "chain" }, chain.map(row)) : h("p", { className: "chain-empty" }, "No model yet. Add the one to ask first."),
    h(Adding, { chain, models, known, disabled: field.working, onAdd: add }),
    h("p", { className: "hidden", role: "status" }, said),
  );
}

/** One model of the chain. */
function Link({ role, model, at, length, disabled, mark, dragged, ...acts }) {
  const { onMove, onRemove, onRole, onDrag, onOver, onEnd } = acts;
  const item = useRef(null);
  const roles = rolesAt(at, length);
  const button = (act, label, sign, off, onClick) =>
    h(
      "button",
      {
        type: "button",
        className: "btn icon",
        disabled,
        "aria-disabled": off || undefined,
        "aria-label": `${label} ${model.name}`,
        title: label,
        "data-act": act,
        onClick: off ? undefined : onClick,
      },
      h("span", { "aria-hidden": true }, sign),
    );
  return h(
    "li",
    {
      ref: item,
      "data-model": model.name,
      "data-mark": mark || undefined,
      "data-dragged": dragged || undefined,
      onDragOver: (event) => {
        event.preventDefault();
        onOver();
      },
      onDrop: (event) => event.preventDefault(),
    },
    h(
      "span",
      {
        className: "grip",
        "aria-hidden": true,
        title: "Drag to move",
        draggable: !disabled && length > 1,
        onDragStart: (event) => {
          event.dataTransfer.effectAllowed = "move";
          event.dataTransfer.setData("text/plain", model.name);
          event.dataTransfer.setDragImage(item.current, 16, 16);
          onDrag();
        },
        onDragEnd: onEnd,
      },
      "⠿",
    ),
    h("span", { className: "place", "aria-hidden": true }, at + 1),
    h(
      "span",
      { className: "chain-model" },
      h("span", { className: "title" }, model.name),
      h("span", { className: "meta" }, model.provider),
      !model.enabled && h("span", { className: "pill warn" }, "switched off"),
      model.dev_only && h("span", { className: "pill" }, "for development"),
    ),
    h(
      "span",
      { className: "chain-role" },
      roles.length > 1
        ? h(
            "select",
            { value: role, disabled, "aria-label": `Role of ${model.name}`, onChange: (event) => onRole(event.target.value) },
            roles.map((each) => h("option", { key: each, value: each }, ROLES[each])),
          )
        : h("span", { className: "only-role" }, ROLES[roles[0]]),
      h("span", { className: "meta" }, WHAT[role]),
    ),
    h(
      "span",
      { className: "chain-acts" },
      button("up", "Move up", "↑", at === 0, () => onMove(at - 1, "up")),
      button("down", "Move down", "↓", at === length - 1, () => onMove(at + 1, "down")),
      button("remove", "Remove", "×", false, onRemove),
    ),
  );
}

/** Pick one more model: any of the kind that the chain has. */
function Adding({ chain, models, known, disabled, onAdd }) {
  const [chosen, setChosen] = useState("");
  const id = useId();
  const taken = new Set(chain.map(([, name]) => name));
  const kind = chain.length ? known[chain[0][1]]?.kind : null;
  const free = models.filter((model) => !taken.has(model.name) && (!kind || model.kind === kind));
  if (kind === "embedding") return h("p", { className: "hint" }, "A chain has one embedding model: the vectors of one don’t fit another’s.");
  if (!models.length) return h("p", { className: "hint" }, "No model is registered yet. ", h(RouteLink, { to: "/admin/models" }, "Register one first."));
  if (!free.length) return h("p", { className: "hint" }, "Every registered model that fits is in this chain.");
  const add = () => {
    onAdd(chosen);
    setChosen("");
  };
  const picked = free.some((model) => model.name === chosen) ? chosen : "";
  return h(
    "div",
    { className: "chain-adding" },
    h("label", { htmlFor: id }, "Add a model"),
    h(
      "select",
      { id, value: picked, disabled, onChange: (event) => setChosen(event.target.value) },
      h("option", { value: "" }, "Choose a model…"),
      free.map((model) => h("option", { key: model.name, value: model.name }, described(model))),
    ),
    h("button", { type: "button", className: "btn", disabled: disabled || !picked, onClick: add }, "Add"),
  );
}

/** Give the focus to a button of a model's row, or else to where one adds a model, once the rows have moved. */
function useFocusNext(root, text) {
  const wanted = useRef(null);
  useEffect(() => {
    if (!wanted.current) return;
    const [name, act] = wanted.current;
    wanted.current = null;
    const row = [...root.current.querySelectorAll("[data-model]")].find((each) => each.dataset.model === name);
    const next = row?.querySelector(`[data-act=${act}]`) ?? root.current.querySelector(".chain-adding select");
    (next ?? root.current).focus();
  }, [text]);
  return (name, act) => (wanted.current = [name, act]);
}

function placed(at, chain) {
  return `number ${at + 1} of ${chain.length}, ${ROLES[chain[at][0]].toLowerCase()}`;
}

function counted(length) {
  return length === 1 ? "1 model" : `${length} models`;
}

function described({ name, provider, kind, enabled, dev_only }) {
  const notes = [provider, kind === "embedding" && "embedding", !enabled && "switched off", dev_only && "for development"];
  return `${name} (${notes.filter(Boolean).join(", ")})`;
}
