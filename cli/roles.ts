/**
 * The subcommands that are roles of their own, `bgpd` and `lab`: their flags and help.
 *
 * What they do is handed in by the executable's entry: this folder imports neither.
 */

import { hostname } from "node:os";
import type { Command } from "commander";
import { type Context, examples } from "./context.ts";
import { apiOption, endpoint, numberBetween, oneOf, someText } from "./flags.ts";
import { suggestion } from "./nearest.ts";
import { type BgpdOptions, LOG_LEVELS, type LogLevel, type Roles } from "./options.ts";

/** Add both to `program`. */
export function addRoles(program: Command, roles: Roles, context: Context): void {
  addBgpd(program, roles, context);
  addLab(program, roles, context);
}

type BgpdFlags = Omit<BgpdOptions, "config"> & {
  readonly config?: string;
  readonly cleanup?: true;
  readonly logLevel: LogLevel;
};

function addBgpd(program: Command, roles: Roles, { exit }: Context): void {
  program
    .command("bgpd")
    .summary("run this node's BGP speaker")
    .description(
      "Run this node's BGP speaker in the foreground: it announces the node's blocks, learns the others' and installs them in the kernel. SIGHUP or a changed file re-reads the configuration; SIGTERM ends it. Logs go to stderr: JSON, or for people when that is a terminal.",
    )
    .option(
      "--config <path>",
      "documents that describe the cluster: a YAML file or a directory of them; required",
      someText("the path of a file or directory"),
    )
    .option(
      "--node <name>",
      "which of the documents' nodes this is",
      someText("the name of a Node document"),
      hostname(),
    )
    .option(
      "--fib <where>",
      "where learned routes go: kernel or none",
      oneOf(["kernel", "none"]),
      "kernel" as const,
    )
    .addOption(apiOption())
    .option(
      "--claims <folder>",
      "a folder that all nodes share: a node without spec.blocks claims blocks of the IPPools there",
      someText("the path of a folder"),
    )
    .option(
      "--metric <number>",
      "priority of the kernel routes, where a lower number wins; otherwise BGPConfiguration says it (1024)",
      numberBetween(1, 999_999_999),
    )
    .option(
      "--table <number>",
      "table of the kernel routes; next hops are looked up in main (254)",
      numberBetween(1, 999_999_999),
      254,
    )
    .option(
      "--metrics <address:port>",
      "serve /metrics, /healthz and /readyz there as well as on the API socket; 127.0.0.1:9179 for this machine alone",
      endpoint,
    )
    .option(
      "--withdraw",
      "take the learned routes out of the kernel at SIGTERM, and have peers forget ours; both stay otherwise, for the next bgpd",
    )
    .option(
      "--cleanup",
      "instead of running: remove the routes that a bgpd left in the kernel, whatever their table and metric",
    )
    .addOption(
      program
        .createOption("--log-level <level>", `the least that is logged: ${LOG_LEVELS.join(", ")}`)
        .default("info")
        .env("MANX_LOG")
        .argParser(oneOf(LOG_LEVELS)),
    )
    .addHelpText(
      "after",
      examples(
        ["manx bgpd --config /etc/manx/cluster", "this node, by its host name"],
        [
          "manx bgpd --config /etc/manx/cluster --claims /srv/manx/claims",
          "claim blocks of the pools",
        ],
        ["manx bgpd --config /etc/manx/cluster --metrics 127.0.0.1:9179", "for Prometheus"],
        ["manx bgpd --config cluster.yaml --node n1 --fib none", "a speaker that installs nothing"],
        ["manx bgpd --cleanup", "it shall run here no more"],
      ),
    )
    .action(async ({ logLevel, cleanup, config, ...options }: BgpdFlags, command: Command) => {
      process.env.MANX_LOG = logLevel;
      if (cleanup === true) return exit(await roles.cleanup({ api: options.api }));
      if (config === undefined) {
        command.error("error: required option '--config <path>' not specified", { exitCode: 2 });
      }
      exit(await roles.bgpd({ ...options, config }));
    });
}

type LabFlags = {
  readonly once?: true;
  readonly json?: true;
  readonly nodes: number;
  readonly pods: number;
  readonly router: "auto" | "bird" | "manx";
  readonly publish: readonly string[];
  readonly limit: readonly string[];
};

function addLab(program: Command, roles: Roles, { exit }: Context): void {
  const lab = program
    .command("lab")
    .summary("bring up a cluster network on this machine")
    .description(
      "Bring up nodes, a top-of-rack router, pods and an outside host in network namespaces of this machine, show who reaches whom, cut a node's uplink and heal it, then stay until Ctrl-C. Needs no root and leaves nothing behind.",
    )
    .enablePositionalOptions()
    .option("--once", "end after the report; exit code 0 only if every probe passed")
    .option("--json", "print the report as one JSON document")
    .option("--nodes <count>", "how many nodes", numberBetween(1, 200), 3)
    .option("--pods <count>", "how many pods on each node", numberBetween(1, 250), 2)
    .option(
      "--router <kind>",
      "what plays the router: bird, manx, or auto (bird where it is installed)",
      oneOf(["auto", "bird", "manx"]),
      "auto" as const,
    )
    .option(
      "--publish <pod:port>",
      "a port of the pod's node that leads to the pod's echo server, such as n1-1:8080; repeatable",
      (value: string, earlier: readonly string[]) => [...earlier, value],
      [],
    )
    .option(
      "--limit <pod:rate>",
      "how many bit/s a pod may get and send, such as n1-1:16M or n1-1:in=16M,out=4M; repeatable",
      (value: string, earlier: readonly string[]) => [...earlier, value],
      [],
    )
    // A word that is no subcommand shall get a suggestion, and not "too many arguments".
    .allowExcessArguments(true)
    .addHelpText(
      "after",
      examples(
        ["manx lab", "three nodes, two pods each; stays for a look around"],
        ["manx lab exec n1 -- manx peers", "from another terminal"],
        ["manx lab --once --json --nodes 20 --pods 10", "a report for a script"],
      ),
    )
    .action(async (flags: LabFlags, command: Command) => {
      const [word] = command.args;
      if (word !== undefined) {
        const hint = suggestion(word, ["exec"]);
        command.error(`error: unknown command '${word}'${hint}`, { exitCode: 2 });
      }
      const { once = false, json = false } = flags;
      exit(await roles.lab({ ...flags, once, json }));
    });
  lab
    .command("exec")
    .summary("run a command in a node or pod of the running lab")
    .description(
      "Run a command in a node, a pod, the router or the outside host of the lab that runs in another terminal.",
    )
    .argument("<target>", "a node or a pod, as the lab's report names them")
    .argument("<command...>", "the command and its arguments, after --")
    .passThroughOptions()
    .addHelpText(
      "after",
      examples(
        ["manx lab exec n1 -- manx why 10.244.2.0/24", "ask a node's daemon"],
        ["manx lab exec n1 -- ip route", "a node's kernel routes"],
      ),
    )
    .action(async (target: string, words: readonly string[]) => {
      const command = words[0] === "--" ? words.slice(1) : [...words];
      if (command.length === 0) {
        lab.error("error: missing required argument 'command'", { exitCode: 2 });
      }
      exit(await roles.labExec({ target, command }));
    });
}
