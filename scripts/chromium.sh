#!/usr/bin/env bash
# Makes sure that there is a Chromium with its WebDriver, and prints what starts each, one a line: the
# browser, then the driver. Nothing outside a folder of our own is changed.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/lib.sh
. "$here/lib.sh"

# Sets `browser` and `driver` to those that are installed, if both are.
find_installed() {
    local candidate
    driver=$(command -v chromedriver) || return 1
    for candidate in "$(command -v chromium || true)" /Applications/Chromium.app/Contents/MacOS/Chromium \
        "$(command -v google-chrome || true)" "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do
        if [ -x "$candidate" ]; then browser=$candidate; return; fi
    done
    return 1
}

# Writes what starts the programs out of the folder where they lie: with their libraries, and with
# fonts, without which a page is blank.
write_starters() {
    local libraries program
    # Some lie in folders that only their users look into, at places that are not ours.
    libraries=$(cd "$1" && find usr/lib/*-linux-gnu* -name 'lib*.so*' -printf "$unpacked/%h\n" | sort -u | paste -s -d :)
    cat >"$1/fonts.conf" <<CONF
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir>$unpacked/usr/share/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
  <match><edit name="family" mode="append_last"><string>DejaVu Sans</string></edit></match>
  <cachedir>$unpacked/fonts-cache</cachedir>
</fontconfig>
CONF
    for program in usr/lib/chromium/chromium usr/bin/chromedriver; do
        cat >"$1/$(basename "$program")" <<SH
#!/bin/sh
export FONTCONFIG_FILE="$unpacked/fonts.conf"
export LD_LIBRARY_PATH="$libraries\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}"
exec "$unpacked/$program" "\$@"
SH
        chmod 755 "$1/$(basename "$program")"
    done
}

if ! find_installed; then
    [ "$(uname)" != Darwin ] ||
        die "no Chromium with a chromedriver: run 'brew install --cask google-chrome chromedriver'"
    unpacked="$(tools_dir)/chromium"
    unpack_packages "$unpacked" chromedriver write_starters chromium chromium-driver fonts-dejavu-core
    browser="$unpacked/chromium" driver="$unpacked/chromedriver"
fi
printf '%s\n' "$browser" "$driver"
