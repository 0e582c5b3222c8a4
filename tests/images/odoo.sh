#!/bin/bash
# The real Odoo 14, from Debian 11's package, as an image. Runs with PostgreSQL 15.
#
#   odoo.sh [TAG [DIR]]     TAG: tenantd/odoo:14, DIR: where to work, var/images
#
# Does nothing when the image exists.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/images/lib.sh
. "$here/lib.sh"

tag=${1:-tenantd/odoo:14}
dir=${2:-$here/../../var/images}
if image_exists "$tag"; then
    exit 0
fi
# The package's user is number 101, as in the official image. Translations are 400 MB, and read only when somebody
# adds a language.
# shellcheck disable=SC2034 # read by make_debian_image
changes=('USER odoo' 'EXPOSE 8069' 'EXPOSE 8072' 'ENV LANG=C.UTF-8' 'WORKDIR /var/lib/odoo')
make_debian_image "$tag" bullseye odoo-14 "$dir" \
    --dpkgopt='path-exclude=/usr/lib/python3/dist-packages/odoo/addons/*/i18n/*' \
    --dpkgopt='path-exclude=/usr/lib/python3/dist-packages/odoo/addons/*/i18n_extra/*'
