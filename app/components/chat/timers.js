/** What is to happen later, by name: one of each at a time, and all of it can be called off. */
export class Timers {
  #browser;
  #timers = new Map();

  constructor(browser) {
    this.#browser = browser;
  }

  has(name) {
    return this.#timers.has(name);
  }

  /** `act` in `wait` ms, unless `name` is due already. */
  later(name, wait, act) {
    if (this.has(name)) return;
    const timer = this.#browser.setTimeout(() => {
      this.#timers.delete(name);
      act();
    }, wait);
    this.keep(name, () => this.#browser.clearTimeout(timer));
  }

  /** Something else to call off under `name`. */
  keep(name, callOff) {
    this.#timers.set(name, callOff);
  }

  cancel(name) {
    this.#timers.get(name)?.();
    this.#timers.delete(name);
  }

  clear() {
    for (const callOff of this.#timers.values()) callOff();
    this.#timers.clear();
  }
}
