/**
 * nf_tables as octets: the messages of nfnetlink that make, find and tell a rule (linux/netfilter/nf_tables.h).
 *
 * Only what a rule of ours needs. Unlike rtnetlink's, numbers of nf_tables are in network order, but for those that a
 * packet's registers hold.
 */

import type { Family } from "../lib/address.ts";
import { NLA_F_NESTED, NLM_F } from "./const.ts";
import { attributesOf, bytesOf, type Message, type MessageWriter } from "./message.ts";
import type { Begin } from "./request.ts";

const NFNL_SUBSYS_NFTABLES = 10;
const NFNL_MSG_BATCH = { BEGIN: 0x10, END: 0x11 } as const;
/** NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_* */
export const NFT_MSG = {
  NEWTABLE: 0xa00,
  DELTABLE: 0xa02,
  NEWCHAIN: 0xa03,
  GETCHAIN: 0xa04,
  NEWRULE: 0xa06,
  GETRULE: 0xa07,
  DELRULE: 0xa08,
} as const;
/** NFPROTO_IPV4, NFPROTO_IPV6 */
const NFPROTO = { 4: 2, 6: 10 } as const;
const NFTA_TABLE = { NAME: 1, FLAGS: 2 } as const;
const NFTA_CHAIN = { TABLE: 1, NAME: 3, HOOK: 4, POLICY: 5, USE: 6, TYPE: 7 } as const;
const NFTA_HOOK = { HOOKNUM: 1, PRIORITY: 2 } as const;
const NFTA_RULE = { TABLE: 1, CHAIN: 2, EXPRESSIONS: 4 } as const;
const NFTA_LIST_ELEM = 1;
const NFTA_EXPR = { NAME: 1, DATA: 2 } as const;
const NFTA_DATA = { VALUE: 1, VERDICT: 2 } as const;
const NFTA_META = { DREG: 1, KEY: 2 } as const;
const NFTA_CMP = { SREG: 1, OP: 2, DATA: 3 } as const;
const NFTA_PAYLOAD = { DREG: 1, BASE: 2, OFFSET: 3, LEN: 4 } as const;
const NFTA_BITWISE = { SREG: 1, DREG: 2, LEN: 3, MASK: 4, XOR: 5 } as const;
const NFTA_FIB = { DREG: 1, RESULT: 2, FLAGS: 3 } as const;
const NFTA_IMMEDIATE = { DREG: 1, DATA: 2 } as const;
const NFTA_VERDICT = { CODE: 1, CHAIN: 2 } as const;
const NFTA_MASQ_FLAGS = 1;
/** NF_NAT_RANGE_PROTO_RANDOM_FULLY (linux/netfilter/nf_nat.h) */
const RANDOM_FULLY = 16;
/** NF_DROP, NF_ACCEPT (linux/netfilter.h), NFT_GOTO, NFT_RETURN. */
const VERDICT = { drop: 0, accept: 1, goto: -4, return: -5 } as const;
/** The one register that is used, NFT_REG_1, and that of verdicts. */
const REGISTER = 1;
const REGISTER_VERDICT = 0;

/** What `meta` loads. */
export const META = { iifname: 6, iifgroup: 21 } as const;
/** How `cmp` compares. */
export const CMP = { eq: 0, neq: 1 } as const;
const NFT_PAYLOAD_NETWORK_HEADER = 1;
const NFT_FIB_RESULT_OIF = 1;
/** NFTA_FIB_F_SADDR | NFTA_FIB_F_IIF | NFTA_FIB_F_PRESENT */
const FIB_WAY_BACK = 1 | 8 | 32;

/** An attribute, or one that has others in it. */
type Attribute = { readonly type: number; readonly value: Uint8Array | readonly Attribute[] };

/** One step of a rule. */
export type Expression = { readonly name: string; readonly attributes: readonly Attribute[] };

/** A chain of a family's table. */
export type Chain = { readonly family: Family; readonly table: string; readonly chain: string };

/** Where packets come to a chain: NF_INET_* (linux/netfilter.h), and before which others. */
export type Hook = {
  readonly type: "filter" | "nat";
  readonly number: number;
  readonly priority: number;
};

/** Load a property of the packet's. */
export function meta(key: number): Expression {
  return {
    name: "meta",
    attributes: [number(NFTA_META.KEY, key), number(NFTA_META.DREG, REGISTER)],
  };
}

/** Go on with the rule only if what is loaded begins with these octets, or does not. */
export function compare(how: number, octets: Uint8Array): Expression {
  return {
    name: "cmp",
    attributes: [
      number(NFTA_CMP.SREG, REGISTER),
      number(NFTA_CMP.OP, how),
      { type: NFTA_CMP.DATA, value: [{ type: NFTA_DATA.VALUE, value: octets }] },
    ],
  };
}

