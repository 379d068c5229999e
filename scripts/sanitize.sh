#!/usr/bin/env bash
# Looks for errors of memory: the Rust tests under AddressSanitizer, with the C libraries below (LMDB, zstd) built for it, and
# the store's tests once more under valgrind, which also sees what was never written. Children of tests run under the
# sanitizer; under valgrind they run by themselves.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/ensure-nightly.sh
command -v valgrind >/dev/null || scripts/install-package.sh valgrind

# What cannot pass under the sanitizer, and says nothing about memory:
skipped=(
    # Its shadow alone takes more address space than the test leaves.
    --skip little_address_space_is_enough_to_open_and_to_go_on
    # How large the file grows depends on which writes meet in one group, and so on the time that they take.
    --skip space_that_became_free_is_used_again
    # A flood over loopback is read for as long as it is faster than its reader, who is several times slower here.
    --skip endless_interim_responses_end_with_the_read_timeout
)

echo "AddressSanitizer: all Rust tests"
host=$(rustc -vV | sed -n 's/^host: //p')
export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1
CFLAGS="-fsanitize=address -fno-omit-frame-pointer ${CFLAGS:-}" RUSTFLAGS="-Zsanitizer=address ${RUSTFLAGS:-}" \
    cargo +nightly test --locked --lib --test it --target "$host" --target-dir .build/sanitize -- "${skipped[@]}"

echo "valgrind: the store"
test=$(cargo test --locked --test it --no-run --message-format=json |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
# Twenty times slower: the hundred kills and the random histories are left to the sanitizer.
valgrind --quiet --error-exitcode=99 --fair-sched=yes --num-callers=30 \
    --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite \
    "$test" --test-threads=1 store_contract lmdb "${skipped[@]}" --skip after_any_history
echo "nothing found"
