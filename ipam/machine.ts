/**
 * Whether anything on a machine uses an address: over plain data, which `kernel/survey.ts` reads.
 *
 * An address is proved to be free when everything that could use it was looked at and does not. Everything that could
 * not be looked at is told, and then nothing is proved.
 */

import { type Address, formatAddress } from "../lib/address.ts";
import type { Prefix } from "../lib/prefix.ts";
import { type Attached, attachedBy, endsOf } from "./ends.ts";

export type MachineLink = {
  readonly index: number;
  readonly name: string;
  readonly kind?: string;
  readonly alias?: string;
  readonly mac?: string;
  /** A veth's peer, by its index in its own namespace. */
  readonly peer?: number;
};

type MachineAddress = { readonly link: number; readonly address: Address };

export type MachineRoute = {
  readonly destination: Prefix;
  readonly type: string;
  readonly nextHops: readonly { readonly link?: number }[];
};

export type MachineNamespace = {
  readonly path: string;
  readonly links: readonly MachineLink[];
  readonly addresses: readonly MachineAddress[];
};

export type Machine = {
  readonly host: {
    readonly links: readonly MachineLink[];
    readonly addresses: readonly MachineAddress[];
    /** To single addresses. */
    readonly routes: readonly MachineRoute[];
    readonly neighbours: readonly (MachineAddress & {
      readonly mac?: string;
      readonly state: string;
    })[];
  };
  readonly namespaces: readonly MachineNamespace[];
  readonly calls: readonly {
    readonly pid: number;
    readonly verb: string;
    readonly container: string;
    readonly interfaceName: string;
  }[];
  readonly unseen: readonly string[];
};

/** Where a pod's end is. */
export type PodEnd = {
  readonly path: string;
  readonly link: MachineLink;
  /** What it has there. */
  readonly addresses: readonly string[];
};

/** A machine, and what is asked of it. */
export type MachineView = {
  readonly machine: Machine;
  link(name: string): MachineLink | undefined;
  /** Routes that lead to exactly this address: where the links of their next hops are called so. */
  routes(address: Address): readonly { readonly links: readonly string[] }[];
  /** Pods that have it, in words. */
  inNamespaces(address: Address): readonly string[];
  /** The other end of a host end; undefined when its namespace was not seen. */
  podEnd(hostEnd: MachineLink): PodEnd | undefined;
  /** The call that is under way for this attachment. */
  call(holder: Pick<Attached, "container" | "interfaceName">): Machine["calls"][number] | undefined;
  /** What was not seen, in words: then nothing is proved by silence. */
  readonly unknown: readonly string[];
};

/** Why an address cannot be given to somebody else; nothing in either list proves that it can. */
export type Proof = {
  /** What has it. */
  readonly uses: readonly string[];
  readonly unknown: readonly string[];
};

/** Look at a machine through the questions above. */
export function viewOf(machine: Machine): MachineView {
  const { host, namespaces, calls } = machine;
  const byName = new Map(host.links.map((link) => [link.name, link]));
  const names = new Map(host.links.map(({ index, name }) => [index, name]));
  const routes = grouped(
    // A blackhole of a block of one address is no use of it.
    host.routes.filter(({ type }) => type === "unicast"),
    ({ destination }) => formatAddress(destination),
  );
  const located = [
    { path: "the host's namespace", links: host.links, addresses: host.addresses },
    ...namespaces,
  ].flatMap(({ path, links, addresses }) =>
    addresses.map(({ link, address }) => {
      const name = links.find(({ index }) => index === link)?.name ?? `link ${link}`;
      return { text: formatAddress(address), path, name };
    }),
  );
  const inNamespaces = grouped(located, ({ text }) => text);
  const podEnd = (hostEnd: MachineLink): PodEnd | undefined => {
    for (const { path, links, addresses } of namespaces) {
      const link = links.find(
        ({ index, peer, kind }) =>
          kind === "veth" && index === hostEnd.peer && peer === hostEnd.index,
      );
      if (link === undefined) continue;
      const own = addresses.filter((address) => address.link === link.index);
      return { path, link, addresses: own.map(({ address }) => formatAddress(address)) };
    }
    return undefined;
  };
  const hidden = host.links
    .filter((link) => attachedBy(link) !== undefined && podEnd(link) === undefined)
    .map(
      ({ name, alias }) => `the namespace of ${name} (${alias}) is not among those that are seen`,
    );
  return {
    machine,
    link: (name) => byName.get(name),
    routes: (address) =>
      (routes.get(formatAddress(address)) ?? []).map(({ nextHops }) => ({
        links: nextHops.map(({ link = 0 }) => names.get(link) ?? `link ${link}`),
      })),
    inNamespaces: (address) =>
      (inNamespaces.get(formatAddress(address)) ?? []).map(
        ({ path, name }) => `${name} in ${path} has it`,
      ),
    podEnd,
    call: ({ container, interfaceName }) =>
      calls.find(
        (call) =>
          // GC is of everybody.
          call.verb === "GC" ||
          (call.container === container && call.interfaceName === interfaceName),
      ),
    unknown: [...machine.unseen, ...hidden],
  };
}

/** Whether an address is free; `holder`: whose host end may use it, if that is known. */
export function proofOf(view: MachineView, address: Address, holder: Attached | undefined): Proof {
  const uses: string[] = [];
  if (holder !== undefined) {
    const { hostEnd } = endsOf(holder);
    const call = view.call(holder);
    if (call !== undefined) uses.push(`${call.verb} is under way as process ${call.pid}`);
    if (view.link(hostEnd) !== undefined) uses.push(`its host end ${hostEnd} is there`);
  }
  for (const { links } of view.routes(address)) {
    uses.push(`the host has a route to it over ${links.join(", ") || "no link"}`);
  }
  uses.push(...view.inNamespaces(address));
  return { uses, unknown: view.unknown };
}

/** Whether nothing speaks against it. */
export function isProved({ uses, unknown }: Proof): boolean {
  return uses.length === 0 && unknown.length === 0;
}

function grouped<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
