/** Services and EndpointSlices as `kubectl get services,endpointslices -A -o yaml` prints them. */

export type ServiceSpec = {
  readonly name: string;
  readonly cluster?: string;
  readonly external?: readonly string[];
  readonly balancer?: readonly string[];
  readonly policy?: "Local" | "Cluster";
  /** More lines of the spec. */
  readonly more?: readonly string[];
};

/** A member of a list. */
export function serviceItem(spec: ServiceSpec): string {
  const { name, cluster, external = [], balancer = [], policy, more = [] } = spec;
  const lines = (key: string, values: readonly string[]): string[] =>
    values.length === 0 ? [] : [`    ${key}:`, ...values.map((value) => `    - ${value}`)];
  return [
    "- apiVersion: v1",
    "  kind: Service",
    "  metadata:",
    "    annotations:",
    "      kubectl.kubernetes.io/last-applied-configuration: |",
    '        {"apiVersion":"v1","kind":"Service"}',
    "    labels:",
    "      app: web",
    `    name: ${name}`,
    "    namespace: shop",
    "    uid: 0c2a6f4e-0000-4000-8000-000000000000",
    "  spec:",
    ...(cluster === undefined
      ? []
      : [`    clusterIP: ${cluster}`, ...lines("clusterIPs", [cluster])]),
    ...lines("externalIPs", external),
    ...(policy === undefined ? [] : [`    externalTrafficPolicy: ${policy}`]),
    "    ports:",
    "    - name: http",
    "      port: 80",
    "    sessionAffinity: None",
    `    type: ${balancer.length === 0 ? "ClusterIP" : "LoadBalancer"}`,
    ...more.map((line) => `    ${line}`),
    "  status:",
    balancer.length === 0 ? "    loadBalancer: {}" : "    loadBalancer:",
    ...(balancer.length === 0
      ? []
      : ["      ingress:", ...balancer.map((ip) => `      - ip: ${ip}`)]),
  ].join("\n");
}

/** The endpoints of a Service: `n1` is ready there, `n1!` is not, and `?` is ready nobody knows where. */
export function sliceItem(service: string, nodes: readonly string[], type = "IPv4"): string {
  const endpoints = nodes.flatMap((node) => [
    "  - addresses:",
    `    - ${type === "IPv4" ? "10.244.9.9" : "fd00::9"}`,
    "    conditions:",
    `      ready: ${!node.endsWith("!")}`,
    ...(node === "?" ? [] : [`    nodeName: ${node.replace("!", "")}`]),
    "    targetRef:",
    "      kind: Pod",
    "      name: web-0",
  ]);
  return [
    `- addressType: ${type}`,
    "  apiVersion: discovery.k8s.io/v1",
    ...(nodes.length === 0 ? ["  endpoints: null"] : ["  endpoints:", ...endpoints]),
    "  kind: EndpointSlice",
    "  metadata:",
    "    labels:",
    "      endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io",
    `      kubernetes.io/service-name: ${service}`,
    `    name: ${service}-${type.toLowerCase()}`,
    "    namespace: shop",
    "    ownerReferences:",
    "    - kind: Service",
    `      name: ${service}`,
    "  ports: []",
  ].join("\n");
}

/** All of it, as one document. */
export function listOf(...items: readonly string[]): string {
  const tail = ["kind: List", "metadata:", '  resourceVersion: ""', ""];
  return ["apiVersion: v1", "items:", ...items, ...tail].join("\n");
}
