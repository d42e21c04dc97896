#!/usr/bin/env bash
# Runs this release beside another one, in both directions, under load with replays.
#
#   mixed-versions.sh COMMIT     the other release; it is built in a work tree of its own under target/
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/lib.sh
. "$here/lib.sh"
[ $# = 1 ] || die "usage: mixed-versions.sh COMMIT"
cd "$here/.."
commit=$(git rev-parse --verify "$1^{commit}") || die "there is no commit $1"
target=$(cd "${CARGO_TARGET_DIR:-.}" && pwd)
[ -n "${CARGO_TARGET_DIR:-}" ] || target="$PWD/target"
tree="$target/other-release"
if [ -e "$tree" ]; then git -C "$tree" checkout --quiet --detach "$commit"
else git worktree prune; git worktree add --quiet --detach "$tree" "$commit"; fi
(cd "$tree" && CARGO_TARGET_DIR="$target/other-release-target" \
    cargo build -p gateway -p lead-service -p campaign-service --bins)
ROLLCALL_TEST_OTHER_SERVICES="$target/other-release-target/debug" \
    exec "$here/test.sh" --workspace --features failpoints -E 'test(mixed_versions)' --no-capture
