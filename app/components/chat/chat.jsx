import { useEffect, useRef, useState } from "react";
import { clearDrafts } from "./drafts.js";
import { Session } from "./session.jsx";

const nothing = () => {};

/** The tutor's panel. Its props are described in `__init__.py`; what they mean to each other, in `session.jsx`. */
export function Chat({ className = "", id, ...given }) {
  const props = {
    allowance: given.allowance ?? null,
    conversation: given.conversation ?? "",
    disabledReason: given.disabledReason ?? "",
    emptyHint: given.emptyHint ?? "",
    emptyTitle: given.emptyTitle ?? "",
    failure: given.failure ?? null,
    hasEarlier: given.hasEarlier ?? false,
    loading: given.loading ?? false,
    messages: given.messages ?? [],
    notice: given.notice ?? "",
    onAllowance: given.onAllowance ?? nothing,
    onEarlier: given.onEarlier ?? nothing,
    onEdit: given.onEdit ?? nothing,
    onEnd: given.onEnd ?? nothing,
    onRate: given.onRate ?? nothing,
    onRegenerate: given.onRegenerate ?? nothing,
    onRetry: given.onRetry ?? nothing,
    onSend: given.onSend ?? nothing,
    onStop: given.onStop ?? nothing,
    person: given.person ?? "",
    placeholder: given.placeholder || "Ask the tutor",
    suggestions: given.suggestions ?? [],
    turn: given.turn ?? null,
  };
  const { key, started } = useSession(props.person, props.conversation);
  useForgottenDrafts(props.person);
  const send = (text) => {
    started.current = true;
    props.onSend(text);
  };
  return (
    <div className={`stoa-chat ${className}`.trim()} id={id}>
      <Session key={key} {...props} onSend={send} />
    </div>
  );
}

/** A new key for another conversation or person, but not when a first message gives its conversation an id. */
function useSession(person, conversation) {
  const started = useRef(false);
  const [session, setSession] = useState({ person, conversation, key: 0 });
  if (session.person !== person || session.conversation !== conversation) {
    const named = session.person === person && session.conversation === "" && started.current;
    const arrived = session.person === "" && session.conversation === conversation;
    started.current = false;
    setSession({ person, conversation, key: named || arrived ? session.key : session.key + 1 });
  }
  return { key: session.key, started };
}

/** Drafts outlive a conversation but not a change of person. */
function useForgottenDrafts(person) {
  useEffect(() => {
    if (person) clearDrafts(person);
  }, [person]);
}
