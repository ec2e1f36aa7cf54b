//go:build tools

// Package tools pins metrics-server, which measures Pods of the host. A module of its own, so that it does not change
// what the host is built from; at the host's versions of what they share, so that Go compiles that once for both.
package tools

import (
	_ "sigs.k8s.io/metrics-server/cmd/metrics-server"
)
