//go:build tools

// Package tools pins etcd, the store of the embedded host and of every tenant.
package tools

import (
	_ "go.etcd.io/etcd/server/v3"
)
