/**
 * Routers found on links by their advertisements (RFC 4861), as the sessions see it, and the socket below.
 *
 * The socket has two implementations: `socket.ts` is the kernel's, `memory.ts` the twin on a virtual clock.
 */

import type { KernelEvent } from "../../kernel/kernel.ts";
import type { Address } from "../../lib/address.ts";

/** Somebody who has advertised on a link. */
export type Router = {
  /** With its link. */
  readonly address: Address;
  /** When it was heard last, ms of the clock. */
  readonly heard: number;
};

/** How a link stands. */
export type Standing =
  | {
      /** Ours, with its link. */
      readonly local: Address;
      /** In no order. */
      readonly routers: readonly Router[];
      /** Why nobody may have been heard. */
      readonly reason: string;
    }
  | { readonly local: undefined; readonly reason: string };

/** Neighbours looked for on some links, to which we show ourselves. */
export type Discovery = {
  /** On these links, by name, and on no others. */
  apply(links: readonly string[]): void;
  /** Take in what happens to links and addresses, where the kernel is watched by somebody else. */
  observe(event: KernelEvent): void;
  standing(link: string): Standing;
  stop(): void;
};

export type DiscoveryFactory = (options: {
  /** A link stands otherwise, or somebody was heard on it. Not from inside `apply`. */
  readonly onChange: (link: string) => void;
  /** "told": the kernel is watched by who asks, and `observe` is told of its events. */
  readonly events: "watched" | "told";
}) => Discovery;

export type NdArrival = {
  /** An ICMPv6 message, valid during the call. */
  readonly bytes: Uint8Array;
  /** Without its link. */
  readonly source: Address;
  readonly hops: number | undefined;
  readonly link: number;
};

export type NdSocket = {
  /** Hear what is for all routers on the link of an address of ours; what is for all nodes is heard anyway. */
  join(local: Address): void;
  /** Neither hear nor send there any more. */
  leave(local: Address): void;
  /** From an address of ours, on its link. Why it could not be sent, in words; undefined when it was. */
  send(bytes: Uint8Array, to: Address, local: Address): string | undefined;
  close(): void;
};

/** `onFailure`: the socket is of no use any more. Throws `SystemError`. */
export type OpenNdSocket = (
  onArrival: (arrival: NdArrival) => void,
  onFailure: (error: unknown) => void,
) => NdSocket;
