/**
 * Run before runc: takes out of a container's specification what a user namespace with a single user cannot
 * have, and what has nothing to do with its network. That is group 5, which devpts is to get, and cgroups.
 *
 * Arguments: runc's own. Only those with a bundle concern us.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

type Specification = {
  readonly mounts: { readonly destination: string; type?: string; options?: string[] }[];
  readonly linux: { cgroupsPath?: string; resources?: object };
};

const bundle = process.argv[process.argv.indexOf("--bundle") + 1];
if (process.argv.includes("--bundle") && bundle !== undefined) {
  const path = join(bundle, "config.json");
  const specification = JSON.parse(readFileSync(path, "utf8")) as Specification;
  for (const mount of specification.mounts) {
    if (mount.type !== "devpts") continue;
    mount.options = mount.options?.filter((option) => !option.startsWith("gid=")) ?? [];
  }
  delete specification.linux.cgroupsPath;
  delete specification.linux.resources;
  writeFileSync(path, JSON.stringify(specification));
}
