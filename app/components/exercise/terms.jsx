import { number, points, when } from "./say.js";

/** What an exercise is worth, until when, and what has been reached: before it matters. */
export function Terms({ exercise }) {
  const { title, max_score: max, best_score: best, due_at: due, late_rule: late } = exercise;
  return (
    <header className="stoa-exercise-head">
      <p className="eyebrow">Exercise</p>
      <h2>{title}</h2>
      <dl className="stoa-exercise-terms">
        {best === null ? (
          <Term name="Worth">{points(max)}</Term>
        ) : (
          <Term name="Your best">
            {number(best)} of {points(max)}
          </Term>
        )}
        {due && <Term name={isPast(due) ? "Was due" : "Due"}>{when(due)}</Term>}
        {due && late && <Term name="Late work">{late}</Term>}
      </dl>
    </header>
  );
}

function Term({ name, children }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function isPast(moment) {
  return new Date(moment).getTime() < Date.now();
}
