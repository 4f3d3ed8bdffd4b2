import { memo, useLayoutEffect, useRef, useState, useSyncExternalStore } from "react";
import { useActions } from "./actions.js";
import { CopyButton } from "./copy-button.jsx";
import { Prose } from "./prose.jsx";
import { RatingButtons, ReasonForm, useRating } from "./rating.jsx";
import { timeOf } from "./times.js";
import { NOTHING } from "./turn.js";

const RUNNING = new Set(["queued", "streaming"]);
const SHOWN = ["id", "content", "status", "error", "model", "rating", "reason", "at"];

/** A message object is new with every load of state; its row is drawn again only when something it shows differs. */
function sameRow(before, after) {
  const { message: old, ...oldRest } = before;
  const { message, ...rest } = after;
  return (
    SHOWN.every((name) => old[name] === message[name]) &&
    Object.keys({ ...oldRest, ...rest }).every((name) => oldRest[name] === rest[name])
  );
}

/** What the person wrote. `sending`: the server hasn't said yes yet; `editing`: the text to edit, or null. */
export const Question = memo(function Question({ message, editable, editing = null, sending = false }) {
  const { startEdit } = useActions();
  return (
    <article className="stoa-row stoa-question" data-sending={sending}>
      <h3 className="stoa-sr">You</h3>
      {editing === null ? (
        <>
          <div className="stoa-bubble">{message.content}</div>
          {sending ? (
            <SlowSend />
          ) : (
            <div className="stoa-actions">
              {editable && (
                <button type="button" className="stoa-action" onClick={() => startEdit(message.id, message.content)}>
                  Edit
                </button>
              )}
              <CopyButton text={() => message.content} />
              <When at={message.at} />
            </div>
          )}
        </>
      ) : (
        <EditForm id={message.id} text={editing} />
      )}
    </article>
  );
}, sameRow);

const SLOW = 10_000; // ms

function SlowSend() {
  const { takeBack } = useActions();
  const [slow, setSlow] = useState(false);
  useLayoutEffect(() => {
    const timer = setTimeout(() => setSlow(true), SLOW);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div className="stoa-actions" data-always>
      <span className="stoa-meta">{slow ? "Not sent yet." : "Sending…"}</span>
      {slow && (
        <button type="button" className="stoa-action" onClick={takeBack}>
          Take it back
        </button>
      )}
    </div>
  );
}

function EditForm({ id, text: initial }) {
  const { saveEdit, cancelEdit } = useActions();
  const [text, setText] = useState(initial);
  const area = useRef(null);
  useLayoutEffect(() => {
    area.current.focus();
    area.current.setSelectionRange(initial.length, initial.length);
  }, [initial]);
  const ready = text.trim() !== "" && text !== initial;
  const save = () => ready && saveEdit(id, text);
  const keys = (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      cancelEdit();
    } else if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing && event.keyCode !== 229) {
      event.preventDefault();
      save();
    }
  };
  return (
    <form
      className="stoa-edit"
      onSubmit={(event) => {
        event.preventDefault();
        save();
      }}
    >
      <textarea
        ref={area}
        className="stoa-input"
        aria-label="Edit your message"
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={keys}
      />
      <div className="stoa-buttons">
        <button type="submit" className="stoa-button stoa-primary" disabled={!ready}>
          Save &amp; send
        </button>
        <button type="button" className="stoa-button" onClick={cancelEdit}>
          Cancel
        </button>
      </div>
    </form>
  );
}

const noSubscription = () => () => {};
const nothing = () => NOTHING;

/**
 * The tutor's answer, while it comes (`live` is its turn) and after: one component under one key throughout, so the
 * blocks drawn while streaming stay as they are when the final message arrives.
 */
export const Answer = memo(function Answer({ message, live, last, idle }) {
  const started = performance.now();
  const now = useSyncExternalStore(live?.subscribe ?? noSubscription, live ? () => live.snapshot : nothing, nothing);
  useLayoutEffect(() => {
    if (live) live.cost = performance.now() - started;
  });
  const settled = !RUNNING.has(message.status);
  const text = settled || !live ? message.content : now.text;
  const status = settled ? message.status : now.status || message.status;
  const running = RUNNING.has(status) || (!settled && status === "gone");
  const error = settled ? message.error : now.error;
  return (
    <article className="stoa-row stoa-answer" aria-busy={running}>
      <h3 className="stoa-sr">Tutor</h3>
      {now.note && <p className="stoa-note">{now.note}</p>}
      {text && <Prose text={text} open={running} className={running ? "stoa-open" : ""} />}
      {running && now.working && <p className="stoa-note">{now.working}…</p>}
      {running && (!text || now.working) && <Thinking />}
      {running && now.lost && <p className="stoa-note">Connection lost, retrying…</p>}
      {!running && <Outcome status={status} error={error} id={message.id} retry={last && idle} />}
      {running ? (
        <div className="stoa-actions" />
      ) : (
        <AnswerActions
          message={message}
          text={text}
          status={status}
          model={message.model || now.model}
          again={last && idle}
        />
      )}
    </article>
  );
}, sameRow);

function Thinking() {
  return (
    <p className="stoa-thinking">
      <span className="stoa-sr">Thinking</span>
      <i />
      <i />
      <i />
    </p>
  );
}

/** How an answer ended, when it didn't simply finish. */
function Outcome({ status, error, id, retry }) {
  const { retry: again } = useActions();
  if (status === "stopped") return <p className="stoa-ending">Stopped</p>;
  if (status !== "interrupted" && status !== "failed") return null;
  const said =
    status === "interrupted" ? "The answer was interrupted." : error || "The tutor couldn't answer. Please try again.";
  return (
    <div className={`stoa-outcome stoa-${status}`}>
      <p>{said}</p>
      {retry && (
        <button type="button" className="stoa-button" onClick={() => again(id)}>
          Retry
        </button>
      )}
    </div>
  );
}

function AnswerActions({ message, text, status, model, again }) {
  const { regenerate } = useActions();
  const rating = useRating(message);
  if (!text) return <div className="stoa-actions" />;
  const rateable = status === "finished" || status === "stopped";
  return (
    <>
      <div className="stoa-actions" data-always={rating.rating !== 0 || undefined}>
        <CopyButton text={() => text} />
        {again && rateable && (
          <button type="button" className="stoa-action" onClick={() => regenerate(message.id)}>
            Regenerate
          </button>
        )}
        {rateable && <RatingButtons {...rating} />}
        {model && (
          <span className="stoa-meta" title={`Answered by ${model}`}>
            {model}
          </span>
        )}
      </div>
      {rating.asking && (
        <ReasonForm reason={message.reason} onSend={(reason) => rating.give(-1, reason)} onSkip={rating.skip} />
      )}
    </>
  );
}

function When({ at }) {
  const time = timeOf(at);
  return time ? (
    <time className="stoa-meta" dateTime={new Date(at).toISOString()}>
      {time}
    </time>
  ) : null;
}
