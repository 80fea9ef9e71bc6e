/**
 * Neighbour discovery on links: what `timing.ts` has due is sent, who advertises is remembered, and links and their
 * link-local addresses are followed by the kernel's events.
 *
 * We advertise with a Router Lifetime of 0: nobody takes us for a default router (RFC 4861 section 6.2.3).
 */

import type { InterfaceAddress, Kernel, KernelEvent, Link } from "../../kernel/kernel.ts";
import { SystemError } from "../../kernel/libc.ts";
import {
  type Address,
  equalAddress,
  formatAddress,
  isLinkLocal,
  withZone,
} from "../../lib/address.ts";
import type { Clock, Timer } from "../../lib/clock.ts";
import { fromHex } from "../../lib/hex.ts";
import type { Logger } from "../../lib/log.ts";
import { NdError } from "./error.ts";
import { decodeMessage, encodeMessage, type NdMessage } from "./message.ts";
import type {
  Discovery,
  DiscoveryFactory,
  NdArrival,
  NdSocket,
  OpenNdSocket,
  Router,
  Standing,
} from "./nd.ts";
import { Timing } from "./timing.ts";

export type DiscoveryOptions = {
  readonly clock: Clock;
  readonly kernel: Kernel;
  readonly open: OpenNdSocket;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
};

/** Until a socket that could not be had, or was lost, is tried again, ms. */
const RETRY = 2000;
/** Whoever floods a link with advertisements is not remembered beyond this many. */
const MOST_ROUTERS = 16;

/** For `DaemonOptions`. */
export function discoveryIn(options: DiscoveryOptions): DiscoveryFactory {
  return ({ onChange, events }) => new KernelDiscovery(options, onChange, events);
}

/** A link on which neighbours are looked for and can be. */
type Active = {
  readonly index: number;
  /** With its link. */
  readonly local: Address;
  readonly linkLayer: Uint8Array | undefined;
  readonly timing: Timing;
  /** By address. */
  readonly routers: Map<string, Router>;
  /** Why the last message was not sent; empty when it was. */
  fault: string;
};

class KernelDiscovery implements Discovery {
  readonly #options: DiscoveryOptions;
  readonly #onChange: (link: string) => void;
  /** By name; a text says why the link cannot be used. */
  readonly #links = new Map<string, Active | string>();
  readonly #unwatch: (() => void) | undefined;
  #socket: NdSocket | undefined;
  /** Why there is no socket. */
  #trouble = "";
  #timer: Timer | undefined;
  #retry: Timer | undefined;

  constructor(
    options: DiscoveryOptions,
    onChange: (link: string) => void,
    events: "watched" | "told",
  ) {
    this.#options = options;
    this.#onChange = onChange;
    if (events === "told") return;
    this.#unwatch = options.kernel.watch(["link", "address"], (event) => this.observe(event));
  }

  apply(links: readonly string[]): void {
    for (const name of [...this.#links.keys()].filter((one) => !links.includes(one))) {
      this.#leave(name);
      this.#links.delete(name);
    }
    if (links.length > 0 && this.#socket === undefined) this.#open();
    for (const name of links.filter((one) => !this.#links.has(one))) this.#look(name);
    this.#arm();
  }

  observe(event: KernelEvent): void {
    const concerned = [...this.#links].filter(([name, link]) => isAbout(event, name, link));
    const changed = concerned.filter(([name]) => this.#look(name));
    if (changed.length === 0) return;
    this.#arm();
    for (const [name] of changed) this.#onChange(name);
  }

  standing(name: string): Standing {
    const link = this.#links.get(name);
    if (typeof link !== "object") return { local: undefined, reason: link ?? "nobody looks there" };
    const reason =
      this.#trouble ||
      link.fault ||
      `no router advertisement has come on ${name} (RFC 4861): waiting for a neighbour`;
    return { local: link.local, routers: [...link.routers.values()], reason };
  }

  stop(): void {
    this.#timer?.cancel();
    this.#retry?.cancel();
    this.#unwatch?.();
    this.#links.clear();
    this.#socket?.close();
    this.#socket = undefined;
  }

  #open(): void {
    this.#retry?.cancel();
    this.#retry = undefined;
    try {
      const socket = this.#options.open(
        (arrival) => this.#arrived(arrival),
        (error) => {
          this.#socket = undefined;
          socket.close();
          this.#fail(error);
        },
      );
      this.#socket = socket;
      this.#trouble = "";
      for (const [name, link] of this.#links) if (typeof link === "object") this.#join(name, link);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    const { clock, log } = this.#options;
    const words = error instanceof Error ? error.message : String(error);
    const trouble = `neighbours cannot be looked for: no ICMPv6 socket (${words})`;
    if (trouble !== this.#trouble) log.error(trouble);
    this.#trouble = trouble;
    this.#retry ??= clock.after(RETRY, () => {
      this.#retry = undefined;
      this.#open();
      for (const name of this.#links.keys()) this.#onChange(name);
      this.#arm();
    });
  }

  /** See how a link is now; true when it stands otherwise than before. */
  #look(name: string): boolean {
    const { clock, kernel, random } = this.#options;
    const before = this.#links.get(name);
    const present = typeof before === "object" ? before.local : undefined;
    const found = usable(name, kernel.link(name), kernel.addresses(6), present);
    if (typeof found === "string") {
      if (before === found) return false;
      this.#leave(name);
      this.#links.set(name, found);
      return true;
    }
    if (present !== undefined && equalAddress(present, found.local)) return false;
    this.#leave(name);
    const active: Active = {
      ...found,
      timing: new Timing(clock.now(), random),
      routers: new Map(),
      fault: "",
    };
    this.#links.set(name, active);
    this.#join(name, active);
    return true;
  }

  #join(name: string, { local }: Active): void {
    try {
      this.#socket?.join(local);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      // Solicitations are not heard then; advertisements are.
      this.#options.log.warn({ link: name, err: error }, "cannot join the all-routers group");
    }
  }

  #leave(name: string): void {
    const link = this.#links.get(name);
    if (typeof link === "object") this.#socket?.leave(link.local);
  }

  #arrived(arrival: NdArrival): void {
    const found = [...this.#links].find(
      ([, link]) => typeof link === "object" && link.index === arrival.link,
    );
    if (found === undefined) return;
    const [name, link] = found;
    if (typeof link !== "object" || equalAddress(withZone(arrival.source, link.index), link.local))
      return;
    let message: NdMessage;
    try {
      message = decodeMessage(arrival.bytes, arrival);
    } catch (error) {
      if (!(error instanceof NdError)) throw error;
      const source = formatAddress(arrival.source);
      this.#options.log.debug({ link: name, source }, `message discarded: ${error.message}`);
      return;
    }
    this.#take(name, link, message, arrival.source);
    this.#arm();
  }

  #take(name: string, link: Active, message: NdMessage, source: Address): void {
    const now = this.#options.clock.now();
    const address = withZone(source, link.index);
    if (message.type === "solicitation") {
      // Who is asked in the name of an address elsewhere must not answer there.
      link.timing.asked(isLinkLocal(source) ? address : undefined, now);
      return;
    }
    link.timing.heard();
    const key = formatAddress(address);
    if (!link.routers.has(key)) {
      const router = formatAddress(source);
      if (link.routers.size === MOST_ROUTERS) forgetOldest(link.routers);
      else this.#options.log.info({ link: name, router }, "a router advertises");
    }
    link.routers.set(key, { address, heard: now });
    this.#onChange(name);
  }

  /** Send what is due, and come back for the next. */
  #run(): void {
    const { clock, log } = this.#options;
    for (const [name, link] of this.#links) {
      if (typeof link !== "object") continue;
      for (const { type, to } of link.timing.due(clock.now())) {
        const bytes = encodeMessage(messageOf(type, link.linkLayer));
        const fault = this.#socket?.send(bytes, to, link.local) ?? "";
        if (fault !== "" && fault !== link.fault) log.warn({ link: name }, `not sent: ${fault}`);
        link.fault = fault === "" ? "" : `cannot advertise on ${name}: ${fault}`;
      }
    }
    this.#arm();
  }

