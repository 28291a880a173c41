#!/bin/sh
# Makes the passwords that docker-compose.yml asks for, and keeps them in .env, which only its owner may read.
#
#     sh docker/secrets.sh [FILE]
#
# What the file says already stays as it is, passwords too. No password is printed, or is in a command line.
set -eu
umask 077

file=${1:-$(dirname "$0")/../.env}
[ -e "$file" ] || : > "$file"
chmod 600 "$file"

# A last line without an end would swallow the first password.
[ -z "$(tail -c 1 "$file")" ] || echo >> "$file"

for name in SHOP_DATABASE_PASSWORD AIRFLOW_DATABASE_PASSWORD; do
    if grep -q "^$name=." "$file"; then
        echo "$name is there"
    else
        # Hexadecimal, so that it means the same in a URL. All of the line in one write.
        line="$name=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')"
        [ ${#line} -eq $((${#name} + 49)) ] || { echo "error: cannot read /dev/urandom" >&2; exit 1; }
        echo "$line" >> "$file"
        echo "$name is made"
    fi
done
