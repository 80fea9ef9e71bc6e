/**
 * The engine's way out and in: UDP sockets of RFC 5881 section 4 and RFC 5883 section 5.
 *
 * Each session sends from a port of its own; those at one address and of one kind receive on one. A socket that
 * cannot be had is tried again with every packet.
 */

import { errnoName } from "../../kernel/errno.ts";
import { SystemError } from "../../kernel/libc.ts";
import { openUdp, type UdpSocket } from "../../kernel/udp.ts";
import { type Address, formatAddress, isLinkLocal } from "../../lib/address.ts";
import type { SessionPlan } from "./bfd.ts";
import {
  FIRST_SOURCE_PORT,
  FULL_HOPS,
  LAST_SOURCE_PORT,
  MULTIHOP_PORT,
  SINGLE_HOP_PORT,
} from "./const.ts";
import type { Arrival, Output } from "./engine.ts";

type Receiver = {
  readonly socket: UdpSocket;
  readonly multihop: boolean;
  readonly local: Address;
  readonly users: Set<number>;
};

type Sender = { readonly socket: UdpSocket; readonly receiver: string };

export class Sockets implements Output {
  readonly #random: () => number;
  readonly #receivers = new Map<string, Receiver>();
  readonly #senders = new Map<number, Sender>();

  /** `random` is uniform in [0, 1): source ports are not to be guessed. */
  constructor(random: () => number) {
    this.#random = random;
  }

  send(discriminator: number, plan: SessionPlan, bytes: Uint8Array): string | undefined {
    try {
      const { socket } = this.#senders.get(discriminator) ?? this.#open(discriminator, plan);
      const sent = socket.send(bytes, plan.remote, portOf(plan));
      return sent < 0 ? `sendto ${formatAddress(plan.remote)}: ${errnoName(-sent)}` : undefined;
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      return `${formatAddress(plan.local)} port ${portOf(plan)}: ${error.message}`;
    }
  }

  close(discriminator: number): void {
    const sender = this.#senders.get(discriminator);
    if (sender === undefined) return;
    this.#senders.delete(discriminator);
    sender.socket.close();
    const receiver = this.#receivers.get(sender.receiver);
    receiver?.users.delete(discriminator);
    if (receiver?.users.size !== 0) return;
    this.#receivers.delete(sender.receiver);
    receiver.socket.close();
  }

  /** Descriptors are the process's: a thread that ends, however it does, leaves none. */
  closeAll(): void {
    for (const discriminator of [...this.#senders.keys()]) this.close(discriminator);
  }

  /** What can become readable. */
  descriptors(): number[] {
    return [...this.#receivers.values()].map(({ socket }) => socket.fd);
  }

  /** Everything that is there to be read. */
  *arrivals(): Generator<Arrival> {
    for (const { socket, multihop, local } of [...this.#receivers.values()]) {
      for (let got = socket.receive(); got !== undefined; got = socket.receive()) {
        const { bytes, source: remote, hops, link } = got;
        yield { multihop, local, remote, link, hops, bytes };
      }
    }
  }

  #open(discriminator: number, plan: SessionPlan): Sender {
    const socket = this.#openSender(plan);
    try {
      const receiver = this.#receiver(plan);
      this.#receivers.get(receiver)?.users.add(discriminator);
      const sender = { socket, receiver };
      this.#senders.set(discriminator, sender);
      return sender;
    } catch (error) {
      socket.close();
      throw error;
    }
  }

  /** The name of the receiver for the plan's address and kind, opened when it is the first. */
  #receiver(plan: SessionPlan): string {
    const { local, link, multihop } = plan;
    const port = portOf(plan);
    const name = `${formatAddress(local)} ${link} ${port}`;
    if (!this.#receivers.has(name)) {
      const socket = openUdp({ local, port, link: scopeOf(plan), hops: FULL_HOPS });
      this.#receivers.set(name, { socket, multihop, local, users: new Set() });
    }
    return name;
  }

  /** Bound to a free port of the range, beginning anywhere in it. */
  #openSender(plan: SessionPlan): UdpSocket {
    const { local } = plan;
    const span = LAST_SOURCE_PORT - FIRST_SOURCE_PORT + 1;
    const start = Math.floor(this.#random() * span);
    for (let tried = 0; ; tried++) {
      const port = FIRST_SOURCE_PORT + ((start + tried) % span);
      try {
        return openUdp({ local, port, link: scopeOf(plan), hops: FULL_HOPS });
      } catch (error) {
        const isTaken = error instanceof SystemError && error.code === "EADDRINUSE";
        if (!isTaken || tried === span - 1) throw error;
      }
    }
  }
}

function portOf({ multihop }: SessionPlan): number {
  return multihop ? MULTIHOP_PORT : SINGLE_HOP_PORT;
}

/** fe80::/10 means nothing without its link. */
function scopeOf({ local, link }: SessionPlan): number {
  return isLinkLocal(local) ? link : 0;
}
