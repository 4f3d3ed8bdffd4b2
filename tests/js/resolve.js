// The chat's sources have no node_modules above them (Reflex installs their packages into .web), and Bun asks plugins
// about files but not about bare package names: so name the packages of this folder by their full path.
import { plugin } from "bun";

const PACKAGE = /(\bfrom |\bimport |\bimport\()"([a-z@][^"]*)"/g;
const here = (specifier) => Bun.resolveSync(specifier, import.meta.dir);

plugin({
  name: "packages of tests/js",
  setup(build) {
    build.onLoad({ filter: /\/app\/components\/chat\/.*\.jsx?$/ }, async ({ path }) => {
      const source = await Bun.file(path).text();
      const contents = source.replace(PACKAGE, (_, before, specifier) => `${before}"${here(specifier)}"`);
      return { contents: `/** @jsxImportSource ${import.meta.dir}/node_modules/react */\n${contents}`, loader: "jsx" };
    });
  },
});
