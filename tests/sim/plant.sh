#!/usr/bin/env bash
# Plants a fault: plant.sh PATCH DIRECTORY copies the one file that the patch changes to DIRECTORY/planted.c, and changes the copy. Fails
# where the patch does not fit exactly: then the fault has to be written anew for what the code is now.
set -euo pipefail
cd "$(dirname "$0")/../.."

patch=$1
directory=$2
file=$(sed -nE 's,^\+\+\+ ([^[:space:]]+).*,\1,p' "$patch")
mkdir -p "$directory"
cp "$file" "$directory/planted.c"
if ! patch --silent --fuzz=0 --no-backup-if-mismatch "$directory/planted.c" "$patch"; then
    echo "$patch does not fit $file any more" >&2
    exit 1
fi
