/**
 * IPReservation (projectcalico.org/v3): addresses of the pools that no pod may have.
 */

import * as v from "valibot";
import type { Prefix } from "../lib/prefix.ts";
import type { NotHonouredFields } from "./not-honoured.ts";
import { addressesSchema, mapOf } from "./scalar.ts";

export type IpReservation = {
  readonly name: string;
  readonly prefixes: readonly Prefix[];
};

export const ipReservationSpec = mapOf({
  reservedCIDRs: v.optional(
    v.array(addressesSchema, 'expected a list such as ["10.244.1.0/28", "10.244.2.7"]'),
    [],
  ),
});

/** Calico has no more fields. */
export const IP_RESERVATION_NOT_HONOURED: NotHonouredFields = {};

/** The record of a checked document. */
export function ipReservationFrom(
  name: string,
  { reservedCIDRs }: v.InferOutput<typeof ipReservationSpec>,
): IpReservation {
  return { name, prefixes: reservedCIDRs };
}
