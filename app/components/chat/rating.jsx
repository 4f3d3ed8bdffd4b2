import { useContext, useEffect, useId, useRef, useState } from "react";
import { FailureNonce, useActions } from "./actions.js";

const REASONS = ["Wrong", "Confusing", "Too long", "Gave it away"];
const REASON_LENGTH = 500; // characters, as the server has it

/** Helpful and Not helpful, and `asking` for the reason of the latter. */
export function useRating(message) {
  const { rate } = useActions();
  const nonce = useContext(FailureNonce);
  const [rating, setRating] = useState(message.rating ?? 0);
  const [asking, setAsking] = useState(false);
  useEffect(() => setRating(message.rating ?? 0), [message.rating, nonce]);
  const give = (value, reason = "") => {
    setRating(value);
    setAsking(value === -1 && !reason);
    rate(message.id, value, reason);
  };
  return { rating, asking, give, skip: () => setAsking(false) };
}

export function RatingButtons({ rating, give }) {
  return (
    <>
      <Toggle pressed={rating === 1} onClick={() => give(rating === 1 ? 0 : 1)}>
        Helpful
      </Toggle>
      <Toggle pressed={rating === -1} onClick={() => give(rating === -1 ? 0 : -1)}>
        Not helpful
      </Toggle>
    </>
  );
}

function Toggle({ pressed, onClick, children }) {
  return (
    <button type="button" className="stoa-action" aria-pressed={pressed} onClick={onClick}>
      {children}
    </button>
  );
}

/** Why an answer didn't help. The rating itself is given already; Skip leaves it without a reason. */
export function ReasonForm({ reason, onSend, onSkip }) {
  const [chosen, setChosen] = useState([]);
  const [text, setText] = useState(reason ?? "");
  const label = useId();
  const first = useRef(null);
  useEffect(() => first.current?.focus(), []);
  const toggle = (name) => setChosen(chosen.includes(name) ? chosen.filter((n) => n !== name) : [...chosen, name]);
  const whole = [...chosen, text.trim()].filter(Boolean).join(". ").slice(0, REASON_LENGTH);
  const leave = (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    onSkip();
  };
  return (
    <form
      className="stoa-reason"
      aria-labelledby={label}
      onKeyDown={leave}
      onSubmit={(event) => {
        event.preventDefault();
        if (whole) onSend(whole);
      }}
    >
      <p id={label}>What was wrong with it?</p>
      <div className="stoa-chips">
        {REASONS.map((name, index) => (
          <button
            key={name}
            ref={index === 0 ? first : undefined}
            type="button"
            className="stoa-chip"
            aria-pressed={chosen.includes(name)}
            onClick={() => toggle(name)}
          >
            {name}
          </button>
        ))}
      </div>
      <textarea
        className="stoa-input"
        rows={2}
        maxLength={REASON_LENGTH}
        aria-label="In your own words"
        placeholder="In your own words"
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <div className="stoa-buttons">
        <button type="submit" className="stoa-button stoa-primary" disabled={!whole}>
          Send
        </button>
        <button type="button" className="stoa-button" onClick={onSkip}>
          Skip
        </button>
      </div>
    </form>
  );
}
