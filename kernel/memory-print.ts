/** The whole state of an in-memory namespace as sorted text, for tests that compare it at a glance. */

import { compareAddress, formatAddress } from "../lib/address.ts";
import { comparePrefix, formatPrefix } from "../lib/prefix.ts";
import type { Nexthop, Route, RouteNextHop } from "./kernel.ts";
import { printMasquerade } from "./memory-masquerade.ts";
import { showRoute } from "./memory-route.ts";
import { type MemoryLink, type MemoryNamespace, viewOf } from "./memory-state.ts";
import { settingsOf } from "./memory-sysctl.ts";

const LOCAL_TABLE = 255;
const MAIN_TABLE = 254;

/** Links, addresses, nexthop objects, routes (without the local table), neighbours, settings, source checks and masquerading. */
export function printNamespace(namespace: MemoryNamespace): string {
  const links = [...namespace.links.values()].sort((a, b) => a.index - b.index);
  const names = (index: number | undefined): string =>
    links.find((link) => link.index === index)?.name ?? `${index}`;
  const routes = [...namespace.routes]
    .filter(({ table }) => table !== LOCAL_TABLE)
    .sort(
      (a, b) =>
        comparePrefix(a.destination, b.destination) || a.table - b.table || a.metric - b.metric,
    );
  return [
    `namespace ${namespace.name}`,
    ...links.map((link) => `  link ${printLink(link)}`),
    ...links.flatMap((link) =>
      [...link.addresses]
        .sort((a, b) => compareAddress(a.address, b.address))
        .map(
          ({ address, length, scope }) =>
            `  address ${formatAddress(address)}/${length} dev ${link.name}${scope === "global" ? "" : ` scope ${scope}`}`,
        ),
    ),
    ...[...namespace.nexthops.values()]
      .sort((a, b) => a.id - b.id)
      .map((nexthop) => `  nexthop ${printNexthop(nexthop, names)}`),
    ...routes.map((route) => `  route ${printRoute(showRoute(namespace, route), names)}`),
    ...links.flatMap((link) =>
      [...link.neighbours.values()]
        .sort((a, b) => compareAddress(a.address, b.address))
        .map(
          ({ address, mac, state }) =>
            `  neighbour ${formatAddress(address)} dev ${link.name} lladdr ${mac} ${state}`,
        ),
    ),
    ...settingsOf(namespace)
      .sort()
      .map((setting) => `  sysctl ${setting}`),
    ...[...namespace.sourceChecks].map(
      ([name, { links, exempt }]) => `  source check ${name} of ${links}* but group ${exempt}`,
    ),
    ...[...namespace.masquerades.values()].map((one) => `  masquerade ${printMasquerade(one)}`),
    "",
  ].join("\n");
}

function printLink(link: MemoryLink): string {
  const { up, carrier } = viewOf(link);
  const { name, kind, mac, mtu, alias, group, master, peer, namespace } = link;
  const where = peer?.namespace === namespace ? "" : `@${peer?.namespace.name}`;
  return [
    name,
    ...(kind === "loopback" ? [] : [kind, mac]),
    `mtu ${mtu}`,
    ...(alias === undefined ? [] : [`alias ${alias}`]),
    ...(group === 0 ? [] : [`group ${group}`]),
    up ? (carrier ? "up" : "up no-carrier") : "down",
    ...(master === undefined ? [] : [`master ${master.name}`]),
    ...(peer === undefined ? [] : [`peer ${peer.name}${where}`]),
  ].join(" ");
}

/** As `ip nexthop` would. */
function printNexthop(nexthop: Nexthop, names: (index: number | undefined) => string): string {
  const { id, protocol, members, gateway, link, onLink, blackhole } = nexthop;
  const shares = members?.map((member) =>
    member.weight === undefined ? member.id : `${member.id},${member.weight}`,
  );
  return [
    `id ${id}`,
    shares === undefined ? "" : ` group ${shares.join("/")}`,
    blackhole === true ? " blackhole" : "",
    gateway === undefined ? "" : ` via ${formatAddress(gateway)}`,
    link === undefined ? "" : ` dev ${names(link)}`,
    onLink === true ? " onlink" : "",
    ` proto ${protocol}`,
  ].join("");
}

/** As `ip route` would: only what differs from the usual is said. */
function printRoute(route: Route, names: (index: number | undefined) => string): string {
  const { destination, type, table, protocol, scope, metric, preferredSource, nextHops } = route;
  const { nexthop } = route;
  const many = nextHops.length > 1 ? " nexthop" : "";
  const hop = ({ gateway, link, onLink, weight, dead }: RouteNextHop): string =>
    [
      many,
      gateway === undefined ? "" : ` via ${formatAddress(gateway)}`,
      ` dev ${names(link)}`,
      onLink === true ? " onlink" : "",
      weight === undefined ? "" : ` weight ${weight}`,
      dead === true ? " dead" : "",
    ].join("");
  return [
    type === "unicast" ? "" : `${type} `,
    formatPrefix(destination),
    ` proto ${protocol}`,
    table === MAIN_TABLE ? "" : ` table ${table}`,
    scope === "global" ? "" : ` scope ${scope}`,
    metric === 0 ? "" : ` metric ${metric}`,
    preferredSource === undefined ? "" : ` src ${formatAddress(preferredSource)}`,
    nexthop === undefined ? "" : ` nhid ${nexthop}`,
    ...nextHops.map(hop),
  ].join("");
}