/** Load octets of the IP header. */
export function header(offset: number, length: number): Expression {
  return {
    name: "payload",
    attributes: [
      number(NFTA_PAYLOAD.DREG, REGISTER),
      number(NFTA_PAYLOAD.BASE, NFT_PAYLOAD_NETWORK_HEADER),
      number(NFTA_PAYLOAD.OFFSET, offset),
      number(NFTA_PAYLOAD.LEN, length),
    ],
  };
}

/** Keep the bits of the mask alone of what is loaded. */
export function mask(octets: Uint8Array): Expression {
  const none = new Uint8Array(octets.length);
  return {
    name: "bitwise",
    attributes: [
      number(NFTA_BITWISE.SREG, REGISTER),
      number(NFTA_BITWISE.DREG, REGISTER),
      number(NFTA_BITWISE.LEN, octets.length),
      { type: NFTA_BITWISE.MASK, value: [{ type: NFTA_DATA.VALUE, value: octets }] },
      { type: NFTA_BITWISE.XOR, value: [{ type: NFTA_DATA.VALUE, value: none }] },
    ],
  };
}

/** Load whether there is a route to the source over the link that the packet came by: a register of 0 or 1. */
export function wayBack(): Expression {
  return {
    name: "fib",
    attributes: [
      number(NFTA_FIB.FLAGS, FIB_WAY_BACK),
      number(NFTA_FIB.RESULT, NFT_FIB_RESULT_OIF),
      number(NFTA_FIB.DREG, REGISTER),
    ],
  };
}

/** Count packets and octets that come so far. */
export function counter(): Expression {
  return { name: "counter", attributes: [] };
}

/** Be done with the packet. */
export function drop(): Expression {
  return verdict(VERDICT.drop);
}

/** Go on with another chain, and not with what comes after in this one. */
export function goTo(chain: string): Expression {
  return verdict(VERDICT.goto, [text(NFTA_VERDICT.CHAIN, chain)]);
}

/** Be done with the chain. */
export function goBack(): Expression {
  return verdict(VERDICT.return);
}

/** Have the packet's connection leave with the address of the link that it leaves by, and any port that is free. */
export function masquerade(): Expression {
  return { name: "masq", attributes: [number(NFTA_MASQ_FLAGS, RANDOM_FULLY)] };
}

function verdict(code: number, more: readonly Attribute[] = []): Expression {
  const value = [number(NFTA_VERDICT.CODE, code), ...more];
  return {
    name: "immediate",
    attributes: [
      number(NFTA_IMMEDIATE.DREG, REGISTER_VERDICT),
      { type: NFTA_IMMEDIATE.DATA, value: [{ type: NFTA_DATA.VERDICT, value }] },
    ],
  };
}

/** Messages that are done all together or not at all; the last one before `end` asks for an ack. */
export class Transaction {
  readonly #begin: Begin;
  readonly #family: Family;
  #last: MessageWriter;

  constructor(begin: Begin, family: Family) {
    this.#begin = begin;
    this.#family = family;
    this.#last = writeSubject(begin(NFNL_MSG_BATCH.BEGIN, 0), 0, NFNL_SUBSYS_NFTABLES);
  }

  /** Make it unless it is there. */
  addTable(table: string): void {
    this.#add(NFT_MSG.NEWTABLE, 0, [text(NFTA_TABLE.NAME, table), number(NFTA_TABLE.FLAGS, 0)]);
  }

  /** It must be there. */
  deleteTable(table: string): void {
    this.#add(NFT_MSG.DELTABLE, 0, [text(NFTA_TABLE.NAME, table)]);
  }

  /** Make it unless it is there; packets come to it by the hook, or from other chains. */
  addChain(table: string, chain: string, hook?: Hook): void {
    const name = [text(NFTA_CHAIN.TABLE, table), text(NFTA_CHAIN.NAME, chain)];
    const base =
      hook === undefined
        ? []
        : [
            text(NFTA_CHAIN.TYPE, hook.type),
            number(NFTA_CHAIN.POLICY, VERDICT.accept),
            { type: NFTA_CHAIN.HOOK, value: hookAttributes(hook) },
          ];
    this.#add(NFT_MSG.NEWCHAIN, NLM_F.CREATE, [...name, ...base]);
  }

  flushChain(table: string, chain: string): void {
    this.#add(NFT_MSG.DELRULE, 0, [text(NFTA_RULE.TABLE, table), text(NFTA_RULE.CHAIN, chain)]);
  }

  /** Behind those that are there. */
  addRule(table: string, chain: string, rule: readonly Expression[]): void {
    this.#add(NFT_MSG.NEWRULE, NLM_F.CREATE | NLM_F.APPEND, [
      text(NFTA_RULE.TABLE, table),
      text(NFTA_RULE.CHAIN, chain),
      { type: NFTA_RULE.EXPRESSIONS, value: rule.map(elementOf) },
    ]);
  }

  end(): void {
    this.#last.addFlags(NLM_F.ACK);
    writeSubject(this.#begin(NFNL_MSG_BATCH.END, 0), 0, NFNL_SUBSYS_NFTABLES);
  }

  #add(type: number, flags: number, attributes: readonly Attribute[]): void {
    this.#last = writeSubject(this.#begin(type, flags), NFPROTO[this.#family]);
    writeAttributes(this.#last, attributes);
  }
}

