//go:build tools

// Package tools pins kwok, which plays nodes for the benchmark with many Pods. A module of its own, so that it does
// not change what the host is built from; at the host's version of the Kubernetes libraries, so that Go compiles
// those once for both.
package tools

import (
	_ "sigs.k8s.io/kwok/cmd/kwok"
)
