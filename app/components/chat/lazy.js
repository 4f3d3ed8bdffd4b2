import { useEffect, useSyncExternalStore } from "react";

const AT_ONCE = 24; // waiting components drawn in one go: hundreds of formulas would block the page

/** A module loaded when something first needs it; from then on it is there at once. */
export function lazily(load) {
  const listeners = new Set();
  let loading = null;
  let value = null;
  return {
    current: () => value,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async request() {
      if (loading) return;
      loading = load();
      try {
        value = await loading;
        tell([...listeners]);
      } catch {
        loading = null; // offline, or a new version was deployed: whoever needs it next asks again
      }
    },
  };
}

function tell(listeners) {
  listeners.splice(0, AT_ONCE).forEach((listener) => listener());
  if (listeners.length) setTimeout(tell, 0, listeners);
}

/** The module, or null while it isn't there. */
export function useLazy(module) {
  useEffect(() => void module.request(), [module]);
  return useSyncExternalStore(module.subscribe, module.current, () => null);
}
