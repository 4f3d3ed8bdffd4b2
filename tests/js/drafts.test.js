import { beforeEach, expect, test } from "bun:test";
import { clearDrafts, readCode, readDraft, writeCode, writeDraft } from "../../app/components/chat/drafts.js";

/** The browser's storage, as far as it is used: its names are its keys. */
function storage() {
  return Object.create({
    getItem(name) {
      return Object.hasOwn(this, name) ? this[name] : null;
    },
    setItem(name, text) {
      this[name] = String(text);
    },
    removeItem(name) {
      delete this[name];
    },
  });
}

beforeEach(() => {
  globalThis.sessionStorage = storage();
  globalThis.localStorage = storage();
});

test("code is kept per person and exercise, beyond the tab, and an empty editor is kept too", () => {
  writeCode("ada", "k1", "print(1)");
  writeCode("ada", "k2", "");
  expect([readCode("ada", "k1"), readCode("ada", "k2"), readCode("bob", "k1")]).toEqual(["print(1)", "", null]);
  expect(Object.keys(sessionStorage)).toEqual([]);
  expect(readCode("", "k1")).toBeNull();
});

test("somebody else's drafts are forgotten, everybody's on sign-out", () => {
  writeCode("ada", "k1", "secret");
  writeDraft("ada", "c1", "hello");
  writeCode("bob", "k1", "mine");
  clearDrafts("bob");
  expect([readCode("ada", "k1"), readDraft("ada", "c1"), readCode("bob", "k1")]).toEqual([null, "", "mine"]);
  localStorage.setItem("theme", "dark");
  clearDrafts();
  expect([readCode("bob", "k1"), localStorage.getItem("theme")]).toEqual([null, "dark"]);
});

test("storage that is forbidden is no error", () => {
  Object.defineProperty(globalThis, "localStorage", { configurable: true, get: () => { throw new Error("no"); } });
  writeCode("ada", "k1", "x");
  expect(readCode("ada", "k1")).toBeNull();
  Object.defineProperty(globalThis, "localStorage", { configurable: true, writable: true, value: storage() });
});
