import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { dependencies } from "./package.json";

const COMPONENTS = `${import.meta.dir}/../../app/components`;
const read = (name) => readFileSync(`${COMPONENTS}/${name}`, "utf8");

test("no source writes HTML or evaluates text", () => {
  for (const name of ["chat", "exercise"].flatMap(sourcesIn)) {
    const found = read(name).match(/innerHTML|outerHTML|insertAdjacentHTML|\beval\(|new Function/i);
    expect([name, found]).toEqual([name, null]);
  }
});

test("the packages tested are the packages shipped", () => {
  const pins = read("chat/__init__.py").matchAll(/"([\w@.-]+)@(\d[\w.]*)"/g);
  const shipped = [...pins].map(([, name, version]) => [name, version]);
  const tested = Object.entries(dependencies).filter(([name]) => !name.startsWith("react"));
  expect(shipped.sort()).toEqual(tested.sort());
});

test("colours come from the tokens", () => {
  for (const name of ["chat/chat.css", "exercise/exercise.css"]) {
    const styles = read(name).replace(/\/\*.*?\*\//gs, "");
    expect([name, styles.match(/#[0-9a-f]{3,8}\b|\b(?:rgb|hsl|oklch)a?\(/gi)]).toEqual([name, null]);
  }
});

function sourcesIn(folder) {
  const found = readdirSync(`${COMPONENTS}/${folder}`).filter((file) => /\.jsx?$/.test(file));
  return found.map((file) => `${folder}/${file}`);
}
