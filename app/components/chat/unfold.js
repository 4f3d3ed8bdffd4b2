import { useEffect, useRef, useState } from "react";

const FIRST = 8; // messages drawn at once: more than a screen
const FEWEST = 4; // each step costs a look at every row
const MOST = 16;
const STEP = 30; // ms a step should take, so that typing and scrolling fit in between
const PAUSE = 20; // ms between steps

/** A long conversation from its end: the last messages at once, the others in steps that suit the machine. */
export function useUnfolding(messages) {
  const first = messages[0]?.id;
  const [state, setState] = useState({ first: undefined, hidden: 0 });
  const known = state.first === first ? state : { first, hidden: hiddenOf(messages, state) };
  if (known !== state) setState(known);
  const { hidden } = known;
  const step = useRef({ size: FIRST, began: 0 });
  useEffect(() => {
    if (!hidden) return undefined;
    const { size, began } = step.current;
    const fitting = began ? (size * STEP) / (performance.now() - began) : size;
    step.current.size = Math.min(MOST, Math.max(FEWEST, Math.round(fitting)));
    const timer = setTimeout(() => {
      step.current.began = performance.now();
      setState((now) => ({ ...now, hidden: Math.max(0, now.hidden - step.current.size) }));
    }, PAUSE);
    return () => clearTimeout(timer);
  }, [hidden]);
  return hidden ? messages.slice(hidden) : messages;
}

function hiddenOf(messages, { first, hidden }) {
  const before = first === undefined ? -1 : messages.findIndex((message) => message.id === first);
  return before < 0 ? Math.max(0, messages.length - FIRST) : Math.max(0, hidden + before - FIRST);
}
