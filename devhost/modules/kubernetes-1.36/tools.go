//go:build tools

// Package tools pins the Kubernetes before the one that Warren is built for, for tests of version skew: only what a
// host or a tenant consists of. Everything else comes from the module beside this one.
package tools

import (
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kube-controller-manager"
	_ "k8s.io/kubernetes/cmd/kube-proxy"
	_ "k8s.io/kubernetes/cmd/kube-scheduler"
	_ "k8s.io/kubernetes/cmd/kubelet"
)
