import { useEffect, useRef, useState } from "react";
import { Turn } from "./turn.js";

/** The turn being followed, kept after its end so that its text stays until the final message is there. */
export function useTurn(turn, messages, onEnd) {
  const [live, setLive] = useState(null);
  const latest = useRef({});
  latest.current = { messages, onEnd };
  const ended = useRef(new Set());
  const id = turn?.id ?? "";
  const answerId = turn?.answer_id ?? "";
  useEffect(() => {
    if (!id || ended.current.has(id)) return undefined;
    const next = new Turn({
      id,
      answerId,
      shown: latest.current.messages.find((message) => message.id === answerId)?.content,
      onEnd: () => {
        ended.current.add(id);
        latest.current.onEnd(id);
      },
    });
    setLive(next);
    next.open();
    return () => next.close();
  }, [id, answerId]);
  return live;
}

/** The answer of the turn may not be among the messages yet; it gets its row, under its id, all the same. */
export function withAnswerOf(turn, messages) {
  if (!turn?.answer_id || messages.some((message) => message.id === turn.answer_id)) return messages;
  return [...messages, { id: turn.answer_id, role: "assistant", content: "", status: "queued" }];
}
