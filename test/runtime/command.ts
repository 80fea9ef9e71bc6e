/** Commands that run to their end, each with a deadline. */

/** Milliseconds; a container starts in a tenth of a second, on a busy machine in some. */
const DEADLINE = 30_000;

/** Run a command to its end; its standard output. Throws with stderr, also when it takes too long. */
export function command(...args: string[]): string {
  const { exitCode, signalCode, stdout, stderr } = Bun.spawnSync(args, {
    stdin: "ignore",
    stderr: "pipe",
    timeout: DEADLINE,
    killSignal: "SIGKILL",
  });
  if (exitCode === 0) return stdout.toString();
  throw new Error(
    `${args.join(" ")}: ${signalCode ?? `exit code ${exitCode}`}: ${stderr.toString().trim()}`,
  );
}
