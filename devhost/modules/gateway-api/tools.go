//go:build tools

// Package tools pins the definitions of the Gateway API, which a story installs on the host. A module of its own, so that
// it does not change what the host is built from; nothing is built of it.
package tools

import (
	_ "sigs.k8s.io/gateway-api/apis/v1"
)
