/** What a kubelet says to its runtime: the Container Runtime Interface over a unix socket. */

import { join } from "node:path";
import { type Client, credentials, loadPackageDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

/** Milliseconds; a kubelet waits for two minutes. */
const DEADLINE = 30_000;

export type SandboxStatus = {
  readonly state: "SANDBOX_READY" | "SANDBOX_NOTREADY";
  /** The pod's address; empty once it is stopped. */
  readonly address: string;
  readonly additionalAddresses: readonly string[];
  /** Path of the pod's network namespace. */
  readonly namespace: string;
};

export type Condition = {
  readonly type: string;
  readonly status: boolean;
  readonly reason: string;
  readonly message: string;
};

export type PortMapping = { readonly container_port: number; readonly host_port: number };

/** Calls reject with what the runtime answered. */
export type Cri = {
  /** Wait until the runtime serves. */
  ready(): Promise<void>;
  conditions(): Promise<readonly Condition[]>;
  /** The id of the new sandbox; with a port of the node that leads to one of the pod, both TCP. */
  run(pod: string, port?: PortMapping): Promise<string>;
  status(id: string): Promise<SandboxStatus>;
  stop(id: string): Promise<void>;
  remove(id: string): Promise<void>;
  close(): void;
};

type Reply<Message> = (fault: Error | null, message: Message) => void;
type Method = (request: object, options: object, reply: Reply<unknown>) => void;
type Service = new (address: string, security: object, options: object) => Client;

type StatusAnswer = { readonly status: { readonly conditions: readonly Condition[] } };
type SandboxAnswer = {
  readonly status: {
    readonly state: SandboxStatus["state"];
    readonly network: { readonly ip: string; readonly additional_ips: readonly { ip: string }[] };
  };
  readonly info: { readonly info: string };
};
type SandboxInfo = {
  readonly runtimeSpec: {
    readonly linux: { readonly namespaces: readonly { type: string; path?: string }[] };
  };
};

/** A client; it connects when it is first used. */
export function createCri(socket: string): Cri {
  const definition = loadSync(join(import.meta.dir, "cri.proto"), {
    keepCase: true,
    enums: String,
    defaults: true,
  });
  const { RuntimeService } = (
    loadPackageDefinition(definition) as unknown as {
      runtime: { v1: { RuntimeService: Service } };
    }
  ).runtime.v1;
  // The default, the socket's path, is no name that containerd's HTTP/2 accepts.
  const options = { "grpc.default_authority": "localhost" };
  const client = new RuntimeService(`unix:${socket}`, credentials.createInsecure(), options);
  const end = () => ({ deadline: Date.now() + DEADLINE });

  const call = <Answer>(name: string, request: object): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const method = (client as unknown as Record<string, Method>)[name]!;
      method.call(client, request, end(), (fault, answer) =>
        fault === null ? resolve(answer as Answer) : reject(fault),
      );
    });

  return {
    ready: () =>
      new Promise((resolve, reject) =>
        client.waitForReady(end().deadline, (fault) =>
          fault === undefined || fault === null ? resolve() : reject(fault),
        ),
      ),
    conditions: async () => (await call<StatusAnswer>("Status", {})).status.conditions,
    async run(pod, port) {
      const metadata = { name: pod, uid: `uid-${pod}`, namespace: "default", attempt: 0 };
      const config = {
        metadata,
        hostname: pod,
        port_mappings: port === undefined ? [] : [port],
        linux: {},
      };
      const answer = await call<{ pod_sandbox_id: string }>("RunPodSandbox", { config });
      return answer.pod_sandbox_id;
    },
    async status(id) {
      const request = { pod_sandbox_id: id, verbose: true };
      const { status, info } = await call<SandboxAnswer>("PodSandboxStatus", request);
      const { runtimeSpec } = JSON.parse(info.info) as SandboxInfo;
      return {
        state: status.state,
        address: status.network.ip,
        additionalAddresses: status.network.additional_ips.map(({ ip }) => ip),
        namespace: runtimeSpec.linux.namespaces.find(({ type }) => type === "network")?.path ?? "",
      };
    },
    stop: (id) => call("StopPodSandbox", { pod_sandbox_id: id }),
    remove: (id) => call("RemovePodSandbox", { pod_sandbox_id: id }),
    close: () => client.close(),
  };
}
