/**
 * The first thing that runs: `node bootstrap/main.mjs start|test|build|check|bench [arguments]`.
 *
 * Plain JavaScript on Node 20, because on a fresh clone there is nothing else yet. It installs the
 * locked npm packages, builds `dist/manx`, unpacks the Debian packages that the command can use, each
 * only when something changed, says so, and hands over.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { build } from "./build.mjs";
import { check } from "./check.mjs";
import { debian } from "./debian.mjs";
import { install } from "./install.mjs";
import { BUN, EXECUTABLE, ROOT, run } from "./place.mjs";
import { test } from "./test.mjs";

const COMMANDS = {
  build() {
    install();
    build();
    return 0;
  },

  async start(args) {
    install();
    build();
    const plugins = args.some((arg) => /^--(publish|limit)/.test(arg));
    const { environment } = debian(
      ["bird2", ...(plugins ? ["containernetworking-plugins", "iptables"] : [])],
      ["bird", "iptables"],
    );
    const lab = spawn(EXECUTABLE, ["lab", ...args], {
      stdio: "inherit",
      env: { ...process.env, ...environment },
    });
    // Whoever ends us means the lab, which takes its network apart first.
    for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => lab.kill(signal));
    const [status] = await once(lab, "exit");
    return status ?? 1;
  },

  check() {
    install();
    return check() ? 0 : 1;
  },

  test(args) {
    install();
    build();
    return test(args);
  },

  bench(args) {
    install();
    build();
    const [name] = args;
    const daemons = ["bgp", "report"].includes(name);
    const { environment } = debian(
      [
        ...(daemons ? ["bird2", "frr", "gobgpd", "openbgpd"] : []),
        ...(name === "bgp" ? [] : ["containernetworking-plugins"]),
      ],
      daemons ? ["bird", "gobgpd", "bgpd"] : [],
    );
    return run(BUN, ["test/bench/main.ts", ...args], { ...process.env, ...environment });
  },
};

const [name = "", ...args] = process.argv.slice(2);
if (!Object.hasOwn(COMMANDS, name)) {
  console.error(
    `bootstrap: ${JSON.stringify(name)} is none of ${Object.keys(COMMANDS).join(", ")}`,
  );
  process.exit(2);
}
// The terminal's Ctrl-C reaches the child too: let it end first, and report its answer.
process.on("SIGINT", () => {});
process.chdir(ROOT);
try {
  process.exitCode = await COMMANDS[name](args);
} catch (error) {
  console.error(`bootstrap: ${error.message}`);
  process.exitCode = 1;
}