/** The question for a chain (NFT_MSG_GETCHAIN). */
export function writeChainQuestion(writer: MessageWriter, { family, table, chain }: Chain): void {
  writeAttributes(writeSubject(writer, NFPROTO[family]), [
    text(NFTA_CHAIN.TABLE, table),
    text(NFTA_CHAIN.NAME, chain),
  ]);
}

/** The question for a chain's rules (a dump of NFT_MSG_GETRULE). */
export function writeRulesQuestion(writer: MessageWriter, { family, table, chain }: Chain): void {
  writeAttributes(writeSubject(writer, NFPROTO[family]), [
    text(NFTA_RULE.TABLE, table),
    text(NFTA_RULE.CHAIN, chain),
  ]);
}

/** Of an answer that has a chain: how many rules there are in it. */
export function rulesIn({ body }: Message): number {
  return attributesOf(body, SUBJECT).get(NFTA_CHAIN.USE)?.getUint32(0) ?? 0;
}

/** Whether an answer's chain is hooked there. */
export function isHooked({ body }: Message, hook: Hook): boolean {
  const there = attributesOf(body, SUBJECT).get(NFTA_CHAIN.HOOK);
  return there !== undefined && hasAll(there, 0, hookAttributes(hook));
}

/** Whether an answer's rule is this one. What a counter has counted is of no account. */
export function isRule({ body }: Message, rule: readonly Expression[]): boolean {
  const list = attributesOf(body, SUBJECT).get(NFTA_RULE.EXPRESSIONS);
  const elements = list === undefined ? [] : elementsOf(list);
  if (elements.length !== rule.length) return false;
  let at = 0;
  for (const expression of rule) {
    const element = elements[at++];
    if (element === undefined) return false;
    if (!hasAll(element, 0, expressionAttributes(expression))) return false;
  }
  return true;
}

/** Octets of struct nfgenmsg. */
const SUBJECT = 4;

function hookAttributes({ number: hook, priority }: Hook): readonly Attribute[] {
  return [number(NFTA_HOOK.HOOKNUM, hook), number(NFTA_HOOK.PRIORITY, priority)];
}

/** struct nfgenmsg: the family, a version and what a batch is of, in network order. */
function writeSubject(writer: MessageWriter, family: number, of = 0): MessageWriter {
  return writer
    .u8(family)
    .u8(0)
    .u16(of << 8);
}

function writeAttributes(writer: MessageWriter, attributes: readonly Attribute[]): void {
  for (const { type, value } of attributes) {
    if (value instanceof Uint8Array) {
      writer.attribute(type, value);
      continue;
    }
    const start = writer.open(type | NLA_F_NESTED);
    writeAttributes(writer, value);
    writer.close(start);
  }
}

function elementOf(expression: Expression): Attribute {
  return { type: NFTA_LIST_ELEM, value: expressionAttributes(expression) };
}

function expressionAttributes({ name, attributes }: Expression): readonly Attribute[] {
  return [text(NFTA_EXPR.NAME, name), { type: NFTA_EXPR.DATA, value: attributes }];
}

/** Attributes of a list, which all have one type. */
function elementsOf(list: DataView): DataView[] {
  const elements: DataView[] = [];
  for (let at = 0; at + 4 <= list.byteLength; ) {
    const length = list.getUint16(at, true);
    if (length < 4 || at + length > list.byteLength) break;
    elements.push(new DataView(list.buffer, list.byteOffset + at + 4, length - 4));
    at += (length + 3) & ~3;
  }
  return elements;
}

/** Whether all of these are among the attributes there; the kernel tells more than it was asked for. */
function hasAll(view: DataView, offset: number, wanted: readonly Attribute[]): boolean {
  const found = attributesOf(view, offset);
  for (const { type, value } of wanted) {
    const there = found.get(type);
    if (there === undefined) return false;
    const isThere =
      value instanceof Uint8Array ? isEqual(bytesOf(there), value) : hasAll(there, 0, value);
    if (!isThere) return false;
  }
  return true;
}

function isEqual(octets: Uint8Array, others: Uint8Array): boolean {
  if (octets.length !== others.length) return false;
  for (let at = 0; at < octets.length; at++) if (octets[at] !== others[at]) return false;
  return true;
}

/** 32 bits in network order. */
function number(type: number, value: number): Attribute {
  const octets = new Uint8Array(4);
  new DataView(octets.buffer).setInt32(0, value);
  return { type, value: octets };
}

/** A NUL-terminated string. */
function text(type: number, value: string): Attribute {
  return { type, value: new TextEncoder().encode(`${value}\0`) };
}
