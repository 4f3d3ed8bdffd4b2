import { useEffect, useSyncExternalStore } from "react";

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
        listeners.forEach((listener) => listener());
      } catch {
        loading = null; // offline, or a new version was deployed: whoever needs it next asks again
      }
    },
  };
}

/** The module, or null while it isn't there. */
export function useLazy(module) {
  useEffect(() => void module.request(), [module]);
  return useSyncExternalStore(module.subscribe, module.current, () => null);
}
