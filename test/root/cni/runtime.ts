/**
 * A container runtime's half of the protocol, for lists of plugins (CNI specification 1.0.0, section 3).
 *
 * It adds to each plugin's configuration what a runtime adds and nothing else: name and version of the
 * list, the result so far, and arguments for the capabilities that the plugin declares. Plugins run one
 * by one, and the first failure ends a call, as in libcni.
 */

import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import type { Answer, Json, Scene } from "./scene.ts";

export type NetworkList = {
  readonly cniVersion: string;
  readonly name: string;
  readonly plugins: readonly Json[];
};

/** What one container is attached with. */
export type Wish = {
  /** Its namespace and id; default "a". */
  readonly pod?: string;
  /** Arguments by capability, such as `portMappings`. */
  readonly capabilities?: Json;
};

/** How far a call went. */
export type Outcome = {
  /** Of the plugin that failed; undefined when all is well. */
  readonly failure: { readonly plugin: string; readonly answer: Answer } | undefined;
  /** In the order in which they ran. */
  readonly ran: readonly string[];
};

export type Runtime = {
  /** The final result, which is kept for CHECK and DEL. Throws when a plugin fails. */
  add(wish?: Wish): Json;
  /** ADD that may fail, in which case nothing is kept. */
  tryAdd(wish?: Wish): Outcome;
  check(wish?: Wish): Outcome;
  /** In reverse. What was kept stays, so that it can be called again. */
  del(wish?: Wish): Outcome;
};

/** A runtime on the scene's host for one list. */
export function createRuntime(scene: Scene, list: NetworkList): Runtime {
  const { cniVersion, name } = list;
  const results = new Map<string, Json>();
  const environment = { PATH: programsOf(scene) };

  const call = (verb: string, plugin: Json, wish: Wish, prevResult: Json | undefined): Answer => {
    const runtimeConfig = argumentsFor(plugin, wish.capabilities ?? {});
    const { capabilities, ...keys } = plugin;
    const config = { ...keys, name, cniVersion, runtimeConfig, prevResult };
    const { pod = "a" } = wish;
    const input = JSON.stringify(config);
    return scene.call(verb, { pod, plugin: typeOf(plugin), input, environment });
  };

  /** Each plugin with the same result; a result that a plugin prints is not wanted. */
  const callEach = (verb: string, plugins: readonly Json[], wish: Wish): Outcome => {
    const ran: string[] = [];
    const kept = results.get(wish.pod ?? "a");
    for (const plugin of plugins) {
      ran.push(typeOf(plugin));
      const answer = call(verb, plugin, wish, kept);
      if (answer.status !== 0) return { failure: { plugin: typeOf(plugin), answer }, ran };
    }
    return { failure: undefined, ran };
  };

  const tryAdd = (wish: Wish = {}): Outcome => {
    const ran: string[] = [];
    let result: Json | undefined;
    for (const plugin of list.plugins) {
      ran.push(typeOf(plugin));
      const answer = call("ADD", plugin, wish, result);
      if (answer.status !== 0) return { failure: { plugin: typeOf(plugin), answer }, ran };
      result = answer.json;
    }
    results.set(wish.pod ?? "a", result ?? {});
    return { failure: undefined, ran };
  };

  return {
    tryAdd,
    add(wish = {}) {
      const { failure } = tryAdd(wish);
      if (failure === undefined) return results.get(wish.pod ?? "a") ?? {};
      const { plugin, answer } = failure;
      throw new Error(`${plugin} ADD: ${answer.stdout}${answer.stderr}`);
    },
    check: (wish = {}) => callEach("CHECK", list.plugins, wish),
    del: (wish = {}) => callEach("DEL", list.plugins.toReversed(), wish),
  };
}

/**
 * PATH for plugins: on this host IPv6 cannot be filtered. Where it can, CHECK of portmap 1.1.1 (Debian
 * 12) asks for IPv6 rules that its ADD does not make for a pod without IPv6.
 */
function programsOf(scene: Scene): string {
  const programs = join(scene.folder, "programs");
  mkdirSync(programs, { recursive: true });
  for (const name of ["iptables", "nsenter"]) {
    const program = Bun.which(name);
    const link = join(programs, name);
    if (program !== null && !existsSync(link)) symlinkSync(program, link);
  }
  // firewall wants its version.
  scene.file(
    "programs/ip6tables",
    '#!/bin/sh\n[ "$1" = --version ] && exec iptables --version\nexit 3\n',
  );
  return programs;
}

function typeOf({ type }: Json): string {
  return String(type);
}

/** What the plugin declares and the container has; undefined when that is nothing. */
function argumentsFor({ capabilities = {} }: Json, wished: Json): Json | undefined {
  const declared = Object.entries(capabilities as Json)
    .filter(([capability, on]) => on === true && wished[capability] !== undefined)
    .map(([capability]) => [capability, wished[capability]]);
  return declared.length === 0 ? undefined : Object.fromEntries(declared);
}
