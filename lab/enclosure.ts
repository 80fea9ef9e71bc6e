/**
 * The lab's outer process: it starts the same executable once more inside fresh namespaces, and
 * stays to hand signals on.
 *
 * Inside, the lab is root of its own user namespace and process 1 of its own pid namespace: whatever
 * happens to it, the kernel ends everything in there with it. The two are tied by a lifeline, a
 * descriptor whose other end we hold: when we end, however we end, the lab inside sees it close and
 * ends too. (Signals would not do: util-linux's `unshare --fork` stands between us and blocks them.)
 *
 * Not here: what happens inside (`inside.ts`).
 */

import { closeSync, readFileSync } from "node:fs";
import { LabError } from "./error.ts";
import { INSIDE_MARK } from "./finder.ts";

/** The descriptor of the lifeline, inside. */
export const LIFELINE = 3;

/** util-linux; every namespace fresh, and nothing outlives its parent. */
export const UNSHARE = [
  "unshare",
  "--user",
  "--map-root-user",
  "--net",
  "--mount",
  "--pid",
  "--fork",
  "--kill-child",
  "--mount-proc",
] as const;

/** How long a lab that was asked to end may take before it is killed, in ms. */
const PATIENCE = 10_000;

/**
 * Run this executable with `args` inside fresh namespaces until it ends; its exit code.
 *
 * Throws `LabError` when the machine does not allow such namespaces, naming the setting.
 */
export async function runEnclosed(args: readonly string[]): Promise<number> {
  checkPermission();
  const child = Bun.spawn([...UNSHARE, process.execPath, ...args], {
    stdio: ["inherit", "inherit", "inherit", "pipe"],
    env: { ...process.env, [INSIDE_MARK]: "1" },
  });
  let lifeline = child.stdio[LIFELINE];
  let deadline: NodeJS.Timeout | undefined;
  const end = (): void => {
    if (lifeline === null || lifeline === undefined) return;
    closeSync(lifeline);
    lifeline = undefined;
    deadline = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, end);
  try {
    const code = await child.exited;
    return child.signalCode === null ? code : 1;
  } finally {
    clearTimeout(deadline);
    for (const signal of signals) process.off(signal, end);
  }
}

/** What decides whether an ordinary user may make namespaces; undefined where there is no such file. */
export type Settings = {
  readonly unprivilegedUserNamespaces: string | undefined;
  readonly appArmorRestriction: string | undefined;
  readonly maxUserNamespaces: string | undefined;
  readonly maxNetworkNamespaces: string | undefined;
};

/** Why `unshare` failed, in one sentence that names the setting to change. */
export function explainRefusal(words: string, settings: Settings): string {
  const said = `unshare says: ${words.trim() || "nothing"}`;
  const because = (cause: string, remedy: string): string =>
    `the lab needs user namespaces, and ${cause}: ${remedy} (${said})`;
  if (settings.unprivilegedUserNamespaces === "0") {
    return because(
      "kernel.unprivileged_userns_clone is 0",
      "sysctl -w kernel.unprivileged_userns_clone=1 as root, or run the lab as root",
    );
  }
  if (settings.maxUserNamespaces === "0") {
    return because(
      "user.max_user_namespaces is 0",
      "sysctl -w user.max_user_namespaces=10000 as root",
    );
  }
  if (settings.maxNetworkNamespaces === "0") {
    return because(
      "user.max_net_namespaces is 0",
      "sysctl -w user.max_net_namespaces=10000 as root",
    );
  }
  if (settings.appArmorRestriction === "1") {
    return because(
      "kernel.apparmor_restrict_unprivileged_userns is 1",
      "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 as root, or run the lab as root",
    );
  }
  return `the lab needs user, network, mount and pid namespaces, and this machine refuses them: inside a container, allow the system calls unshare and mount (seccomp) and an unmasked /proc (${said})`;
}

function checkPermission(): void {
  if (Bun.which(UNSHARE[0]) === null) {
    throw new LabError("the lab needs unshare(1) of util-linux, and it is not on PATH");
  }
  const { success, stderr } = Bun.spawnSync([...UNSHARE, "true"], { stderr: "pipe" });
  if (success) return;
  throw new LabError(
    explainRefusal(stderr.toString(), {
      unprivilegedUserNamespaces: setting("kernel/unprivileged_userns_clone"),
      appArmorRestriction: setting("kernel/apparmor_restrict_unprivileged_userns"),
      maxUserNamespaces: setting("user/max_user_namespaces"),
      maxNetworkNamespaces: setting("user/max_net_namespaces"),
    }),
  );
}

function setting(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${name}`, "utf8").trim();
  } catch {
    return undefined;
  }
}
