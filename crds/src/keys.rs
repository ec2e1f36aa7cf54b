//! Labels, annotations and names that several of Warren's processes must agree on.

/// Label on every host object of a virtual cluster: its [cluster id](crate::VirtualClusterStatus::cluster_id).
pub const CLUSTER: &str = "warren.dev/cluster";
/// Label on host objects that come from the tenant: the tenant namespace (a DNS label, so it fits as it is).
pub const TENANT_NAMESPACE: &str = "warren.dev/tenant-namespace";
/// Label on objects in the `-system` namespace: which part of the virtual cluster they are.
pub const COMPONENT: &str = "app.kubernetes.io/component";
/// Label: always `warren`.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Value of [`MANAGED_BY`].
pub const MANAGED_BY_WARREN: &str = "warren";
/// Label on namespaces that the operator made (`system` or `workloads`); its admission policy rests on it.
pub const NAMESPACE_ROLE: &str = "warren.dev/namespace-role";
/// Annotation on the namespaces: the `namespace/name` of the owning `VirtualCluster`.
pub const OWNER: &str = "warren.dev/virtual-cluster";

/// Annotation on host objects that come from the tenant: namespace of the tenant object.
pub const ORIGIN_NAMESPACE: &str = "warren.dev/origin-namespace";
/// Annotation: name of the tenant object.
pub const ORIGIN_NAME: &str = "warren.dev/origin-name";
/// Annotation: UID of the tenant object.
pub const ORIGIN_UID: &str = "warren.dev/origin-uid";
/// Annotation: kind of the tenant object where the host kind differs (a token becomes a Secret).
pub const ORIGIN_KIND: &str = "warren.dev/origin-kind";
/// Annotation on a tenant Pod: a host Pod was made for it once, so it must never be made again
/// (at most once: a bound Pod without a host Pod is either *not yet* or *ran and vanished*).
pub const STARTED: &str = "warren.dev/started";
/// Label (`true`) on tenant objects that Warren mirrors from the host (classes, volumes). An object of the same name
/// without it is the tenant's own and is left alone.
pub const FROM_HOST: &str = "warren.dev/from-host";
/// Label (`true`) that a platform team puts on namespaces of the host out of which `spec.sync.fromHost` may map, beside
/// their names in the class.
pub const SYNC_SOURCE: &str = "warren.dev/sync-source";
/// Label ([`OPEN`]) on host Pods that no NetworkPolicy of the tenant isolates from who comes in: the policy
/// [`OPEN_INGRESS_POLICY`] selects them. A Pod without it is closed but for what other policies allow.
pub const OPEN_INGRESS: &str = "warren.dev/open-ingress";
/// As [`OPEN_INGRESS`], for what goes out.
pub const OPEN_EGRESS: &str = "warren.dev/open-egress";
/// Value of both.
pub const OPEN: &str = "true";
/// NetworkPolicy in the workload namespace: who may reach a Pod that is open.
pub const OPEN_INGRESS_POLICY: &str = "warren-open-ingress";
/// NetworkPolicy in the workload namespace: what a Pod that is open may reach.
pub const OPEN_EGRESS_POLICY: &str = "warren-open-egress";
/// NetworkPolicy in the workload namespace, of the syncer's: at which node ports a Pod that is open may reach its own
/// cluster's Services.
pub const NODE_PORTS_POLICY: &str = "warren-open-node-ports";
/// Annotation on [`OPEN_EGRESS_POLICY`]: addresses of the host's nodes, with commas, unless there are too many to list.
pub const NODE_ADDRESSES: &str = "warren.dev/node-addresses";
/// Annotation on host claims: the `volume.kubernetes.io/selected-node` that was last sent down, to tell a choice that
/// the host's provisioner took back from one that was not sent yet.
pub const SELECTED_NODE: &str = "warren.dev/selected-node";
/// Name of the Lease that the syncer holds in the `-system` namespace.
pub const SYNCER_LEASE: &str = "syncer";
/// Annotation on [`SYNCER_LEASE`]: what the syncer cannot sync, for people. Missing: nothing.
pub const SYNC_PROBLEMS: &str = "warren.dev/sync-problems";
/// Annotation on host objects of custom resources: which state of the tenant's object was written last.
pub const APPLIED: &str = "warren.dev/applied";
/// Finalizer on host Pods that can end by themselves: the vkubelet takes it off when the tenant has their last status.
pub const STATUS_FINALIZER: &str = "warren.dev/status";
/// Prefix domain under which tenant labels and annotations appear on the host.
pub const TENANT_DOMAIN: &str = "tenant.warren.dev";
/// ConfigMap in the workload namespace that owns the host Pods (so that `kubectl drain` sees a controller).
pub const ANCHOR: &str = "warren-anchor";
/// ServiceAccount without rights, in the workload namespace, that every tenant Pod runs as on the host.
pub const WORKLOAD_SERVICE_ACCOUNT: &str = "warren-workload";
/// Label (`true`) of the class used when `spec.class` is not set. A label, because an admission policy must find it.
pub const DEFAULT_CLASS: &str = "warren.dev/is-default-class";
/// Finalizer on `VirtualCluster`.
pub const FINALIZER: &str = "warren.dev/cleanup";

