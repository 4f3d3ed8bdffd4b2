import { Fragment, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { Actions, FailureNonce } from "./actions.js";
import { Announcer } from "./announcer.jsx";
import { Composer } from "./composer.jsx";
import { Log } from "./log.jsx";
import { Answer, Question } from "./message.jsx";
import { dayBetween } from "./times.js";
import { Turn } from "./turn.js";
import { useUnfolding } from "./unfold.js";

const RECENT = 2; // messages that are always laid out; the browser skips the others while they are off screen

/** One conversation on screen: what was said, what is being said, and what is being written. */
export function Session(props) {
  const { messages, turn, hasEarlier, loading, failure, disabledReason, notice, placeholder } = props;
  const log = useRef(null);
  const composer = useRef(null);
  const live = useTurn(turn, messages, props.onEnd);
  const ended = useSyncExternalStore(live?.subscribe ?? noSubscription, () => Boolean(live?.ended), () => false);
  const turnId = turn?.id && !(ended && live.id === turn.id) ? turn.id : "";

  const lastOwn = messages.findLast(isQuestion);
  const [asked, setAsked] = useAsked({
    turn: turn?.id,
    own: lastOwn?.id,
    last: messages.at(-1)?.id,
    first: hasEarlier && messages[0]?.id,
  });
  const [editing, setEditing] = useState(null);
  const alert = useFailure(failure, () => {
    if (asked?.kind === "send") composer.current.giveBack(asked.text);
    if (asked?.kind === "edit") setEditing({ id: asked.id, text: asked.text });
    setAsked(null);
  });

  const actions = useLatest({
    send(text) {
      setAsked({ kind: "send", text });
      alert.clear();
      props.onSend(text);
      log.current.toEnd();
    },
    stop: (id) => props.onStop(id),
    regenerate(id) {
      setAsked({ kind: "regenerate", id });
      props.onRegenerate(id);
      composer.current.focus();
    },
    retry(id) {
      setAsked({ kind: "retry", id });
      props.onRetry(id);
      composer.current.focus();
    },
    rate: (id, rating, reason) => props.onRate(id, rating, reason),
    startEdit: (id, text) => setEditing({ id, text }),
    cancelEdit() {
      setEditing(null);
      composer.current.focus();
    },
    saveEdit(id, text) {
      setEditing(null);
      setAsked({ kind: "edit", id, text });
      alert.clear();
      props.onEdit(id, text);
      composer.current.focus();
    },
    takeBack() {
      composer.current.giveBack(asked.text);
      setAsked(null);
    },
    earlier() {
      setAsked({ kind: "earlier" });
      props.onEarlier();
    },
  });

  const shown = withAnswerOf(turn, useUnfolding(messages));
  const idle = !turnId && !asked && !disabledReason;
  const draftOf = useMemo(
    () => ({ person: props.person, conversation: props.conversation }),
    [props.person, props.conversation],
  );
  const rows = shown.map((message, index) => {
    const recent = index >= shown.length - RECENT;
    const day = dayBetween(shown[index - 1]?.at, message.at);
    const last = index === shown.length - 1;
    return (
      <Fragment key={message.id}>
        {day && <p className="stoa-note stoa-day">{day}</p>}
        <div className="stoa-message" data-message={message.id} data-recent={recent}>
          {message.role !== "user" && message.role !== "assistant" ? (
            <p className="stoa-note">{message.content}</p>
          ) : isQuestion(message) ? (
            <Question
              message={asked?.kind === "edit" && asked.id === message.id ? { ...message, content: asked.text } : message}
              editable={idle && message === lastOwn}
              editing={editing?.id === message.id ? editing.text : null}
            />
          ) : (
            <Answer message={message} live={live?.answerId === message.id ? live : null} last={last} idle={last && idle} />
          )}
        </div>
      </Fragment>
    );
  });

  return (
    <Actions value={actions}>
      <FailureNonce value={failure?.nonce ?? null}>
        <Log ref={log} first={shown[0]?.id ?? ""} busy={Boolean(turnId)}>
          {hasEarlier && shown[0]?.id === messages[0]?.id && (
            <button type="button" className="stoa-button stoa-earlier" disabled={asked?.kind === "earlier"}
              onClick={actions.earlier}>
              Show earlier messages
            </button>
          )}
          {loading && !shown.length ? <Skeleton /> : rows}
          {asked?.kind === "send" && (
            <div className="stoa-message" data-recent>
              <Question message={{ id: "", content: asked.text }} sending />
            </div>
          )}
          {!loading && !shown.length && !asked && <Empty {...props} send={actions.send} />}
        </Log>
        <Announcer live={live} message={messages.find((message) => message.id === live?.answerId)} />
        <Composer
          ref={composer}
          turnId={turnId}
          sending={Boolean(asked) && asked.kind !== "earlier"}
          disabledReason={disabledReason}
          notice={notice}
          placeholder={placeholder}
          alert={alert.message}
          draftOf={draftOf}
        />
      </FailureNonce>
    </Actions>
  );
}

const noSubscription = () => () => {};
const isQuestion = (message) => message.role === "user";

/** The answer of the turn may not be among the messages yet; it gets its row, under its id, all the same. */
function withAnswerOf(turn, messages) {
  if (!turn?.answer_id || messages.some((message) => message.id === turn.answer_id)) return messages;
  return [...messages, { id: turn.answer_id, role: "assistant", content: "", status: "queued" }];
}

/** The turn being followed, kept after its end so that its text stays until the final message is there. */
function useTurn(turn, messages, onEnd) {
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

/** What was asked of the server and isn't answered yet; it is when the turn or the messages have moved on. */
function useAsked(now) {
  const [asked, setAsked] = useState(null);
  const done = asked && isDone(asked, asked.when, now);
  if (done) setAsked(null);
  return [done ? null : asked, (what) => setAsked(what && { ...what, when: now })];
}

function isDone({ kind }, before, now) {
  if (kind === "send") return now.own !== before.own;
  if (kind === "earlier") return now.first !== before.first;
  return (now.turn && now.turn !== before.turn) || now.last !== before.last;
}

/** The last failure in words. One that was there before this session began is old news. */
function useFailure(failure, takeBack) {
  const [seen, setSeen] = useState(failure?.nonce ?? null);
  const [message, setMessage] = useState("");
  const nonce = failure?.nonce ?? null;
  useEffect(() => {
    if (nonce === null || nonce === seen) return;
    setSeen(nonce);
    setMessage(failure.message);
    takeBack();
  });
  return { message, clear: () => setMessage("") };
}

/** The same functions for ever, which call the latest ones. */
function useLatest(functions) {
  const latest = useRef(functions);
  latest.current = functions;
  return useMemo(
    () =>
      Object.fromEntries(Object.keys(latest.current).map((name) => [name, (...args) => latest.current[name](...args)])),
    [],
  );
}

function Skeleton() {
  return (
    <div className="stoa-skeleton" aria-busy="true">
      <span className="stoa-sr">Loading the conversation</span>
      <i />
      <i />
      <i />
      <i />
    </div>
  );
}

function Empty({ emptyTitle, emptyHint, suggestions, disabledReason, send }) {
  return (
    <div className="stoa-empty">
      {emptyTitle && <p className="stoa-empty-title">{emptyTitle}</p>}
      {emptyHint && <p className="stoa-empty-hint">{emptyHint}</p>}
      {suggestions.length > 0 && !disabledReason && (
        <div className="stoa-chips">
          {suggestions.map((suggestion) => (
            <button key={suggestion} type="button" className="stoa-chip" onClick={() => send(suggestion)}>
              {suggestion}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
