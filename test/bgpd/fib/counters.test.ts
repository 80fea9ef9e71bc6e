/** What the FIB counts for those who watch it, and what it says is outstanding. */

import { beforeEach, expect, test } from "bun:test";
import { type Daemon, Scene } from "./scene.ts";

const ROUTER = "172.30.0.1";
const OTHER = "172.30.0.12";
const NOWHERE = "9.9.9.9";

let scene: Scene;
let daemon: Daemon;

beforeEach(() => {
  scene = new Scene();
  daemon = scene.start();
});

const counters = () => {
  const { installs, removals, refusals, healed } = daemon.fib.counters;
  return { installs, removals, refusals, healed };
};

test("installs are what was added or replaced, removals what was taken out", () => {
  daemon.want("10.1.0.0/24", ROUTER);
  daemon.want("10.2.0.0/24", "blackhole");
  expect(daemon.fib.outstanding()).toEqual({ pending: 2, refused: 0, unresolved: 0 });
  daemon.flush();
  daemon.want("10.1.0.0/24", OTHER);
  daemon.unwant("10.2.0.0/24");
  daemon.flush();
  expect(counters()).toEqual({ installs: 3, removals: 1, refusals: 0, healed: 0 });
  expect(daemon.fib.outstanding()).toEqual({ pending: 0, refused: 0, unresolved: 0 });
});

test("a route put back counts as healed and as installed", () => {
  daemon.want("10.1.0.0/24", ROUTER);
  daemon.flush();
  daemon.hear();
  scene.route("delete", "10.1.0.0/24");
  daemon.hear();
  expect(counters()).toEqual({ installs: 2, removals: 0, refusals: 0, healed: 1 });
});

test("what cannot be installed is told apart: refused by the kernel, or without a way", () => {
  scene.route("add", "10.1.0.0/24", { protocol: 4, type: "blackhole" });
  daemon.want("10.1.0.0/24", ROUTER);
  daemon.want("10.2.0.0/24", NOWHERE);
  daemon.flush();
  expect(daemon.fib.outstanding()).toEqual({ pending: 0, refused: 1, unresolved: 1 });
  expect(counters()).toEqual({ installs: 0, removals: 0, refusals: 1, healed: 0 });
  expect(daemon.fib.failures()).toHaveLength(2);
});

test("and is outstanding no more once it is installed, or nobody wants it", () => {
  scene.route("add", "10.1.0.0/24", { protocol: 4, type: "blackhole" });
  daemon.want("10.1.0.0/24", ROUTER);
  daemon.want("10.2.0.0/24", NOWHERE);
  daemon.flush();
  scene.route("delete", "10.1.0.0/24", { protocol: 4, type: "blackhole" });
  daemon.settle();
  expect(daemon.fib.outstanding()).toEqual({ pending: 0, refused: 0, unresolved: 1 });
  daemon.unwant("10.2.0.0/24");
  daemon.flush();
  expect(daemon.fib.outstanding()).toEqual({ pending: 0, refused: 0, unresolved: 0 });
  expect(daemon.fib.failures()).toEqual([]);
});
