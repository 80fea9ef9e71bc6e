/**
 * Where the plugin works: the host's network namespace and a pod's.
 *
 * Tests put the in-memory twin in the place of Linux.
 */

import type { Files } from "../ipam/files.ts";
import { CniError, CODE } from "../ipam/protocol/error.ts";
import type { Request } from "../ipam/protocol/request.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { close, O, open as openFile } from "../kernel/libc.ts";
import { openKernel } from "../kernel/netlink.ts";
import { systemFiles } from "./files.ts";

export type PodNamespace = {
  readonly kernel: Kernel;
  /** Open descriptor of the namespace, until it is closed. */
  readonly descriptor: number;
  close(): void;
};

export type Ground = {
  /** The host's file system. */
  readonly files: Files;
  /** The namespace that this process runs in. */
  host(): Kernel;
  /** The request's namespace. Throws code 8 when there is no such, or when it is the host's. */
  pod(request: Request): PodNamespace;
};

/** Linux. */
export const linux: Ground = { files: systemFiles, host: () => openKernel(), pod };

function pod(request: Request): PodNamespace {
  const { namespacePath: path } = request;
  const descriptor = open(path);
  try {
    const isOwnAllowed = request.environment.CNI_NETNS_OVERRIDE !== undefined;
    const kernel = enter(path, descriptor, isOwnAllowed ? undefined : () => refuseOwn(path));
    return {
      kernel,
      descriptor,
      close: () => {
        kernel.close();
        close(descriptor);
      },
    };
  } catch (fault) {
    close(descriptor);
    throw fault;
  }
}

function open(path: string): number {
  try {
    return openFile(path, O.RDONLY);
  } catch (cause) {
    throw invalid(path, reasonOf(cause), cause);
  }
}

function enter(path: string, namespace: number, refuse: (() => void) | undefined): Kernel {
  try {
    return openKernel({ namespace, ...(refuse === undefined ? {} : { refuseOwn: refuse }) });
  } catch (cause) {
    throw cause instanceof CniError ? cause : invalid(path, reasonOf(cause), cause);
  }
}

/** A runtime's mistake that would put the pod's default route into the node. */
function refuseOwn(path: string): never {
  throw invalid(path, "it is the namespace that the plugin runs in");
}

function invalid(path: string, reason: string, cause?: unknown): CniError {
  return new CniError(
    CODE.invalidNamespace,
    `CNI_NETNS ${path} is no network namespace of a pod: ${reason}`,
    { cause },
  );
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
