/**
 * The executable's entry: which of its roles this process plays.
 *
 * The plugin, which the runtime starts for every pod, is here at once; the other roles are imported when they are played,
 * so that it pays for nothing else.
 */

import { runCni, runIpam } from "./cni/main.ts";

const arguments_ = process.argv.slice(2);

// What a role writes is written by the time it returns; nothing that is left open shall keep the process.
process.exit(await play());

async function play(): Promise<number> {
  if (process.argv0.endsWith("manx-ipam")) return await runIpam();
  if (process.env.CNI_COMMAND !== undefined && arguments_.length === 0) return await runCni();
  const { runProgram } = await import("./cli/program.ts");
  return await runProgram(arguments_, {
    async bgpd(options) {
      const { runBgpd } = await import("./bgpd/main.ts");
      return await runBgpd(options);
    },
    async cleanup(options) {
      const { runCleanup } = await import("./bgpd/cleanup.ts");
      return runCleanup(options);
    },
    async lab(options) {
      const { runLab } = await import("./lab/main.ts");
      return await runLab(options);
    },
    async labExec(options) {
      const { runLabExec } = await import("./lab/main.ts");
      return await runLabExec(options);
    },
  });
}
