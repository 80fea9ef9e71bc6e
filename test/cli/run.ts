/**
 * Runs the command line in this process, with its output collected and its roles recorded.
 */

import type { BgpdOptions, CleanupOptions, LabExecOptions, LabOptions } from "../../cli/options.ts";
import type { Output } from "../../cli/output.ts";
import { runProgram } from "../../cli/program.ts";
import { type Look, PLAIN_LOOK } from "../../cli/style.ts";

export type Call =
  | { readonly role: "bgpd"; readonly options: BgpdOptions }
  | { readonly role: "cleanup"; readonly options: CleanupOptions }
  | { readonly role: "lab"; readonly options: LabOptions }
  | { readonly role: "labExec"; readonly options: LabExecOptions };

export type Run = {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly calls: readonly Call[];
};

/** The exit code that the recorded roles give: one that the command line has no use for itself. */
export const ROLE_CODE = 7;

/** Run `manx` with these arguments. */
export async function run(argv: readonly string[], look: Look = PLAIN_LOOK): Promise<Run> {
  let out = "";
  let err = "";
  const calls: Call[] = [];
  const output: Output = {
    look,
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
  };
  const record = async (call: Call): Promise<number> => {
    calls.push(call);
    return ROLE_CODE;
  };
  const code = await runProgram(
    argv,
    {
      bgpd: (options) => record({ role: "bgpd", options }),
      cleanup: (options) => record({ role: "cleanup", options }),
      lab: (options) => record({ role: "lab", options }),
      labExec: (options) => record({ role: "labExec", options }),
    },
    output,
  );
  return { code, out, err, calls };
}
