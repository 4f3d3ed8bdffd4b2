import { useEffect, useState } from "react";

const STEP = 8; // messages drawn at once: some 20 ms on a laptop
const PAUSE = 20; // ms between steps, for typing and scrolling

/** A long conversation from its end: the last messages at once, those above them step by step. */
export function useUnfolding(messages) {
  const first = messages[0]?.id;
  const [state, setState] = useState({ first: undefined, hidden: 0 });
  const known = state.first === first ? state : { first, hidden: hiddenOf(messages, state) };
  if (known !== state) setState(known);
  const { hidden } = known;
  useEffect(() => {
    if (!hidden) return undefined;
    const timer = setTimeout(() => setState((now) => ({ ...now, hidden: Math.max(0, now.hidden - STEP) })), PAUSE);
    return () => clearTimeout(timer);
  }, [hidden]);
  return hidden ? messages.slice(hidden) : messages;
}

function hiddenOf(messages, { first, hidden }) {
  const before = first === undefined ? -1 : messages.findIndex((message) => message.id === first);
  return before < 0 ? Math.max(0, messages.length - STEP) : Math.max(0, hidden + before - STEP);
}
