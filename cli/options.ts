/**
 * What the command line of each subcommand comes to, as its action gets it.
 */

import type { Endpoint } from "../lib/endpoint.ts";

export type LogLevel = (typeof LOG_LEVELS)[number];

/** pino's, the most talkative first. */
export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

/** Of every command that prints an answer. */
export type AnswerOptions = { readonly json?: true };

/** Of every command that asks the daemon. */
export type AskOptions = AnswerOptions & {
  /** Path of the API socket. */
  readonly api: string;
};

export type PeersOptions = AskOptions & { readonly peer: string | undefined };

/** `received` and `advertised` exclude each other. */
export type RoutesOptions = AskOptions & {
  readonly target: string | undefined;
  readonly received?: string;
  readonly advertised?: string;
};

export type WhyOptions = AskOptions & { readonly target: string };

/** Where addresses are written down. */
export type RecordsOptions = AnswerOptions & {
  /** Directory of the records. */
  readonly dataDir: string;
};

/** `manx ipam` and `manx ipam show`. */
export type IpamOptions = RecordsOptions & {
  readonly nodeFile: string;
  /** Documents that name the pools. */
  readonly config?: string;
  /** One line for each address in use, else for each block. */
  readonly each: boolean;
};

/** `manx ipam show` of one address, of one block, or of every block as a map. */
export type IpamShowOptions = Omit<IpamOptions, "each"> & {
  readonly target: string | undefined;
  readonly map?: true;
};

export type IpamCheckOptions = RecordsOptions & { readonly nodeFile: string };

export type IpamReleaseOptions = RecordsOptions & {
  readonly address: string;
  readonly network?: string;
  readonly force?: true;
};

export type ValidateOptions = AnswerOptions & {
  readonly path: string;
  /** The one that is shown; without it all are. */
  readonly node?: string;
};

/** Where the plugin goes, and where its configuration; the latter only when named. */
export type InstallOptions = AnswerOptions & {
  readonly binDir: string;
  readonly netDir?: string;
};

/** `manx bgpd`; the log level travels as MANX_LOG, which is where the log reads it. */
export type BgpdOptions = {
  /** File or directory of documents. */
  readonly config: string;
  readonly node: string;
  readonly fib: "kernel" | "none";
  /** Path of the API socket. */
  readonly api: string;
  /** Folder of claims that the nodes share. */
  readonly claims?: string;
  /** Where metrics, health and readiness are served. */
  readonly metrics?: Endpoint;
  /** Of the kernel routes; absent: what the documents say. */
  readonly metric?: number;
  readonly table: number;
  /** Take our routes out of the kernel at the end. */
  readonly withdraw?: true;
};

/** `manx bgpd --cleanup`. */
export type CleanupOptions = { readonly api: string };

/** `manx lab`. */
export type LabOptions = {
  readonly once: boolean;
  readonly json: boolean;
  readonly nodes: number;
  /** On each node. */
  readonly pods: number;
  readonly router: "auto" | "bird" | "manx";
  /** `POD:PORT`, each. */
  readonly publish: readonly string[];
  /** `POD:RATE`, each. */
  readonly limit: readonly string[];
};

/** `manx lab exec TARGET -- COMMAND…`. */
export type LabExecOptions = { readonly target: string; readonly command: string[] };

/** The roles that the executable plays besides answering people. Each gives the exit code. */
export type Roles = {
  bgpd(options: BgpdOptions): Promise<number>;
  cleanup(options: CleanupOptions): Promise<number>;
  lab(options: LabOptions): Promise<number>;
  labExec(options: LabExecOptions): Promise<number>;
};
