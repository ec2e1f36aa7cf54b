#!/bin/sh
# CNI plugin: ptp, and then the node's NetworkPolicy agent is told the Pod's address. The Pod starts once the rules know
# it; until then it is closed. CNI_COMMAND and CNI_ARGS come from the container runtime, the configuration by stdin.
result=$(/usr/lib/cni/ptp)
status=$?
if [ "$status" = 0 ] && [ "$CNI_COMMAND" = ADD ]; then
    socket=${0%/*}/../netpol.sock
    address=$(printf '%s\n' "$result" | sed -n 's/.*"address": *"\([0-9.]*\)\/.*/\1/p')
    left=50
    until [ "$(printf '%s %s\n' "$CNI_ARGS" "$address" | nc.openbsd -NU -w 10 "$socket" 2>&1)" = programmed ]; do
        left=$((left - 1))
        if [ "$left" = 0 ]; then
            echo '{"cniVersion":"1.0.0","code":100,"msg":"the NetworkPolicy agent of this node does not answer"}'
            exit 1
        fi
        sleep 0.2
    done
fi
printf '%s\n' "$result"
exit "$status"
