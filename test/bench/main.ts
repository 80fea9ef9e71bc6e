/** `npm run bench -- NAME [options]`: the benchmarks by name. */

const BENCHES: Record<string, () => Promise<(args: string[]) => Promise<number>>> = {
  cni: async () => (await import("./cni.ts")).runCniBench,
  bgp: async () => (await import("./bgp.ts")).runBgpBench,
  "cni-density": async () => (await import("./cni-density.ts")).runDensityBench,
  "cni-crowd": async () => (await import("./cni-crowd.ts")).runCrowdBench,
  report: async () => (await import("./report.ts")).runReport,
  profile: async () => (await import("./profile.ts")).runProfile,
  fib: async () => (await import("./fib.ts")).runFibBench,
};

const [name = "", ...args] = process.argv.slice(2);
const load = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
if (load === undefined) {
  console.error(`bench: ${JSON.stringify(name)} is none of ${Object.keys(BENCHES).join(", ")}`);
  process.exitCode = 2;
} else {
  try {
    process.exitCode = await (await load())(args);
  } catch (error) {
    console.error(`bench ${name}: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 2;
  }
}
