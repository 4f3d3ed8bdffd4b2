import { Fragment, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { Actions, FailureNonce } from "./actions.js";
import { AllowanceAnnouncer, isBlocking, isSpent, useAllowance } from "./allowance.jsx";
import { Announcer } from "./announcer.jsx";
import { useAsked, useFailure, useLatest } from "./asking.js";
import { Composer } from "./composer.jsx";
import { useTurn, withAnswerOf } from "./following.js";
import { Log } from "./log.jsx";
import { Answer, Question } from "./message.jsx";
import { Empty, Skeleton } from "./placeholders.jsx";
import { dayBetween } from "./times.js";
import { useUnfolding } from "./unfold.js";

const RECENT = 2; // messages that are always laid out; the browser skips the others while they are off screen

/** One conversation on screen: what was said, what is being said, and what is being written. */
export function Session(props) {
  const { messages, turn, hasEarlier, loading, failure, disabledReason, notice, placeholder } = props;
  const log = useRef(null);
  const composer = useRef(null);
  const live = useTurn(turn, messages, props.onEnd);
  const ended = useSyncExternalStore(live?.subscribe ?? noSubscription, () => Boolean(live?.ended), () => false);
  const allowance = useAllowance(props.allowance, props.onAllowance);
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
  const idle = !turnId && !asked && !disabledReason && !isSpent(allowance);
  const draftOf = useMemo(
    () => ({ person: props.person, conversation: props.conversation }),
    [props.person, props.conversation],
  );
  const row = (message, last) => {
    if (isQuestion(message)) {
      const saving = asked?.kind === "edit" && asked.id === message.id;
      return (
        <Question
          message={saving ? { ...message, content: asked.text } : message}
          editable={idle && message === lastOwn}
          editing={editing?.id === message.id ? editing.text : null}
        />
      );
    }
    if (message.role !== "assistant") return <p className="stoa-note">{message.content}</p>;
    return (
      <Answer
        message={message}
        live={live?.answerId === message.id ? live : null}
        last={last}
        idle={last && idle}
      />
    );
  };
  const rows = shown.map((message, index) => {
    const day = dayBetween(shown[index - 1]?.at, message.at);
    return (
      <Fragment key={message.id}>
        {day && <p className="stoa-note stoa-day">{day}</p>}
        <div className="stoa-message" data-message={message.id} data-recent={index >= shown.length - RECENT}>
          {row(message, index === shown.length - 1)}
        </div>
      </Fragment>
    );
  });

  return (
    <Actions value={actions}>
      <FailureNonce value={failure?.nonce ?? null}>
        <Log ref={log} first={shown[0]?.id ?? ""} busy={Boolean(turnId)}>
          {hasEarlier && shown[0]?.id === messages[0]?.id && (
            <button
              type="button"
              className="stoa-button stoa-earlier"
              disabled={asked?.kind === "earlier"}
              onClick={actions.earlier}
            >
              Show earlier messages
            </button>
          )}
          {loading && !shown.length ? <Skeleton /> : rows}
          {asked?.kind === "send" && (
            <div className="stoa-message" data-recent>
              <Question message={{ id: "", content: asked.text }} sending />
            </div>
          )}
          {!loading && !shown.length && !asked && <Empty {...props} blocked={isBlocking(allowance)} send={actions.send} />}
        </Log>
        <Announcer live={live} message={messages.find((message) => message.id === live?.answerId)} />
        <AllowanceAnnouncer allowance={allowance} />
        <Composer
          ref={composer}
          turnId={turnId}
          unsent={asked?.kind === "send" ? asked.text : ""}
          sending={Boolean(asked) && asked.kind !== "earlier"}
          disabledReason={disabledReason}
          allowance={allowance}
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
