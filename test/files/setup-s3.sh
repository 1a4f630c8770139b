#!/bin/sh
# Installs the S3 server that the file store's tests run against. Needs Go; the first build takes some minutes.
set -eu
cd "$(dirname "$0")/../.."
GOBIN="$PWD/node_modules/.cache/guildhall/bin" go install github.com/versity/versitygw/cmd/versitygw@v1.8.0
