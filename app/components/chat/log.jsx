import { Component, useCallback, useImperativeHandle, useLayoutEffect, useRef, useState } from "react";

const NEAR = 40; // px from the end that still count as being there

/**
 * The scrolling list of messages. It stays at the end while the reader is there, and where the reader is otherwise;
 * `ref` gives `toEnd()`. Not announced: a live region over streaming text would read every token.
 */
export function Log({ ref, first, busy, children }) {
  const region = useRef(null);
  const content = useRef(null);
  const follows = useRef(true);
  const top = useRef(0);
  const [away, setAway] = useState(false);

  const toEnd = useCallback(() => {
    follows.current = true;
    setAway(false);
    region.current.scrollTop = region.current.scrollHeight;
    top.current = region.current.scrollTop;
  }, []);
  useImperativeHandle(ref, () => ({ toEnd }), [toEnd]);

  // A layout effect, so that it stops observing before React takes the region away.
  useLayoutEffect(() => {
    const keep = () => (follows.current ? toEnd() : setAway(distance(region.current) > NEAR));
    const observer = new ResizeObserver(keep);
    observer.observe(content.current);
    observer.observe(region.current);
    return () => observer.disconnect();
  }, [toEnd]);

  const scrolled = () => {
    const { scrollTop } = region.current;
    const left = distance(region.current);
    if (left <= NEAR) follows.current = true;
    else if (scrollTop < top.current) follows.current = false;
    top.current = scrollTop;
    setAway(!follows.current && left > NEAR);
  };

  return (
    <div className="stoa-log-frame">
      <div ref={region} className="stoa-log" role="log" aria-label="Conversation" aria-live="off" aria-busy={busy}
        tabIndex={0} onScroll={scrolled}>
        <div ref={content} className="stoa-log-content">
          <PlaceKeeper first={first} region={region}>
            {children}
          </PlaceKeeper>
        </div>
      </div>
      {away && (
        <button type="button" className="stoa-button stoa-jump" onClick={toEnd}>
          Jump to latest
        </button>
      )}
    </div>
  );
}

function distance(region) {
  return region.scrollHeight - region.clientHeight - region.scrollTop;
}

/** Keeps what the reader sees where it is when earlier messages appear above. Only a class can look before a commit. */
class PlaceKeeper extends Component {
  getSnapshotBeforeUpdate(before) {
    if (!before.first || before.first === this.props.first) return null;
    const row = this.#row(before.first);
    return row ? { id: before.first, top: row.getBoundingClientRect().top } : null;
  }

  componentDidUpdate(_, __, place) {
    const row = place && this.#row(place.id);
    if (row) this.props.region.current.scrollTop += row.getBoundingClientRect().top - place.top;
  }

  #row(id) {
    return this.props.region.current?.querySelector(`[data-message="${CSS.escape(id)}"]`);
  }

  render() {
    return this.props.children;
  }
}
