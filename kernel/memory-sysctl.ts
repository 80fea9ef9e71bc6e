/** Settings below /proc/sys of the in-memory kernel: those of links and forwarding, with their defaults. */

import { KernelError } from "./kernel.ts";
import type { MemoryNamespace } from "./memory-state.ts";

/** Of each link, and of `all` and `default`, by family. */
const CONF: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "ipv4/conf": {
    accept_local: "0",
    accept_redirects: "1",
    arp_announce: "0",
    arp_filter: "0",
    arp_ignore: "0",
    arp_notify: "0",
    forwarding: "0",
    ignore_routes_with_linkdown: "0",
    proxy_arp: "0",
    proxy_arp_pvlan: "0",
    route_localnet: "0",
    rp_filter: "0",
    send_redirects: "1",
  },
  "ipv6/conf": {
    accept_dad: "1",
    accept_ra: "1",
    addr_gen_mode: "0",
    autoconf: "1",
    disable_ipv6: "0",
    forwarding: "0",
    keep_addr_on_down: "0",
    proxy_ndp: "0",
  },
  "ipv4/neigh": { proxy_delay: "80", gc_stale_time: "60" },
  "ipv6/neigh": { proxy_delay: "80", gc_stale_time: "60" },
};

const GLOBAL: Readonly<Record<string, string>> = {
  "net/ipv4/ip_forward": "0",
  "net/ipv4/ping_group_range": "1\t0",
  "net/ipv4/ip_unprivileged_port_start": "1024",
  "net/ipv4/fib_multipath_hash_policy": "0",
  "net/ipv6/bindv6only": "0",
};

type Cell = {
  readonly settings: Map<string, string>;
  readonly key: string;
  readonly initial: string;
};

/** Read a setting by dotted or slashed name. */
export function readSetting(namespace: MemoryNamespace, name: string): string {
  const { settings, key, initial } = cellOf(namespace, name);
  return settings.get(key) ?? initial;
}

/** Write one; forwarding of all is what `ip_forward` is. */
export function writeSetting(namespace: MemoryNamespace, name: string, value: string): void {
  const { settings, key } = cellOf(namespace, name);
  const text = value.trim();
  if (!/^-?\d+(\s+-?\d+)*$/.test(text)) throw failure(name, "EINVAL", 22);
  settings.set(key, text);
  if (key === "net/ipv4/ip_forward" || key === "net/ipv4/conf/all/forwarding") {
    for (const one of ["ip_forward", "conf/all/forwarding", "conf/default/forwarding"]) {
      namespace.settings.set(`net/ipv4/${one}`, text);
    }
    for (const link of namespace.links.values()) link.settings.set("ipv4/conf/forwarding", text);
  }
}

/** Every setting that was written, as `path = value`. */
export function settingsOf(namespace: MemoryNamespace): string[] {
  const ofLinks = [...namespace.links.values()].flatMap(({ name, settings }) =>
    [...settings].map(([key, value]) => {
      const [family, group, setting] = key.split("/");
      return `net/${family}/${group}/${name}/${setting} = ${value}`;
    }),
  );
  return [...ofLinks, ...[...namespace.settings].map(([key, value]) => `${key} = ${value}`)];
}

function cellOf(namespace: MemoryNamespace, name: string): Cell {
  const path = name.includes("/") ? name : name.replaceAll(".", "/");
  const [net, family, group, owner, key, ...more] = path.split("/");
  const initial = CONF[`${family}/${group}`]?.[key ?? ""];
  if (net === "net" && initial !== undefined && owner !== undefined && more.length === 0) {
    const isShared = owner === "default" || (owner === "all" && group === "conf");
    if (isShared) return { settings: namespace.settings, key: path, initial };
    const link = namespace.find(owner);
    const inherited = namespace.settings.get(`net/${family}/${group}/default/${key}`);
    if (link !== undefined) {
      return {
        settings: link.settings,
        key: `${family}/${group}/${key}`,
        initial: inherited ?? initial,
      };
    }
  }
  const shared = GLOBAL[path];
  if (shared === undefined) throw failure(name, "ENOENT", 2);
  return { settings: namespace.settings, key: path, initial: shared };
}

function failure(name: string, code: string, errno: number): KernelError {
  return new KernelError(`sysctl ${name}: ${code}`, code, errno);
}