  #arm(): void {
    const { clock } = this.#options;
    this.#timer?.cancel();
    this.#timer = undefined;
    const links = [...this.#links.values()].filter((link) => typeof link === "object");
    if (links.length === 0 || this.#socket === undefined) return;
    const next = Math.min(...links.map(({ timing }) => timing.next));
    this.#timer = clock.after(Math.max(0, next - clock.now()), () => this.#run());
  }
}

/** Whether an event may change how a link stands. */
function isAbout(event: KernelEvent, name: string, link: Active | string | undefined): boolean {
  if (event.type === "overrun") return true;
  if (event.type === "address") {
    // Of a link that could not be used the index is not known.
    const index = indexOf(link) ?? event.address.link;
    return isLinkLocal(event.address.address) && event.address.link === index;
  }
  if (event.type !== "link") return false;
  return event.link.name === name || event.link.index === indexOf(link);
}

function indexOf(link: Active | string | undefined): number | undefined {
  return typeof link === "object" ? link.index : undefined;
}

/** The link as one can look for neighbours on it, by the address that is `present` if it is; or why one cannot. */
function usable(
  name: string,
  link: Link | undefined,
  addresses: readonly InterfaceAddress[],
  present: Address | undefined,
): Pick<Active, "index" | "local" | "linkLayer"> | string {
  if (link === undefined) return `there is no link ${name}`;
  if (!link.up) return `the link ${name} is down`;
  if (!link.carrier) return `the link ${name} has no carrier`;
  const own = addresses.filter((one) => one.link === link.index && isLinkLocal(one.address));
  const candidates = own.filter(({ unusable }) => unusable === undefined);
  const isPresent = ({ address }: InterfaceAddress): boolean =>
    present !== undefined && equalAddress(withZone(address, link.index), present);
  const local = candidates.find(isPresent) ?? candidates[0];
  if (local !== undefined) {
    const linkLayer = link.mac === undefined ? undefined : fromHex(link.mac.replaceAll(":", ""));
    return { index: link.index, local: withZone(local.address, link.index), linkLayer };
  }
  const [other] = own;
  if (other === undefined) return `the link ${name} has no link-local IPv6 address`;
  const text = formatAddress(other.address);
  return other.unusable === "duplicate"
    ? `the link-local address ${text} of ${name} is another's too (RFC 4862 section 5.4)`
    : `the link-local address ${text} of ${name} is being checked for duplicates (RFC 4862 section 5.4)`;
}

function messageOf(type: NdMessage["type"], linkLayer: Uint8Array | undefined): NdMessage {
  if (type === "solicitation") return { type, linkLayer };
  const says = { hopLimit: 0, managed: false, other: false, lifetime: 0 };
  return { type, ...says, reachableTime: 0, retransTimer: 0, linkLayer };
}

function forgetOldest(routers: Map<string, Router>): void {
  const [oldest] = [...routers].sort(([, a], [, b]) => a.heard - b.heard);
  if (oldest !== undefined) routers.delete(oldest[0]);
}
