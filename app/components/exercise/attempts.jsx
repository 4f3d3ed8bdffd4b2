import { number, points, when } from "./say.js";

/** What was handed in, the latest first; one opens with its code and results. */
export function Attempts({ attempts, shown, onShow }) {
  if (!attempts.length) return null;
  return (
    <section className="stoa-attempts" aria-label="Your attempts">
      <h3>Your attempts</h3>
      <ol>
        {attempts.map((attempt) => (
          <li key={attempt.id}>
            <button
              type="button"
              aria-pressed={attempt.id === shown}
              aria-label={`Attempt ${attempt.number}, ${said(attempt)}`}
              onClick={() => onShow(attempt.id)}
            >
              <span className="title">Attempt {attempt.number}</span>
              <span className="meta">{when(attempt.at)}</span>
              {attempt.best && <span className="pill">Best, this one counts</span>}
              {!attempt.charged && attempt.state === "failed" && <span className="pill">Not counted</span>}
              <span className="stoa-attempt-score">{said(attempt)}</span>
            </button>
          </li>
        ))}
      </ol>
    </section>
  );
}

function said({ state, score, max_score: max }) {
  if (score !== null) return `${number(score)} of ${points(max)}`;
  return { waiting: "waiting", running: "being graded" }[state] ?? "no result";
}
