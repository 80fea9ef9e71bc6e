/**
 * Graceful restart in OPENs (RFC 4724 section 3, RFC 8538 section 2, RFC 9494 section 3.1): what we say, and what the
 * peer's words come to.
 */

import type { Family } from "../../lib/address.ts";
import type { Capability, LongLivedFamily, RestartFamily } from "../wire/message.ts";
import type { KeptFamily, LocalRestart, PeerRestart, SessionConfig } from "./state.ts";

const AFI: Readonly<Record<Family, number>> = { 4: 1, 6: 2 };
const SAFI_UNICAST = 1;

/** Our capabilities; none where graceful restart is off. A helper names no family: nobody is to keep its routes. */
export function restartCapabilities(
  { gracefulRestart: own, families }: SessionConfig,
  { restarted, forwarding }: LocalRestart,
): Capability[] {
  if (own === undefined) return [];
  const ours = own.mode === "full" ? families : [];
  const entries = ours.map((family) => ({ afi: AFI[family], safi: SAFI_UNICAST, forwarding }));
  const time = own.longLivedStaleTime;
  return [
    {
      type: "graceful restart",
      restarted: restarted && own.mode === "full",
      notifications: own.notifications,
      time: own.restartTime,
      families: entries,
    },
    {
      type: "long-lived graceful restart",
      families: time === 0 ? [] : entries.map((entry) => ({ ...entry, time })),
    },
  ];
}

/** What the peer's capabilities mean on a session that carries these families; undefined where it is not agreed. */
export function peerRestart(
  { gracefulRestart: own }: SessionConfig,
  capabilities: readonly Capability[],
  families: readonly Family[],
): PeerRestart | undefined {
  // RFC 4724 section 3: of several the last one counts.
  const said = capabilities.findLast((one) => one.type === "graceful restart");
  if (own === undefined || said === undefined) return undefined;
  const longLived = capabilities.findLast((one) => one.type === "long-lived graceful restart");
  return {
    restarted: said.restarted,
    notifications: own.notifications && said.notifications,
    restartTime: said.time,
    families: families.flatMap((family) => keptFamily(family, said, longLived?.families ?? [])),
    longLived: longLived !== undefined,
  };
}

/** Nothing for a family that is in neither capability. */
function keptFamily(
  family: Family,
  said: { readonly time: number; readonly families: readonly RestartFamily[] },
  longLived: readonly LongLivedFamily[],
): KeptFamily[] {
  const isOf = ({ afi, safi }: RestartFamily): boolean =>
    afi === AFI[family] && safi === SAFI_UNICAST;
  const listed = said.families.find(isOf);
  const lasting = longLived.find(isOf);
  if (listed === undefined && lasting === undefined) return [];
  return [
    {
      family,
      forwarding: listed?.forwarding === true || lasting?.forwarding === true,
      // RFC 9494 section 4.2: a family that a capability does not list has no time of its kind.
      restartTime: listed === undefined ? 0 : said.time,
      longLivedStaleTime: lasting?.time ?? 0,
    },
  ];
}
