#!/bin/bash
# Tryton 6.0 (an ERP of Odoo's family) from Debian 12's packages, as an image.
#
#   tryton.sh [TAG [DIR]]     TAG: tenantd/tryton:6.0, DIR: where to work, var/images
#
# Does nothing when the image exists.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/images/lib.sh
. "$here/lib.sh"

tag=${1:-tenantd/tryton:6.0}
dir=${2:-$here/../../var/images}
if image_exists "$tag"; then
    exit 0
fi
# shellcheck disable=SC2034 # read by make_debian_image
changes=('USER tryton' 'EXPOSE 8000' 'ENV LANG=C.UTF-8' 'WORKDIR /var/lib/tryton')
make_debian_image "$tag" bookworm \
    tryton-server,python3-psycopg2,tryton-modules-party,tryton-modules-company,tryton-modules-currency "$dir" \
    --dpkgopt='path-exclude=/usr/lib/python3/dist-packages/trytond/*/locale/*'
