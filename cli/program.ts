/**
 * manx for people: the command line, its help, and how errors and exit codes leave it.
 *
 * Results go to stdout, everything else to stderr. Exit codes: 0 done, 1 could not be done, 2 asked
 * wrongly or with faulty input; `bgpd` and `lab` have their own. The CNI roles do not come here.
 */

import { Command, CommanderError } from "commander";
import { version } from "../package.json";
import { addCommands } from "./commands.ts";
import { type Context, examples } from "./context.ts";
import { suggestion } from "./nearest.ts";
import type { Roles } from "./options.ts";
import { CommandError, EXIT, type Output, processOutput, ReaderGone } from "./output.ts";
import { addRoles } from "./roles.ts";

/**
 * Run the command that `argv` (without executable and script) names, and give its exit code.
 *
 * What `roles` throw passes through; everything else is reported on stderr.
 */
export async function runProgram(
  argv: readonly string[],
  roles: Roles,
  output: Output = processOutput(),
): Promise<number> {
  let code: number = EXIT.ok;
  const context: Context = {
    output,
    exit(given) {
      code = given;
    },
  };
  try {
    await buildProgram(roles, context).parseAsync(argv, { from: "user" });
    return code;
  } catch (error) {
    // Commander has said what is wrong; its 1 means a wrong command line.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (error instanceof ReaderGone) return EXIT.ok;
    if (!(error instanceof CommandError)) throw error;
    output.err(`manx: ${error.message}\n`);
    return error.exitCode;
  }
}

function buildProgram(roles: Roles, context: Context): Command {
  const program = new Command("manx")
    .description("Pod networking without tunnels: BGP speaker, CNI plugin and IPAM in one file.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print the help of a command")
    .helpCommand(false)
    .enablePositionalOptions()
    .exitOverride()
    .showHelpAfterError("(--help says more)")
    .configureOutput({
      writeOut: context.output.out,
      writeErr: context.output.err,
      outputError: (text, write) => write(inHouseStyle(text)),
      getOutHelpWidth: () => context.output.look.width ?? 100,
      getErrHelpWidth: () => context.output.look.width ?? 100,
      getOutHasColors: () => context.output.look.colour,
      getErrHasColors: () => context.output.look.colour,
    });
  addCommands(program, context);
  addRoles(program, roles, context);
  addHelp(program);
  return program.addHelpText(
    "after",
    `${examples(
      ["manx status", "is this node's daemon well?"],
      ["manx why 10.244.2.7", "where does this address go, and why?"],
      ["manx routes --advertised tor", "what was the peer tor told?"],
      ["manx lab", "see it all work on this machine"],
    )}

Exit codes: 0 done, 1 could not be done, 2 wrong command line or faulty input.
Called by a container runtime (with CNI_COMMAND in its environment), manx is the CNI plugin.`,
  );
}

/** `manx help COMMAND…`; commander's own knows no suggestion and no second level. */
function addHelp(program: Command): void {
  program
    .command("help")
    .summary("print the help of a command")
    .description("Print the help of a command.")
    .argument("[command...]", "such as routes, or lab exec")
    .action((words: readonly string[]) => {
      let command = program;
      for (const word of words) {
        const found = command.commands.find((candidate) => candidate.name() === word);
        if (found === undefined) {
          const known = command.commands.map((candidate) => candidate.name());
          command.error(`error: unknown command '${word}'${suggestion(word, known)}`);
        } else {
          command = found;
        }
      }
      command.help();
    });
}

/** Commander's errors in the form of all others: who says it, and the suggestion on the same line. */
function inHouseStyle(text: string): string {
  return text.replace(/^error: /, "manx: ").replace("\n(Did you mean ", " (did you mean ");
}
