import { memo, useEffect, useImperativeHandle, useLayoutEffect, useRef, useState } from "react";
import { useActions } from "./actions.js";
import { AllowanceLine, isBlocking, isSpent } from "./allowance.jsx";
import { readDraft, writeDraft } from "./drafts.js";

const LINES = 8; // the box grows to so many, then scrolls
const SAVE_AFTER = 300; // ms without typing

/** Where a message is written. It holds its own text: typing touches nothing else and waits for no one. */
export const Composer = memo(function Composer({ ref, turnId, sending, unsent, disabledReason, allowance, draftOf, alert, ...words }) {
  const { send, stop } = useActions();
  const area = useRef(null);
  const [text, setText] = useDraft(draftOf, unsent);
  useGrowth(area, text);
  useSlashKey(area);
  useImperativeHandle(ref, () => ({
    focus: () => area.current.focus(),
    giveBack: (back) => setText((now) => (now.trim() ? `${back}\n\n${now}` : back)),
  }));

  const ready = text.trim() !== "" && !sending && !turnId && !disabledReason && !isBlocking(allowance);
  const submit = () => {
    area.current.focus();
    if (!ready) return;
    send(text);
    setText("");
  };
  const keys = (event) => {
    if (event.nativeEvent.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      submit();
    } else if (event.key === "Escape" && turnId) {
      event.stopPropagation();
      stop(turnId);
    }
  };
  const describedBy = disabledReason ? "stoa-disabled-reason" : allowance.text ? "stoa-allowance" : undefined;

  return (
    <form
      className="stoa-composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      {alert && (
        <p className="stoa-alert" role="alert">
          {alert}
        </p>
      )}
      {disabledReason && (
        <p className="stoa-disabled" id="stoa-disabled-reason">
          {disabledReason}
        </p>
      )}
      <AllowanceLine allowance={allowance} id="stoa-allowance" />
      <div className="stoa-box" data-disabled={Boolean(disabledReason) || isSpent(allowance)}>
        <textarea
          ref={area}
          rows={1}
          aria-label="Message"
          aria-describedby={describedBy}
          enterKeyHint="send"
          placeholder={words.placeholder}
          disabled={Boolean(disabledReason)}
          readOnly={isSpent(allowance)}
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={keys}
        />
        {turnId ? (
          <StopButton key={turnId} turnId={turnId} />
        ) : (
          <button type="submit" className="stoa-button stoa-primary" disabled={!ready}>
            Send
          </button>
        )}
      </div>
      <div className="stoa-hint">
        <span className="stoa-keys">{turnId ? "Esc stops" : <SendKeys />}</span>
        {words.notice && <span className="stoa-notice">{words.notice}</span>}
      </div>
    </form>
  );
});

function SendKeys() {
  return (
    <>
      <span className="stoa-obvious">Enter sends · </span>Shift Enter new line
    </>
  );
}

function StopButton({ turnId }) {
  const { stop } = useActions();
  const [asked, setAsked] = useState(false);
  const press = (event) => {
    if (event.detail > 1) return; // the second click of a double click on Send, which stood here
    setAsked(true);
    stop(turnId);
  };
  return (
    <button type="button" className="stoa-button stoa-primary" disabled={asked} onClick={press}>
      {asked ? "Stopping…" : "Stop"}
    </button>
  );
}

/** Text that survives a reload. It is read after the first render: the server has no drafts to render. */
function useDraft({ person, conversation }, unsent) {
  const [text, setText] = useState("");
  const place = useRef(null); // where the draft is kept; null until the person is known
  const latest = useRef(text);
  latest.current = text || unsent;

  useEffect(() => {
    if (!person) return;
    if (place.current) writeDraft(...place.current, ""); // a new conversation got its id: the draft moves with it
    else setText((now) => now || readDraft(person, conversation));
    place.current = [person, conversation];
  }, [person, conversation]);

  useEffect(() => {
    const save = () => place.current && writeDraft(...place.current, latest.current);
    const timer = setTimeout(save, text ? SAVE_AFTER : 0);
    window.addEventListener("pagehide", save);
    return () => {
      clearTimeout(timer);
      window.removeEventListener("pagehide", save);
    };
  }, [text, unsent, conversation]);

  useEffect(() => () => void (place.current && writeDraft(...place.current, latest.current)), []);
  return [text, setText];
}

/** The box as high as its text. New browsers do it themselves (`field-sizing` in the style sheet). */
function useGrowth(area, text) {
  useLayoutEffect(() => {
    if (CSS.supports("field-sizing", "content")) return;
    const box = area.current;
    box.style.height = "auto";
    const line = parseFloat(getComputedStyle(box).lineHeight);
    box.style.height = `${Math.min(box.scrollHeight, line * LINES)}px`;
  }, [area, text]);
}

/** `/` goes to the composer from anywhere that isn't itself for typing. */
function useSlashKey(area) {
  useEffect(() => {
    const pressed = (event) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      if (event.target.closest?.("input, textarea, select, [contenteditable]:not([contenteditable=false])")) return;
      if (area.current.disabled || !area.current.checkVisibility?.()) return;
      event.preventDefault();
      area.current.focus();
    };
    window.addEventListener("keydown", pressed);
    return () => window.removeEventListener("keydown", pressed);
  }, [area]);
}
