#!/bin/sh
# Finds or installs Chromium for the browser tests; says what is missing where it cannot.
for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null 2>&1 && exit 0
done
if command -v apt-get >/dev/null 2>&1; then
    sudo=""
    [ "$(id -u)" = 0 ] || sudo="sudo -n"
    echo "Installing Chromium for the browser tests ..."
    if $sudo apt-get update -qq && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; then
        exit 0
    fi
fi
echo "No Chromium here: the browser tests will be skipped. Install it (Debian: apt-get install chromium) to run them."
