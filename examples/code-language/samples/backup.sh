#!/bin/bash
set -euo pipefail

SOURCE="${1:?usage: backup.sh SOURCE DESTINATION}"
DEST="${2:?usage: backup.sh SOURCE DESTINATION}"
KEEP=7

log() {
    echo "$(date '+%Y-%m-%d %H:%M:%S') $*" >&2
}

if [ ! -d "$SOURCE" ]; then
    log "no such directory: $SOURCE"
    exit 1
fi

mkdir -p "$DEST"
archive="$DEST/backup-$(date +%Y%m%d-%H%M%S).tar.gz"
tar -czf "$archive.part" -C "$(dirname "$SOURCE")" "$(basename "$SOURCE")"
mv "$archive.part" "$archive"
log "wrote $archive ($(du -h "$archive" | cut -f1))"

ls -1t "$DEST"/backup-*.tar.gz | tail -n +$((KEEP + 1)) | while read -r old; do
    log "removing $old"
    rm -f -- "$old"
done