/// Key of the kubeconfig inside the `<name>-kubeconfig` Secret (the Cluster API convention).
pub const KUBECONFIG_KEY: &str = "value";
/// Group of the users' kubeconfigs, bound to cluster-admin in the tenant by RBAC (never `system:masters`).
pub const TENANT_ADMINS: &str = "warren:tenant-admins";
/// User name of the syncer in the tenant.
pub const SYNCER_USER: &str = "warren:syncer";
/// User name of the vkubelet in the tenant.
pub const VKUBELET_USER: &str = "warren:vkubelet";
/// User name of the tenant's CoreDNS in the tenant.
pub const COREDNS_USER: &str = "warren:coredns";
/// User name with which the tenant's kube-apiserver calls the kubelet API.
pub const KUBELET_CLIENT_USER: &str = "warren:kube-apiserver-kubelet-client";

/// Service in the tenant's `kube-system` that the `metrics.k8s.io` `APIService` names. It is an `ExternalName`, so it
/// needs no address of the host's, no endpoints, and nothing of it goes down.
pub const METRICS_SERVICE: &str = "warren-metrics";
/// The name behind [`METRICS_SERVICE`]. Nobody resolves it: the tenant's kube-apiserver asks the egress gate for it,
/// and the gate answers itself.
pub const METRICS_HOST: &str = "metrics.warren.internal";

/// Ports that the processes of one virtual cluster agree on.
pub mod ports {
    /// kube-apiserver, in the Pod and on its Service (TCP).
    pub const API: u16 = 6443;
    /// What the tenant sees in `default/kubernetes` (TCP).
    pub const API_SERVICE: u16 = 443;
    /// etcd clients (TCP).
    pub const ETCD: u16 = 2379;
    /// etcd peers (TCP).
    pub const ETCD_PEER: u16 = 2380;
    /// Egress gate on the vkubelet (TCP, mTLS, HTTP CONNECT).
    pub const GATE: u16 = 8132;
    /// gRPC of the syncer (TCP, mTLS).
    pub const SYNCER_GRPC: u16 = 8133;
    /// gRPC of the operator (TCP, mTLS).
    pub const OPERATOR_GRPC: u16 = 8134;
    /// `/livez /readyz /metrics` of each of Warren's processes (TCP, plain, inside the Pod network only).
    pub const HEALTH: u16 = 8080;
    /// The port every kubelet has, and the one the gate answers itself (TCP).
    pub const KUBELET: u16 = 10250;
    /// `metrics.k8s.io` behind the egress gate (TCP); exists only as a target of `CONNECT`.
    pub const METRICS: u16 = 443;
    /// DNS (UDP and TCP).
    pub const DNS: u16 = 53;
    /// Where the tenant's CoreDNS listens (UDP and TCP): above 1024, so that it needs no capability for it.
    pub const DNS_TARGET: u16 = 1053;
}
