import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { dependencies } from "./package.json";

const CHAT = `${import.meta.dir}/../../app/components/chat`;
const read = (name) => readFileSync(`${CHAT}/${name}`, "utf8");

test("no source writes HTML or evaluates text", () => {
  for (const name of readdirSync(CHAT).filter((file) => /\.jsx?$/.test(file))) {
    const found = read(name).match(/innerHTML|outerHTML|insertAdjacentHTML|\beval\(|new Function/i);
    expect([name, found]).toEqual([name, null]);
  }
});

test("the packages tested are the packages shipped", () => {
  const pins = read("__init__.py").matchAll(/"([\w@.-]+)@(\d[\w.]*)"/g);
  const shipped = [...pins].map(([, name, version]) => [name, version]);
  const tested = Object.entries(dependencies).filter(([name]) => !name.startsWith("react"));
  expect(shipped.sort()).toEqual(tested.sort());
});

test("colours come from the tokens", () => {
  const styles = read("chat.css").replace(/\/\*.*?\*\//gs, "");
  expect(styles.match(/#[0-9a-f]{3,8}\b|\b(?:rgb|hsl|oklch)a?\(/gi)).toBeNull();
});
