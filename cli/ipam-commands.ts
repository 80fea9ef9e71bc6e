/** `manx ipam` and its subcommands: their flags and help. */

import type { Command } from "commander";
import { NODE_FILE } from "../ipam/node.ts";
import { DATA_DIRECTORY } from "../ipam/records-files.ts";
import { type Context, examples } from "./context.ts";
import { jsonOption, someText } from "./flags.ts";
import { suggestion } from "./nearest.ts";
import type {
  IpamCheckOptions,
  IpamOptions,
  IpamReleaseOptions,
  IpamShowOptions,
} from "./options.ts";

/** Add it to `program`. */
export function addIpam(program: Command, context: Context): void {
  const ipam = withFiles(
    program
      .command("ipam")
      .summary("this node's addresses: used, free, by whom; checks and repairs")
      .description(
        "Show this node's pools and blocks: how many addresses are used, cooling (given back less than 30 s ago) and free. Needs no running daemon.",
      ),
  )
    .enablePositionalOptions()
    .addOption(configOption(program))
    // A word that is no subcommand shall get a suggestion, and not "too many arguments".
    .allowExcessArguments(true)
    .addHelpText(
      "after",
      examples(
        ["manx ipam", "pools and blocks"],
        ["manx ipam show 10.244.1.7", "who has this address?"],
        ["manx ipam check", "is what is written down so?"],
      ),
    )
    .action(async (options: Omit<IpamOptions, "each">, command: Command) => {
      const [word] = command.args;
      if (word !== undefined) {
        const known = command.commands.map((one) => one.name());
        command.error(`error: unknown command '${word}'${suggestion(word, known)}`, {
          exitCode: 2,
        });
      }
      const { showIpam } = await import("./ipam.ts");
      context.exit(showIpam({ ...options, each: false }, context.output));
    });
  addShow(ipam, context);
  addCheck(ipam, context);
  addRelease(ipam, context);
}

function addShow(ipam: Command, { output, exit }: Context): void {
  withFiles(
    ipam
      .command("show")
      .summary("each address in use; one address; a block as a map")
      .description(
        "Show each address in use and who holds it; or one address with its holder, host end and namespace; or a block as a map of its addresses.",
      )
      .argument("[address|block]", "such as 10.244.1.7, or 10.244.1.0/24"),
  )
    .option("--map", "every block as a map")
    .addOption(configOption(ipam))
    .addHelpText(
      "after",
      examples(
        ["manx ipam show", "every address in use"],
        ["manx ipam show 10.244.1.7", "who has it, since when, and whether its pod lives"],
        ["manx ipam show 10.244.1.0/24", "a block as a map"],
      ),
    )
    .action(async (target: string | undefined, options: Omit<IpamShowOptions, "target">) => {
      const { showTarget } = await import("./ipam-show.ts");
      exit(showTarget({ ...options, target }, output));
    });
}

function addCheck(ipam: Command, { output, exit }: Context): void {
  withFiles(
    ipam
      .command("check")
      .summary("records, kernel and namespaces compared both ways")
      .description(
        "Compare address records with host ends, routes, neighbours and pods' namespaces, both ways, and print for each difference what was seen and the command that repairs it, where that is proved. Changes nothing. Exit code 0: nothing found, 1: something, 2: it could not be checked. Run it as root on the node, where the runtime's processes are seen.",
      ),
  ).action(async (options: IpamCheckOptions) => {
    const { checkIpam } = await import("./ipam-check.ts");
    exit(checkIpam(options, output));
  });
}

function addRelease(ipam: Command, { output, exit }: Context): void {
  ipam
    .command("release")
    .summary("give an address back that is proved to be free")
    .description(
      "Give an address back, also one whose record cannot be read, when no host end, no route and no namespace has it and no call of the runtime for it is under way; otherwise say what has it. As after a DEL, its connections are forgotten and it cools.",
    )
    .argument("<address>", "such as 10.244.1.7")
    .option("--network <name>", "the network, where several have the address", someText("a name"))
    .option("--force", "give it back without proof: a pod that has it is not asked")
    .addOption(dataOption(ipam))
    .addOption(jsonOption())
    .action(async (address: string, options: Omit<IpamReleaseOptions, "address">) => {
      const { releaseIpam } = await import("./ipam-release.ts");
      exit(releaseIpam({ ...options, address }, output));
    });
}

/** The options of all that read the node file and the records. */
function withFiles(command: Command): Command {
  return command
    .option("--node-file <path>", "what bgpd publishes", someText("a path"), NODE_FILE)
    .addOption(dataOption(command))
    .addOption(jsonOption());
}

function dataOption(command: Command) {
  return command
    .createOption("--data-dir <path>", "where the records are")
    .default(DATA_DIRECTORY)
    .argParser(someText("a path"));
}

function configOption(command: Command) {
  return command
    .createOption("--config <path>", "documents whose IPPools name the blocks' pools")
    .argParser(someText("the path of a file or directory"));
}
