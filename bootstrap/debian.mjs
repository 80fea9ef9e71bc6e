/**
 * Programs of Debian packages for the lab, tests and benchmarks, without root and without a trace.
 *
 * A program that is installed is used as it is. Otherwise the package and what it misses on this
 * machine are downloaded and unpacked into `.cache/debian/` (no maintainer script runs, so no service
 * is started or enabled), and a wrapper in `.cache/debian/bin` gives it its libraries.
 */

import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { CACHE, isDone, markDone, say } from "./place.mjs";

const HOME = join(CACHE, "debian");
const UNPACKED = join(HOME, "root");
const WRAPPERS = join(HOME, "bin");
const SYSTEM = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
const FOLDERS = ["usr/sbin", "usr/bin", "sbin", "bin"];
/** Names that Debian gives with update-alternatives, which is a maintainer script's doing. */
const ALTERNATIVES = { iptables: "iptables-nft" };
const LIBRARIES = ["usr/lib", "lib"].flatMap((folder) => [folder, `${folder}/${triplet()}`]);

/**
 * Make sure of `packages`, whose `programs` are wanted on PATH.
 *
 * `environment` has PATH with them, MANX_DEBIAN_ROOT and MANX_CNI_PLUGINS (where there are such);
 * `missing` says what could not be had and why.
 */
export function debian(packages, programs) {
  const wanted = packages.filter((name) => !isDone(`unpacked-${name}`, name) && !isInstalled(name));
  const missing = wanted.length === 0 ? [] : unpack(wanted);
  mkdirSync(WRAPPERS, { recursive: true });
  for (const program of programs) wrap(program);
  const path = [WRAPPERS, process.env.PATH ?? "", ...SYSTEM].join(delimiter);
  const plugins = ["/usr/lib/cni", join(UNPACKED, "usr/lib/cni")].find((folder) =>
    existsSync(join(folder, "ptp")),
  );
  return {
    missing,
    environment: {
      PATH: path,
      MANX_DEBIAN_ROOT: UNPACKED,
      ...(plugins === undefined ? {} : { MANX_CNI_PLUGINS: plugins }),
    },
  };
}

function triplet() {
  return { x64: "x86_64-linux-gnu", arm64: "aarch64-linux-gnu" }[process.arch] ?? "";
}

function isInstalled(name) {
  const { stdout } = spawnSync("dpkg-query", ["-W", "-f", `\${db:Status-Status}`, name], {
    encoding: "utf8",
  });
  return stdout === "installed";
}

function unpack(packages) {
  say(`unpacking from Debian into .cache/debian: ${packages.join(", ")}`);
  const fault = download(packages);
  if (fault !== undefined) {
    say(`not available: ${fault}`);
    return packages.map((name) => ({ name, fault }));
  }
  mkdirSync(UNPACKED, { recursive: true });
  const archives = join(HOME, "cache/archives");
  for (const file of readdirSync(archives).filter((entry) => entry.endsWith(".deb"))) {
    const { status, stderr } = spawnSync("dpkg-deb", ["-x", join(archives, file), UNPACKED], {
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`dpkg-deb -x ${file}: ${stderr}`);
    rmSync(join(archives, file));
  }
  for (const name of packages) markDone(`unpacked-${name}`, name);
  return [];
}

/** Fetch the packages and their missing dependencies; undefined, or why it failed. */
function download(packages) {
  const lists = join(HOME, "state/lists");
  // The machine's own lists serve when they are there and fresh enough; else we keep lists of our own.
  const tries = [["-o", "Dir::State::lists=/var/lib/apt/lists"], []];
  let fault = "";
  for (const options of tries) {
    mkdirSync(join(lists, "partial"), { recursive: true });
    mkdirSync(join(HOME, "cache/archives/partial"), { recursive: true });
    if (options.length === 0) {
      const update = apt([], ["update"]);
      if (update.status !== 0) return lastLine(update.stderr);
    }
    const install = apt(options, [
      "install",
      "--yes",
      "--download-only",
      "--no-install-recommends",
      ...packages,
    ]);
    if (install.status === 0) return undefined;
    fault = lastLine(install.stderr);
  }
  return fault;
}

function apt(options, args) {
  const { status, stderr, error } = spawnSync(
    "apt-get",
    [
      ["Dir::State", join(HOME, "state")],
      ["Dir::State::status", "/var/lib/dpkg/status"],
      ["Dir::Cache", join(HOME, "cache")],
      ["APT::Sandbox::User", ""],
      ["Debug::NoLocking", "1"],
    ]
      .flatMap(([name, value]) => ["-o", `${name}=${value}`])
      .concat(options, args),
    { encoding: "utf8", env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" } },
  );
  return { status, stderr: error === undefined ? stderr : `apt-get: ${error.message}` };
}

function lastLine(text) {
  return text.trim().split("\n").at(-1) ?? "";
}

/** A script in `.cache/debian/bin` that runs the unpacked program with the unpacked libraries. */
function wrap(program) {
  const wrapper = join(WRAPPERS, program);
  const file = ALTERNATIVES[program] ?? program;
  const target = FOLDERS.map((folder) => join(UNPACKED, folder, file)).find(existsSync);
  const installed = SYSTEM.some((folder) => existsSync(join(folder, program)));
  if (target === undefined || installed) {
    rmSync(wrapper, { force: true });
    return;
  }
  const libraries = LIBRARIES.map((folder) => join(UNPACKED, folder)).join(":");
  writeFileSync(
    wrapper,
    [
      "#!/bin/sh",
      `export LD_LIBRARY_PATH='${libraries}'`,
      `export WIRESHARK_DATA_DIR='${join(UNPACKED, "usr/share/wireshark")}'`,
      `export XTABLES_LIBDIR='${join(UNPACKED, "usr/lib", triplet(), "xtables")}'`,
      `exec '${target}' "$@"`,
      "",
    ].join("\n"),
  );
  chmodSync(wrapper, 0o755);
}
