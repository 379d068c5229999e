#!/usr/bin/env bash
# Fuzzes the targets of fuzz/ one after the other, under AddressSanitizer: fuzz.sh SECONDS [TARGET...]. What is found lies in
# fuzz/artifacts; the corpus grows in fuzz/corpus. Neither is kept in the repository, but for what covers the most with the fewest bytes:
# fuzz/seeds, chosen by `-set_cover_merge=1`, of at most 256 bytes each.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=$1
shift

scripts/ensure-nightly.sh
# cargo finds `fuzz` by its path.
PATH="$PWD/.build/cargo-fuzz/bin:$PATH"
command -v cargo-fuzz >/dev/null || cargo install --locked --root .build/cargo-fuzz cargo-fuzz
# The C libraries below (zstd, LMDB) are watched as well.
export CFLAGS="-fsanitize=address ${CFLAGS:-}"

[ $# -gt 0 ] || set -- $(cargo +nightly fuzz list)
cargo +nightly fuzz build
for target in "$@"; do
    echo "fuzzing $target for $seconds s"
    mkdir -p "fuzz/corpus/$target" "fuzz/seeds/$target"
    # A body may unfold to 8 MiB in these targets; whoever reserves much more does it on a stranger's word.
    cargo +nightly fuzz run "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
        -max_total_time="$seconds" -dict=fuzz/dictionary.txt -max_len=8192 \
        -timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=512 -print_final_stats=1 -verbosity=0
done
