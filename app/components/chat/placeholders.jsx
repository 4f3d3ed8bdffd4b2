/** What stands where the messages will be. */
export function Skeleton() {
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

export function Empty({ emptyTitle, emptyHint, suggestions, disabledReason, blocked, send }) {
  return (
    <div className="stoa-empty">
      {emptyTitle && <p className="stoa-empty-title">{emptyTitle}</p>}
      {emptyHint && <p className="stoa-empty-hint">{emptyHint}</p>}
      {suggestions.length > 0 && !disabledReason && (
        <div className="stoa-chips">
          {suggestions.map((suggestion) => (
            <button
              key={suggestion}
              type="button"
              className="stoa-chip"
              disabled={blocked}
              onClick={() => send(suggestion)}
            >
              {suggestion}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
