/**
 * The subcommands that answer people: what each takes, says in its help, and runs.
 *
 * Actions import what they need when they run: the others' cost is not paid.
 */

import type { Command } from "commander";
import { type Context, examples } from "./context.ts";
import { apiOption, jsonOption, oneOf, someText } from "./flags.ts";
import { addIpam } from "./ipam-commands.ts";
import type { AskOptions, InstallOptions, RoutesOptions, ValidateOptions } from "./options.ts";

/** Add every such subcommand to `program`, in the order in which help lists them. */
export function addCommands(program: Command, context: Context): void {
  for (const add of [
    addStatus,
    addPeers,
    addRoutes,
    addWhy,
    addFib,
    addIpam,
    addValidate,
    addInstall,
  ]) {
    add(program, context);
  }
}

function addStatus(program: Command, { output, exit }: Context): void {
  program
    .command("status")
    .summary("this node's daemon at a glance")
    .description(
      "Show this node's daemon at a glance: readiness, blocks, sessions, routes, kernel, configuration.",
    )
    .addOption(apiOption())
    .addOption(jsonOption())
    .action(async (options: AskOptions) => {
      const { showStatus } = await import("./status.ts");
      exit(await showStatus(options, output));
    });
}

function addPeers(program: Command, { output, exit }: Context): void {
  program
    .command("peers")
    .summary("BGP sessions and what they carry")
    .description(
      "Show every BGP session with the prefixes it carries, or one session in full: timers, capabilities, messages, last error. The columns IN, ACCEPTED, BEST and OUT count prefixes: received, kept by the filters, in use, advertised.",
    )
    .argument("[peer]", "its name, its node's name or its address")
    .addOption(apiOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        ["manx peers", "all sessions"],
        ["manx peers n2", "the one with node n2 in full"],
        ["manx peers 172.30.0.1", "the one with that address"],
      ),
    )
    .action(async (peer: string | undefined, options: AskOptions) => {
      const { showPeers } = await import("./peers.ts");
      exit(await showPeers({ ...options, peer }, output));
    });
}

function addRoutes(program: Command, { output, exit }: Context): void {
  program
    .command("routes")
    .summary("every route, or what one peer has told or been told")
    .description(
      "Show every path of every route with its state, the kernel's view and the reason. A path is best (in use), valid (second to another) or rejected (by a filter).",
    )
    .argument(
      "[prefix|address]",
      "only that prefix and those inside it, or those that hold the address",
    )
    .option("--received <peer>", "what this peer has told us, filtered or not", someText("a peer"))
    .addOption(
      program
        .createOption("--advertised <peer>", "what this peer was told, or why not")
        .argParser(someText("a peer"))
        .conflicts("received"),
    )
    .addOption(apiOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        ["manx routes", "the whole table"],
        ["manx routes 10.244.0.0/16", "the cluster's blocks"],
        ["manx routes 10.244.2.7", "the routes that hold an address"],
        ["manx routes --received tor", "what the peer tor has told us"],
        ["manx routes --advertised n2 --json", "what node n2 was told, for a script"],
      ),
    )
    .action(async (target: string | undefined, options: Omit<RoutesOptions, "target">) => {
      const { showRoutes } = await import("./routes.ts");
      exit(await showRoutes({ ...options, target }, output));
    });
}

function addWhy(program: Command, { output, exit }: Context): void {
  program
    .command("why")
    .summary("where a prefix or an address goes, and the reason")
    .description(
      "Say where a prefix or an address goes and why, or why it goes nowhere: every path with the rule that chose or rejected it, the kernel's state, and what each peer was told.",
    )
    .argument("<prefix|address>", "an address is answered by its longest match")
    .addOption(apiOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(["manx why 10.244.2.0/24", "a block"], ["manx why 10.244.2.7", "a pod's address"]),
    )
    .action(async (target: string, options: AskOptions) => {
      const { showWhy } = await import("./why.ts");
      exit(await showWhy({ ...options, target }, output));
    });
}

function addFib(program: Command, { output, exit }: Context): void {
  program
    .command("fib")
    .summary("does the kernel have what the daemon wants?")
    .description(
      "Compare the routes that this node's daemon wants in the kernel with those that are there, read from the kernel itself, and list what is missing, what leads elsewhere, and what is the daemon's by its protocol number but not wanted. Exit code 1 when there is a difference.",
    )
    .addArgument(
      program.createArgument("<check>", "compare and report").argParser(oneOf(["check"])),
    )
    .addOption(apiOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(["manx fib check", "is all well?"], ["manx fib check --json", "for a script"]),
    )
    .action(async (_what: "check", options: AskOptions) => {
      const { checkFib } = await import("./fib.ts");
      exit(await checkFib(options, output));
    });
}

function addValidate(program: Command, { output, exit }: Context): void {
  program
    .command("validate")
    .summary("check configuration documents, and show what each node would do")
    .description(
      "Check configuration documents as bgpd reads them. Every fault is printed with file, line, field, value and what was expected; exit code 2 when there is one. Without a fault: each node's sessions, what it announces, and the rules of each session; nodes that do the same are shown together.",
    )
    .argument("<path>", "a YAML file, or a directory of them")
    .option("--node <name>", "show this one alone")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        ["manx validate cluster.yaml", "one file"],
        ["manx validate /etc/manx/cluster", "all *.yaml of a directory"],
        ["manx validate /etc/manx/cluster --node n1", "what n1 would do"],
      ),
    )
    .action(async (path: string, options: Omit<ValidateOptions, "path">) => {
      const { validate } = await import("./validate.ts");
      exit(validate({ ...options, path }, output));
    });
}

function addInstall(program: Command, { output, exit }: Context): void {
  program
    .command("install")
    .summary("put the plugin where container runtimes look for it")
    .description(
      "Copy this executable and its link manx-ipam to the folder of plugins, each whole or not at all, so that it may be done while pods start. With --net-dir the network configuration follows; one that is there already is kept.",
    )
    .option("--bin-dir <path>", "the folder of plugins", someText("a path"), "/opt/cni/bin")
    .option(
      "--net-dir <path>",
      "the folder of network configurations, such as /etc/cni/net.d",
      someText("a path"),
    )
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        ["manx install", "or again, after an upgrade"],
        ["manx install --net-dir /etc/cni/net.d", "a node's first time"],
      ),
    )
    .action(async (options: InstallOptions) => {
      const { install, ownExecutable } = await import("./install.ts");
      exit(install(ownExecutable(), options, output));
    });
}
